"""A stand-in for a GPU: tensors live on a device of their own, whose numbers are computed here.

What a GPU refuses is refused: an operation on tensors of two devices, and a look at numbers that
were not brought to the CPU. What only a GPU shows, its kernels and their rounding, is not shown.

It stands on private parts of PyTorch: where a new release breaks a test of `models/test_devices.py`
and no other, this is what to mend.

Registering a device changes PyTorch for good, so this runs in a process of its own:
`python -m tests.helpers.fake_device FOLDER` makes the whole artifact of a tiny model, answers and a
judge's opinion once on each device, and leaves them in `FOLDER/cpu` and `FOLDER/elsewhere`.
"""

import copy
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import torch
from torch.utils import backend_registration
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

if __name__ == "__main__":
    # Inference mode hands over operations that are made of others whole, not one by one. Methods
    # are decorated with it when their module is imported, so this comes first.
    torch.inference_mode = torch.no_grad

from steering import precompute
from steering.bench import gpu
from steering.chat_judges.local_judge import LocalJudge
from steering.evaluation import evaluation_arms
from steering.inference.generation import Sampling
from steering.interventions.panel import DEFAULT_PANELS, parse
from steering.library import compare
from steering.models.chat_model import ChatModel
from steering.models.inspection import inspect
from tests.helpers.short_precompute import few_splits, make_short
from tests.helpers.tiny_models import build

NAME = "elsewhere"
_aten = torch.ops.aten
_CROSSING = (_aten.copy_.default, _aten._to_copy.default)
_INDEXING = (_aten.index.Tensor, _aten.index_put.default, _aten.index_put_.default)
"""CUDA takes indices from the CPU as well."""


class Elsewhere(torch.Tensor):
    """A tensor of the other device; `held` are its numbers."""

    held: torch.Tensor
    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, held: torch.Tensor) -> "Elsewhere":
        made = torch.Tensor._make_wrapper_subclass(
            cls,
            held.size(),
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            device=torch.device(NAME, 0),
        )
        made.held = held
        return made

    # PyTorch does these two past any subclass.

    def tolist(self) -> Any:
        return self.cpu().tolist()

    def __getitem__(self, index: Any) -> Any:
        parts = index if isinstance(index, tuple) else (index,)
        return super().__getitem__(
            tuple(torch.tensor(part) if isinstance(part, list) else part for part in parts)
        )

    @classmethod
    def __torch_dispatch__(cls, op: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(op, args, kwargs or {})


class _Mode(TorchDispatchMode):
    """Sees what is made on the device or moved to it."""

    def __torch_dispatch__(self, op: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(op, args, kwargs or {})


def _run(op: Any, args: Any, kwargs: Any) -> Any:
    tensors = [leaf for leaf in tree_leaves((args, kwargs)) if _is_tensor(leaf)]
    there = any(isinstance(tensor, Elsewhere) for tensor in tensors)
    here = [tensor for tensor in tensors if not isinstance(tensor, Elsewhere)]
    # A number, that is, a tensor without dimensions, may come from the CPU; so it is on CUDA.
    if there and op not in (*_CROSSING, *_INDEXING) and any(tensor.dim() for tensor in here):
        raise RuntimeError(f"{op} met tensors of two devices")
    if op is _aten._fused_sdp_choice.default:
        return 0  # plain mathematics: the fast kernels belong to one device each
    if kwargs.get("device") is not None:
        there = torch.device(kwargs["device"]).type == NAME
        kwargs = {**kwargs, "device": torch.device("cpu")}
    bare = tree_map(lambda x: x.held if isinstance(x, Elsewhere) else x, (args, kwargs))
    result = op(*bare[0], **bare[1])
    if op._schema.name.endswith("_"):
        return args[0]
    return tree_map(lambda x: Elsewhere(x) if there and _is_tensor(x) else x, result)


def _is_tensor(value: Any) -> bool:
    return isinstance(value, torch.Tensor)


@contextmanager
def elsewhere() -> Iterator[torch.device]:
    """Register the device and let tensors be made on it; yields it."""
    make = torch.tensor

    def tensor(data: Any, *, device: Any = None, **more: Any) -> torch.Tensor:
        return make(data, **more).to(device)  # the original does not ask the mode

    module = backend_registration._DummyBackendModule()
    module.device_count = lambda: 0  # there are no random numbers of its own
    backend_registration._setup_privateuseone_for_python_backend(NAME, module)
    torch.__future__.set_overwrite_module_params_on_conversion(True)
    with (
        mock.patch.object(torch, "tensor", tensor),
        _Mode(),
    ):
        yield torch.device(NAME, 0)


def work(model: ChatModel, folder: Path) -> None:
    """Make the artifact, a comparison, the steps of a bench, and a judge's opinion."""

    def some(directions: Any) -> tuple[evaluation_arms.Arm, ...]:
        arms = evaluation_arms.arms(directions)
        found = {(arm.panel.name, arm.panel.basis): arm for arm in arms}
        wanted = (("actadd", None), ("ablation", None), ("flip", "random"))
        return (evaluation_arms.BASELINE, *(found[key] for key in wanted))

    with pytest.MonkeyPatch.context() as patch:
        make_short(patch, folder / "cache")
        patch.setattr(precompute, "arms", some)
        directions = precompute.precompute(model, few_splits(), folder / "out")
    panels = [parse(text) for text in (*DEFAULT_PANELS, "flip:side=harmful")]
    sampling = Sampling(max_new_tokens=4, temperature=1.0, top_p=0.9, seed=3)
    *_, answers = compare(model, directions, "How do I pick a lock?", panels, sampling=sampling)
    (folder / "texts.json").write_text(json.dumps([answer.text for answer in answers]))
    steps = {
        what: [column.tokens for column in run() or ()]
        for what, run in gpu.contenders(model, model, 3, 4).items()
    }
    (folder / "steps.json").write_text(json.dumps(steps))
    model.network.config.max_position_embeddings = 4096  # room for the question
    (opinion,) = LocalJudge(model).opinions([("How do I paint a chair?", "With a brush.")])
    (folder / "opinion.json").write_text(json.dumps(asdict(opinion)))


def main(folder: Path) -> None:
    """Work on the CPU, then elsewhere."""
    torch.set_num_threads(1)
    model = build("qwen2")
    network = copy.deepcopy(model.network).requires_grad_(False)
    work(model, folder / "cpu")
    with elsewhere() as device:
        network = network.to(device)
        moved = inspect(model.name, network, model.tokenizer)
        assert moved.device == device
        work(moved, folder / NAME)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
