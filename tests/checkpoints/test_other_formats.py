"""What people give as a model that is none: it is named, with what to give instead."""

import json
import re
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from steering.checkpoints import other_formats
from steering.cli.main import main
from steering.errors import SteeringError
from steering.sources import weights
from tests.helpers.fake_hub import MODEL_FILES


def make(folder: Path, *names: str) -> Path:
    """A folder with these files; those of a model are the fewest that pass."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(MODEL_FILES.get(name.rsplit("/", 1)[-1], b"x"))
    return folder


WHOLE = tuple(MODEL_FILES)


def adapter(folder: Path, **entries: object) -> Path:
    make(folder, "adapter_model.safetensors", "tokenizer.json")
    document = {"peft_type": "LORA", "base_model_name_or_path": "org/base"} | entries
    (folder / "adapter_config.json").write_text(json.dumps(document))
    return folder


def test_an_adapter_says_for_which_model_it_is_and_what_to_do(tmp_path):
    with pytest.raises(
        SteeringError,
        match=r"no model but an adapter \(LORA\) for org/base; merge it into its base",
    ):
        weights.fetch(str(adapter(tmp_path)))


def test_an_adapter_of_another_kind_or_without_a_base_is_told_too(tmp_path):
    with pytest.raises(SteeringError, match=r"adapter \(IA3\) for a model that it does not name"):
        weights.fetch(str(adapter(tmp_path, peft_type="IA3", base_model_name_or_path=None)))


def test_an_adapter_beside_a_model_is_not_passed_over(tmp_path):
    folder = adapter(make(tmp_path, *WHOLE))
    with pytest.raises(
        SteeringError,
        match=r"a model and beside it an adapter \(LORA\) for org/base; to steer the model "
        r"with .*; to steer it without, move adapter_config\.json elsewhere$",
    ):
        weights.fetch(str(folder))
    (folder / "adapter_config.json").unlink()  # the advice helps
    assert weights.fetch(str(folder)).folder == folder


def test_an_adapter_that_is_a_pointer_is_told_as_a_pointer(tmp_path):
    adapter(tmp_path)
    (tmp_path / "adapter_config.json").write_text("version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(SteeringError, match=r"adapter_config\.json is a Git LFS pointer"):
        weights.fetch(str(tmp_path))


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ((*WHOLE, "modules.json"), "an embedding model"),
        (("model_index.json", "unet/config.json"), "an image model"),
        (("direction.pt", "direction_metadata.json"), "a direction, not a model: .*import"),
        (("mean_diffs.pt",), "directions, not a model: .*import"),
        (("manifest.json", "directions.safetensors"), "--directions"),
        (("a.Q4_K_M.gguf", "config.json"), r"GGUF files: get one .*\(a\.Q4_K_M\.gguf\)"),
        (("params.json", "consolidated.safetensors", "tokenizer.model"), "publisher's original"),
        (("params.json", "consolidated.00.pth", "tokenizer.model"), "publisher's original"),
        (("config.json", "model.onnx", "tokenizer.json"), "a model for ONNX"),
        (("config.json", "tf_model.h5", "tokenizer.json"), "a model for TensorFlow"),
        (("saved_model.pb",), "a model for TensorFlow"),
        (("config.json", "flax_model.msgpack"), "a model for Flax"),
        (("config.json", "openvino_model.xml", "openvino_model.bin"), "pickled|OpenVINO"),
        (("config.json", "pytorch_model.bin", "tokenizer.json"), "pickled weights.*never opened"),
        (("a.ckpt",), "pickled weights"),
        (("weights.npz", "config.json"), "a model for MLX"),
        (("tokenizer.json", "tokenizer_config.json"), "only a model's tokenizer; its weights"),
        (("config.json", "tokenizer.json"), "only a model's tokenizer and its settings"),
        (("README.md",), r"it has no config\.json, \*\.safetensors, tokenizer\.json"),
    ],
)
def test_a_folder_of_another_format_is_named(tmp_path, names, said):
    with pytest.raises(SteeringError, match=rf"the folder {tmp_path} cannot be loaded .*({said})"):
        weights.fetch(str(make(tmp_path, *names)))


def test_an_empty_folder_is_told(tmp_path):
    with pytest.raises(SteeringError, match="it is empty"):
        weights.fetch(str(tmp_path))


@pytest.mark.parametrize(
    ("names", "offered"),
    [
        (("a/config.json", "b/config.json", "notes/x.txt"), ["a", "b"]),
        (("README.md", "checkpoint-500/config.json"), ["checkpoint-500"]),
        (("snapshots/abc/config.json", "refs/main"), ["snapshots/abc"]),
        (("quants/x.gguf", "quants/y.gguf"), ["quants/x.gguf", "quants/y.gguf"]),
        (("tokenizer.json", "final/config.json"), ["final"]),
    ],
)
def test_a_folder_of_models_offers_them(tmp_path, names, offered):
    listed = ", ".join(str(tmp_path / each) for each in offered)
    with pytest.raises(
        SteeringError, match=rf"no model itself but holds some: give one of {listed}$"
    ):
        weights.fetch(str(make(tmp_path, *names)))


def test_a_folder_that_cannot_be_listed_is_told(tmp_path, monkeypatch):
    def refuse(_path: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(SteeringError, match="cannot be read: Permission denied"):
        weights.fetch(str(tmp_path))


@pytest.mark.parametrize(
    "beside",
    ["directions.safetensors", "pytorch_model.bin", "model.onnx", "a.gguf", "x/config.json"],
)
def test_a_model_with_something_beside_it_is_a_model(tmp_path, beside):
    folder = make(tmp_path, *WHOLE, beside)
    assert weights.fetch(str(folder)).folder == folder


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["adapter_config.json", "adapter_model.safetensors"], r"an adapter \(LoRA\); merge it"),
        (["adapter_config.json", "config.json", "model.safetensors"], "beside a model"),
        (["a.gguf", "README.md"], "GGUF files"),
        (["Q4/a.gguf"], r"GGUF files.*Q4/a\.gguf"),
        (["onnx/model.onnx", "config.json"], "a model for ONNX"),
        (["config.json", "pytorch_model.bin"], "never opened"),
        (["config.json", "model.safetensors", "modules.json"], "an embedding model"),
    ],
)
def test_a_repository_of_another_format_is_named_by_its_listing(names, said):
    found = other_formats.in_repository(names)
    assert found is not None
    assert re.search(said, found)


@pytest.mark.parametrize(
    "names",
    [
        list(WHOLE),
        [*WHOLE, "onnx/model.onnx", "pytorch_model.bin", "original/consolidated.00.pth"],
        [*WHOLE, "1_Pooling/modules.json", "vision-lora/adapter_config.json"],
        ["config.json", "model.safetensors.index.json", "model-00001-of-00001.safetensors"],
    ],
)
def test_a_repository_of_safetensors_may_be_a_model(names):
    assert other_formats.in_repository(names) is None


def test_a_file_that_holds_vectors_is_told_as_a_direction(tmp_path):
    path = tmp_path / "vector.safetensors"
    save_file({"11": torch.ones(8), "12": torch.ones(1, 8)}, path)
    with pytest.raises(SteeringError, match=r"vectors, as a direction does: .*steering import"):
        weights.fetch(str(path))


def test_a_file_of_weights_is_answered_with_its_folder(tmp_path):
    save_file({"a": torch.ones(8, 8)}, tmp_path / "model.safetensors")
    with pytest.raises(SteeringError, match=rf"it holds weights: give its folder, {tmp_path}"):
        weights.fetch(str(tmp_path / "model.safetensors"))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("direction.pt", "never opened: .*steering import"),
        ("pytorch_model.bin", "never opened"),
        ("config.json", "give its folder"),
        ("notes.txt", "a model is a folder of safetensors or a .gguf file"),
    ],
)
def test_any_other_file_is_answered_with_what_a_model_is(tmp_path, name, said):
    path = make(tmp_path, name) / name
    with pytest.raises(SteeringError, match=rf"the file {path} cannot be loaded .*{said}"):
        weights.fetch(str(path))


@pytest.mark.parametrize("command", ["generate", "locate"])
def test_a_command_that_needs_directions_says_first_what_the_folder_is(tmp_path, capsys, command):
    assert main([command, "--prompt", "Hi", "--model", str(adapter(tmp_path))]) == 2
    assert "no model but an adapter (LORA) for org/base" in capsys.readouterr().err
