"""Which number formats a machine offers, GPUs of all kinds pretended."""

import json

import pytest
import torch
from safetensors.torch import save_file

from steering.checkpoints import model_file
from steering.models import number_formats
from steering.models.chat_model import NumberFormat
from steering.models.dtype_speed import matrix_shapes
from steering.models.number_formats import can_overflow, candidates

CUDA = torch.device("cuda")


@pytest.fixture
def folder(tmp_path):
    """500 weights: 1000 bytes in bfloat16, although this file holds them in float32."""
    save_file({"a": torch.zeros(20, 20), "b": torch.zeros(100)}, tmp_path / "model.safetensors")
    (tmp_path / "tokenizer.json").write_bytes(b"0" * 1000)
    return tmp_path


@pytest.fixture
def gpu(monkeypatch):
    """Pretend a GPU with this much free memory, with or without bfloat16 instructions."""

    class Nowhere:
        def __init__(self, device): ...
        def __enter__(self): ...
        def __exit__(self, *_): ...

    def pretend(free: int, *, native: bool) -> None:
        def supported(including_emulation=True):
            return native or including_emulation  # CUDA emulates what a T4 lacks

        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (free, 10**11))
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", supported)
        monkeypatch.setattr(torch.cuda, "device", Nowhere)

    return pretend


def kinds(found: list[NumberFormat]) -> list[tuple[str, str]]:
    return [(each.quantization, number_formats.short(each.dtype)) for each in found]


@pytest.mark.parametrize(
    ("asked", "free", "quantization", "reason"),
    [
        (None, 10**9, "none", "bfloat16: the weights fit in the GPU's memory"),
        (None, 10**3, "nf4", "bfloat16 would need 0.0 GB of GPU memory and 0.0 GB are free"),
        ("none", 10**3, "none", "unquantized, as asked for, with bfloat16 compute on the GPU"),
        ("int8", 10**9, "int8", "8-bit int8, as asked for, with bfloat16 compute on the GPU"),
        ("nf4", 10**9, "nf4", "4-bit NF4, as asked for, with bfloat16 compute on the GPU"),
    ],
)
def test_a_gpu_with_bfloat16_computes_in_it(folder, gpu, asked, free, quantization, reason):
    gpu(free, native=True)
    first = candidates(folder, CUDA, asked)[0]
    assert kinds([first]) == [(quantization, "bfloat16")]
    assert reason in first.reason


def test_the_room_that_is_asked_for_on_a_gpu_is_a_quarter_more_than_the_weights(folder, gpu):
    found = []
    for free in (1249, 1250):
        gpu(free, native=True)
        found.append(candidates(folder, CUDA)[0].quantization)
    assert found == ["nf4", "none"]


@pytest.mark.parametrize(
    ("free", "expected"),
    [
        (2500, ["none float16", "none float32", "nf4 float16", "nf4 float32"]),
        (2499, ["none float16", "nf4 float16", "nf4 float32"]),
        (1249, ["nf4 float16", "nf4 float32"]),
    ],
)
def test_a_gpu_without_bfloat16_tries_float16_first_and_then_what_fits(folder, gpu, free, expected):
    gpu(free, native=False)
    found = candidates(folder, CUDA)
    assert [" ".join(kind) for kind in kinds(found)] == expected
    assert all("bfloat16 would" not in each.reason for each in found)


@pytest.mark.parametrize("quantization", ["none", "nf4", "int8"])
def test_on_a_gpu_without_bfloat16_a_quantization_leaves_the_compute_type_open(
    folder, gpu, quantization
):
    gpu(10**9, native=False)
    found = candidates(folder, CUDA, quantization)
    assert kinds(found) == [(quantization, "float16"), (quantization, "float32")]
    for each, dtype in zip(found, ("float16", "float32"), strict=True):
        assert each.reason.endswith(f"as asked for, with {dtype} compute on the GPU")


@pytest.mark.parametrize(
    ("free", "lacks"), [(1249, "float16 would need"), (2499, "float32 would need"), (2500, None)]
)
def test_nf4_names_a_format_that_does_not_fit_and_none_that_does(folder, gpu, free, lacks):
    gpu(free, native=False)
    for each in candidates(folder, CUDA)[-2:]:
        assert each.quantization == "nf4"
        assert ("would need" in each.reason) == (lacks is not None)
        assert lacks is None or lacks in each.reason


@pytest.mark.parametrize("quantization", ["nf4", "int8"])
def test_a_compute_type_that_a_cpu_was_left_to_choose_is_not_said_to_be_asked_for(
    folder, monkeypatch, quantization
):
    monkeypatch.setattr(number_formats, "_check_widths", lambda _: None)
    [free] = candidates(folder, torch.device("cpu"), quantization)
    title = number_formats.title(quantization)
    assert free.reason.startswith(f"{title}, as asked for, with ")
    [asked] = candidates(folder, torch.device("cpu"), quantization, "bfloat16")
    assert asked.reason == f"{title} with bfloat16 compute on the CPU, as asked for"


@pytest.mark.parametrize("native", [True, False])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_a_dtype_that_was_asked_for_is_the_only_one(folder, gpu, native, dtype):
    gpu(10**9, native=native)
    assert kinds(candidates(folder, CUDA, None, dtype)) == [("none", dtype)]
    assert kinds(candidates(folder, CUDA, "nf4", dtype)) == [("nf4", dtype)]


@pytest.mark.parametrize(
    ("quantization", "dtype", "remedy"),
    [
        ("int8", torch.float32, "--quantization none or nf4"),
        ("int8", torch.float16, "--quantization none or nf4"),
        ("none", torch.float16, "--dtype float32"),
        ("nf4", torch.float16, "--dtype float32"),
    ],
)
def test_the_remedy_for_an_overflow_is_a_format_that_reaches_further(quantization, dtype, remedy):
    tried = NumberFormat(quantization, dtype, "")
    said = str(number_formats.none_holds([(tried, "layer 1 overflows")]))
    assert remedy in said
    assert ("--dtype" in said) == (quantization != "int8")


@pytest.mark.parametrize("indexed", [True, False])
def test_weights_that_a_folder_holds_twice_count_once(folder, indexed):
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "consolidated.safetensors").write_bytes(whole)
    if indexed:
        (folder / "model.safetensors").rename(folder / "model-00001-of-00001.safetensors")
        placed = dict.fromkeys("ab", "model-00001-of-00001.safetensors")
        (folder / model_file.INDEX).write_text(json.dumps({"weight_map": placed}))
    assert number_formats.parameters(folder) == 500
    assert matrix_shapes(folder).total() == 1


def test_only_what_goes_through_float16_can_overflow():
    found = {
        (quantization, dtype): can_overflow(NumberFormat(quantization, dtype, ""))
        for quantization in ("none", "nf4", "int8")
        for dtype in (torch.float32, torch.bfloat16, torch.float16)
    }
    assert {kind for kind, can in found.items() if can} == {
        ("none", torch.float16),
        ("nf4", torch.float16),
        ("int8", torch.float32),
        ("int8", torch.bfloat16),
        ("int8", torch.float16),
    }
