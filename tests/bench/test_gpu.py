"""The suite for GPUs, tiny and on the CPU."""

import json

import pytest
import torch

from steering.bench import gpu
from steering.errors import SteeringError


@pytest.fixture
def document(tiny):
    return gpu.measure(tiny, tiny, 3, rounds=3)


def test_every_model_is_timed_at_every_number_of_rows(document, tiny):
    assert json.loads(json.dumps(document)) == document
    assert document["suite"] == "gpu"
    names = [row["name"] for row in document["rows"]]
    shapes = 3 - len(document["missing"])
    assert len(names) == len(set(names)) == shapes * len(gpu.FEW_ROWS) * 4
    for what in ("unedited", "ablations at one layer", "ablations at all layers", "additions"):
        assert any(name.startswith(what) and "5 rows" in name for name in names)
    (generate,) = {
        row["base"] for row in document["rows"] if row["name"] == f"unedited, 1 row, {tiny.name}"
    }
    assert generate == f"generate, 1 row, {tiny.name}"


def test_tokens_a_second_are_those_of_all_rows(document):
    for each in document["figures"]:
        rows = 5 if "5 rows" in each["name"] else 1
        assert each["unit"] == "tokens/s"
        assert each["value"] == pytest.approx(rows * 3 / document["seconds"][each["name"]])


def test_a_format_that_cannot_be_had_is_named(tiny, monkeypatch):
    real = gpu.build

    def build(shape, like, kind):
        if kind == "nf4":
            raise SteeringError("bitsandbytes is not installed")
        return real(shape, like, kind)

    monkeypatch.setattr(gpu, "build", build)
    monkeypatch.setattr(gpu, "FEW_ROWS", (1,))
    document = gpu.measure(tiny, tiny, 2, rounds=3)
    assert document["missing"] == {"a tiny shape, nf4": "bitsandbytes is not installed"}
    assert len(document["rows"]) == 2 * 4


def test_without_a_gpu_the_command_says_what_is_missing_and_how_to_run_tiny(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SteeringError, match=r"needs a CUDA GPU.*`--device cpu`"):
        gpu.require_device(None)
    gpu.require_device("cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    gpu.require_device(None)
