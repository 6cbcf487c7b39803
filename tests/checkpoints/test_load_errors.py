"""Settings and weights that do not fit each other: one sentence with the folder and the reason."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from steering.checkpoints.load_errors import explained, require_whole
from steering.errors import SteeringError
from steering.models.loading import load


@pytest.fixture(scope="module")
def saved(tiny, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("saved") / "tiny"
    tiny.network.save_pretrained(folder)
    tiny.tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def folder(saved, tmp_path) -> Path:
    return Path(shutil.copytree(saved, tmp_path / "mine"))


def change(path: Path, **entries: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | entries))


@pytest.mark.parametrize(
    ("name", "entries"),
    [
        ("config.json", {"hidden_size": "many"}),
        ("config.json", {"hidden_size": 30}),
        ("config.json", {"num_attention_heads": 0}),
        ("config.json", {"hidden_act": "no-such-function"}),
        ("config.json", {"rope_parameters": {"rope_type": "no-such-kind"}}),
        ("tokenizer.json", {"model": {"type": "NoSuchModel"}}),
        ("tokenizer.json", {"model": None}),
        ("tokenizer.json", {"added_tokens": 7}),
        ("tokenizer_config.json", {"added_tokens_decoder": 7}),
        ("tokenizer_config.json", {"model_max_length": {}}),
        ("tokenizer_config.json", {"eos_token": {"strange": 1}}),
        ("generation_config.json", {"eos_token_id": "</s>"}),
        ("config.json", {"eos_token_id": [1, None]}),
    ],
)
def test_settings_that_make_no_sense_are_one_sentence(folder, name, entries):
    change(folder / name, **entries)
    with pytest.raises(SteeringError, match=str(folder)):
        load(str(folder), dtype="float32", device="cpu")


def test_weights_of_another_width_are_told_by_a_tensor_and_its_shapes(folder):
    change(folder / "config.json", intermediate_size=64)
    with pytest.raises(
        SteeringError,
        match=r"12 tensors in .*mlp\.down_proj\.weight: \(32, 48\), expected \(32, 64\)",
    ):
        load(str(folder), dtype="float32", device="cpu")


@pytest.mark.parametrize("quantization", [None, "int8"])
def test_weights_that_would_be_random_are_refused(folder, quantization):
    tensors = load_file(folder / "model.safetensors")
    del tensors["model.layers.2.mlp.up_proj.weight"], tensors["lm_head.weight"]
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(
        SteeringError,
        match=r"lack 2 of the network's tensors, which would be random: lm_head\.weight, model",
    ):
        load(str(folder), quantization=quantization, dtype="float32", device="cpu")


def test_more_layers_in_config_than_in_the_weights_are_refused(folder):
    change(folder / "config.json", num_hidden_layers=5, layer_types=["full_attention"] * 5)
    with pytest.raises(SteeringError, match=r"lack 12 of the network's tensors"):
        load(str(folder), dtype="float32", device="cpu")


@pytest.mark.parametrize("name", ["smollm2", "gemma"])
def test_a_head_that_is_the_embedding_is_not_missed(model_of, tmp_path, name):
    model = model_of(name)
    model.network.save_pretrained(tmp_path)
    model.tokenizer.save_pretrained(tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    assert "lm_head.weight" not in tensors
    assert load(str(tmp_path), dtype="float32", device="cpu").n_layers == model.n_layers


KNOWN = [
    OSError("x"),
    json.JSONDecodeError("x", "y", 0),
    UnicodeDecodeError("utf-8", b"\xff", 0, 1, "x"),
    KeyError("x"),
    IndexError("x"),
    TypeError("x"),
    AttributeError("x"),
    ImportError("x"),
    RuntimeError("x"),
    SafetensorError("x"),
    Exception("x"),  # the tokenizers library
]


@pytest.mark.parametrize("error", KNOWN, ids=lambda error: type(error).__name__)
def test_what_libraries_raise_is_a_sentence_and_the_cause_is_kept(tmp_path, error):
    said = rf"{tmp_path} cannot be loaded: .*x"
    with pytest.raises(SteeringError, match=said) as caught, explained(tmp_path):
        raise error
    assert caught.value.__cause__ is error


class Unheard(Exception):
    """A kind of error that nobody has seen from these libraries."""


@pytest.mark.parametrize("error", [Unheard(), KeyboardInterrupt(), SteeringError("so it is")])
def test_what_is_no_librarys_complaint_passes_as_it_is(tmp_path, error):
    with pytest.raises(type(error)) as caught, explained(tmp_path):
        raise error
    assert caught.value is error


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"),
    ],
)
def test_memory_that_runs_out_is_told_as_that(tmp_path, error):
    with pytest.raises(SteeringError, match="does not fit in memory"), explained(tmp_path):
        raise error


def test_a_full_disk_is_told_as_that(tmp_path):
    with pytest.raises(SteeringError, match="no disk space"), explained(tmp_path):
        raise OSError(28, "No space left on device")


def test_nothing_missing_is_no_error(tmp_path):
    require_whole(tmp_path, [])
    require_whole(tmp_path, set(), set())
