"""Edits and columns as lists, numbers and bytes, for another process or machine.

Tensors are written as float32, in the machine's byte order; nothing is pickled by this module.
"""

import numpy as np
import torch
from torch import Tensor

from steering.inference.decode_request import Column
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


def of_column(column: Column) -> Plain:
    """Return the plain form of one step of a request."""
    return {
        "tokens": list(column.tokens),
        "logits": None if column.logits is None else _of_tensor(column.logits),
        "ended": list(column.ended),
        "overflowed": list(column.overflowed),
    }


def column(plain: Plain) -> Column:
    """Return the step of a plain form."""
    logits = plain["logits"]
    return Column(
        tokens=tuple(plain["tokens"]),
        logits=None if logits is None else _tensor(logits),
        ended=tuple(plain["ended"]),
        overflowed=tuple(plain["overflowed"]),
    )
