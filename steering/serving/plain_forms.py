"""Requests, edits and columns as lists, numbers and bytes, for another process or machine.

Tensors are written as float32, in the machine's byte order; nothing is pickled by this module.
"""

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
import torch
from torch import Tensor

from steering.errors import SteeringError
from steering.inference.decode_request import Column
from steering.inference.sampling import Sampling
from steering.interventions.edits import Edit, Gate
from steering.serving.zero_gpu import Plain


def _of_tensor(tensor: Tensor) -> Plain:
    numbers = tensor.detach().to("cpu", torch.float32).contiguous().numpy()
    return {"shape": list(numbers.shape), "data": numbers.tobytes()}


def _tensor(plain: Plain) -> Tensor:
    # A copy: bytes cannot be written to, and torch wants to be able to.
    return torch.from_numpy(np.frombuffer(plain["data"], np.float32).reshape(plain["shape"]).copy())


def of_edit(edit: Edit) -> Plain:
    """Return the plain form of an edit, whose tensors are float32."""
    gate = edit.gate
    return {
        "basis": _of_tensor(edit.basis),
        "alpha": edit.alpha,
        "center": _of_tensor(edit.center),
        "shift": _of_tensor(edit.shift),
        "sites": [[layer, part] for layer, part in edit.sites],
        "gate": gate and {"normal": _of_tensor(gate.normal), "offset": gate.offset},
        "reader": None if edit.reader is None else _of_tensor(edit.reader),
        "push": edit.push,
    }


def edit(plain: Plain) -> Edit:
    """Return the edit of a plain form."""
    gate, reader = plain["gate"], plain["reader"]
    return Edit(
        basis=_tensor(plain["basis"]),
        alpha=plain["alpha"],
        center=_tensor(plain["center"]),
        shift=_tensor(plain["shift"]),
        sites=tuple((layer, part) for layer, part in plain["sites"]),
        gate=gate and Gate(_tensor(gate["normal"]), gate["offset"]),
        reader=None if reader is None else _tensor(reader),
        push=plain["push"],
    )


def of_request(
    rows: Sequence[Sequence[int]], edits: Sequence[Edit | None], sampling: Sampling
) -> Plain:
    """Return the plain form of rows that are to be continued, each under its edit."""
    return {
        "rows": [list(row) for row in rows],
        "edits": [None if each is None else of_edit(each) for each in edits],
        "sampling": asdict(sampling),
    }


def request(plain: Plain) -> tuple[list[list[int]], list[Edit | None], Sampling]:
    """Return rows, edits and sampling of a plain form."""
    edits = [None if each is None else edit(each) for each in plain["edits"]]
    return plain["rows"], edits, Sampling(**plain["sampling"])


def of_refusal(error: SteeringError) -> Plain:
    """Return the plain form of a refusal, which comes in the place of a column."""
    return {"error": str(error)}


def of_column(column: Column) -> Plain:
    """Return the plain form of one step of a request."""
    return {
        "tokens": list(column.tokens),
        "logits": None if column.logits is None else _of_tensor(column.logits),
        "ended": list(column.ended),
        "overflowed": list(column.overflowed),
    }


def column(plain: Plain) -> Column:
    """Return the step of a plain form.

    Raises:
        SteeringError: If it is a refusal.
    """
    if "error" in plain:
        raise SteeringError(plain["error"])
    logits = plain["logits"]
    return Column(
        tokens=tuple(plain["tokens"]),
        logits=None if logits is None else _tensor(logits),
        ended=tuple(plain["ended"]),
        overflowed=tuple(plain["overflowed"]),
    )
