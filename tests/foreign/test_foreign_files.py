import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from steering.errors import SteeringError
from steering.foreign.foreign_directions import import_directions
from tests.helpers import foreign
from tests.helpers.foreign import saved, truncated


def test_files_that_were_saved_on_a_gpu_open_without_one(model, tmp_path) -> None:
    folder = foreign.refusal_direction(tmp_path / "run", foreign.mean_diffs())
    for path in (folder / "direction.pt", folder / "generate_directions" / "mean_diffs.pt"):
        foreign.as_saved_on_a_gpu(path)
    assert import_directions(folder, model).directions.difference.device.type == "cpu"


class Ran:
    """Leaves a trace if somebody unpickles it."""

    def __reduce__(self):
        return os.mkdir, (os.environ["TRACE"],)


def changed(vector: torch.Tensor, value: float) -> torch.Tensor:
    vector = vector.clone()
    vector[5] = value
    return vector


def torch_saved(path: Path, content: object) -> Path:
    torch.save(content, path)
    return path


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


V = foreign.vectors(1)[1]
NAN, INF = float("nan"), float("inf")
CV = foreign.control_vector
RD = foreign.refusal_direction
BAD: dict[str, tuple[Callable[[Path], Path], str]] = {
    "gguf width": (lambda p: CV(p / "x.gguf", foreign.vectors(1, width=48)), "d_model 32"),
    "pt width": (lambda p: torch_saved(p / "x.pt", foreign.vectors(1, width=16)), "d_model 32"),
    "pt shape": (lambda p: torch_saved(p / "x.pt", {1: torch.ones(4, 8)}), "d_model 32"),
    "scalar": (lambda p: torch_saved(p / "x.pt", {1: torch.tensor(1.0)}), "d_model 32"),
    "gguf depth": (lambda p: CV(p / "x.gguf", foreign.vectors(4)), "blocks 0 to 3"),
    "pt depth": (lambda p: torch_saved(p / "x.pt", foreign.vectors(-5)), "blocks 0 to 3"),
    "table width": (lambda p: RD(p, foreign.mean_diffs(width=16)), "d_model 32"),
    "table depth": (lambda p: RD(p, foreign.mean_diffs(layers=6)), "has 6 layers"),
    "table shape": (
        lambda p: RD(p, foreign.mean_diffs()[0], chosen=V, point=(-1, 2)),
        "no tensor of shape",
    ),
    "table NaN": (
        lambda p: RD(p, torch.full((3, 4, 32), NAN), chosen=V),
        "NaN or infinite",
    ),
    "layer of the metadata": (lambda p: RD(p, None, point=(-1, 4), chosen=V), "blocks 0 to 3"),
    "position of the metadata": (lambda p: RD(p, None, point=(0, 1), chosen=V), "from the end"),
    "text in the metadata": (lambda p: RD(p, None, point=("-1", 1), chosen=V), "whole numbers"),
    "truth in the metadata": (lambda p: RD(p, None, point=(-1, True), chosen=V), "whole numbers"),
    "rounding only": (lambda p: RD(p, foreign.mean_diffs(), point=(-1, 0)), "rounding"),
    "position beyond": (
        lambda p: RD(p, foreign.mean_diffs(2), point=(-3, 1), chosen=V),
        "2 positions",
    ),
    "gguf NaN": (lambda p: CV(p / "x.gguf", {1: changed(V, NAN)}), "NaN or infinite"),
    "pt infinite": (lambda p: torch_saved(p / "x.pt", {1: changed(V, INF)}), "NaN or infinite"),
    "beyond float32": (
        lambda p: torch_saved(p / "x.pt", {1: changed(V.double(), 1e300)}),
        "NaN or infinite",
    ),
    "gguf zero": (lambda p: CV(p / "x.gguf", {1: V * 0}), "is zero"),
    "pt zero": (lambda p: torch_saved(p / "x.pt", {1: V, 2: V * 0}), "is zero"),
    "whole numbers": (lambda p: torch_saved(p / "x.pt", {1: V.long()}), r"torch\.int64"),
    "no tensors": (lambda p: torch_saved(p / "x.pt", {1: 5}), "but int"),
    "a list": (lambda p: torch_saved(p / "x.pt", [V]), "list instead of tensors"),
    "nothing": (lambda p: torch_saved(p / "x.pt", {}), "no layout that is known"),
    "strange names": (
        lambda p: torch_saved(p / "x.pt", {"weight": V, "bias": V}),
        "'weight'",
    ),
    "twice": (lambda p: torch_saved(p / "x.pt", {"1": V, "layer.1": V}), "layer 1 twice"),
    "input and output": (
        lambda p: torch_saved(
            p / "x.pt", {"blocks.1.hook_resid_post": V, "blocks.2.hook_resid_pre": V}
        ),
        "input of block 2 twice",
    ),
    "another layer type": (
        lambda p: torch_saved(p / "x.pt", {"layer_activations": {1: V}, "layer_type": "mlp"}),
        "read at 'mlp'",
    ),
    "a pickled object": (lambda p: torch_saved(p / "x.pt", Ran()), "never opened"),
    "an object as direction": (lambda p: RD(p, None, chosen=Ran()), "never opened"),
    "a model": (lambda p: CV(p / "x.gguf", {1: V}, architecture="qwen2"), "'qwen2'"),
    "other tensors": (lambda p: CV(p / "x.gguf", {"blk.0": V}), "blk.0"),
    "no direction at all": (lambda p: CV(p / "x.gguf", {}), "without `direction.N`"),
    "decimals of 64 bits": (lambda p: CV(p / "x.gguf", {1: V.double()}), "is F64"),
    "cut gguf": (lambda p: truncated(CV(p / "x.gguf", {1: V})), "no whole GGUF"),
    "cut pt": (lambda p: truncated(torch_saved(p / "x.pt", {1: V})), "no whole"),
    "cut safetensors": (
        lambda p: truncated(saved(p, "safetensors", {1: V})),
        "no whole safetensors",
    ),
    "text": (lambda p: written(p / "x.pt", b"hello"), "never opened|no whole"),
    "empty": (lambda p: written(p / "x.pt", b""), "no whole"),
    "a pointer": (
        lambda p: written(p / "x.gguf", b"version https://git-lfs.github.com/spec/v1\n"),
        "Git LFS pointer",
    ),
    "another ending": (lambda p: written(p / "x.npy", b"\x93NUMPY"), "ends in .npy"),
    "an empty folder": (lambda p: p, "a folder without direction.pt"),
    "nowhere": (lambda p: p / "missing.gguf", "no file or folder"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_used_is_refused_by_name_and_nothing_is_written(
    name, model, tmp_path, cache, monkeypatch
) -> None:
    monkeypatch.setenv("TRACE", str(tmp_path / "ran"))
    make, told = BAD[name]
    place = tmp_path / "input"
    if name != "nowhere":
        place.mkdir()
    path = make(place)
    with pytest.raises(SteeringError, match=told):
        import_directions(place if path == place else path, model)
    assert not cache.exists()
    assert not (tmp_path / "ran").exists()


def test_the_pickled_object_would_leave_a_trace_if_it_ran(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("TRACE", str(tmp_path / "ran"))
    pickle.loads(pickle.dumps(Ran()))
    assert (tmp_path / "ran").exists()
