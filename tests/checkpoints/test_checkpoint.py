"""Folders given as a model: whole ones pass, each fault is told by the file's name."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from steering.checkpoints import checkpoint
from steering.checkpoints.model_file import INDEX
from steering.cli import request_commands
from steering.cli.main import main
from steering.errors import SteeringError
from steering.models.loading import load
from steering.sources import weights
from tests.helpers.checkpoint_files import change

LFS = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'a' * 64}\nsize 12345\n"
FIRST, SECOND = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"


@pytest.fixture
def sharded(folder) -> Path:
    """The same in two shards with an index."""
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    names = sorted(tensors)
    parts = {FIRST: names[::2], SECOND: names[1::2]}
    for shard, held in parts.items():
        save_file({name: tensors[name] for name in held}, folder / shard, {"format": "pt"})
    placed = {name: shard for shard, held in parts.items() for name in held}
    (folder / INDEX).write_text(json.dumps({"metadata": {}, "weight_map": placed}))
    return folder


def test_a_whole_folder_passes_and_loads(folder, tiny):
    checkpoint.check(folder)
    model = load(str(folder), dtype="float32", device="cpu")
    rows = [tiny.render("Hello")]
    assert torch.equal(model.next_token_logits(rows), tiny.next_token_logits(rows))


def test_a_whole_folder_in_shards_passes_and_loads(sharded, tiny):
    checkpoint.check(sharded)
    model = load(str(sharded), dtype="float32", device="cpu")
    rows = [tiny.render("Hello")]
    # Where a file lies in memory moves the last bits.
    torch.testing.assert_close(model.next_token_logits(rows), tiny.next_token_logits(rows))


READ = [
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "preprocessor_config.json",
    "chat_template.jinja",
    "model.safetensors",
]


def test_the_files_below_are_all_that_a_saved_model_has(saved):
    assert {path.name for path in saved.iterdir()} == set(READ)


@pytest.mark.parametrize("name", READ)
def test_a_pointer_in_the_place_of_any_file_is_told(folder, name):
    (folder / name).write_text(LFS)
    with pytest.raises(SteeringError, match=rf"{name} is a Git LFS pointer.*git lfs pull"):
        weights.fetch(str(folder))


@pytest.mark.parametrize("name", [INDEX, FIRST, SECOND])
def test_a_pointer_in_the_place_of_a_shard_or_index_is_told(sharded, name):
    (sharded / name).write_text(LFS)
    with pytest.raises(SteeringError, match=rf"{name} is a Git LFS pointer.*git lfs pull"):
        weights.fetch(str(sharded))


@pytest.mark.parametrize("name", READ)
def test_an_empty_file_is_told(folder, name):
    (folder / name).write_text("")
    with pytest.raises(SteeringError, match=rf"{name} is empty"):
        weights.fetch(str(folder))


@pytest.mark.parametrize("name", READ)
def test_a_dead_link_or_a_folder_in_the_place_of_any_file_is_told(folder, name):
    (folder / name).unlink()
    (folder / name).symlink_to("../blobs/gone")
    with pytest.raises(SteeringError, match=rf"{name} is a link to \.\./blobs/gone, which does"):
        weights.fetch(str(folder))
    (folder / name).unlink()
    (folder / name).mkdir()
    with pytest.raises(SteeringError, match=rf"{name} is a folder, expected a file"):
        weights.fetch(str(folder))


@pytest.mark.parametrize("name", [*READ[:4], "model.safetensors"])
def test_half_a_file_is_told(folder, name):
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(SteeringError, match=rf"{name} is (cut|no JSON)"):
        weights.fetch(str(folder))


@pytest.mark.parametrize("name", READ)
def test_links_to_the_files_are_as_good_as_the_files(folder, tmp_path, name):
    (folder / name).rename(tmp_path / "elsewhere")
    (folder / name).symlink_to(tmp_path / "elsewhere")
    checkpoint.check(folder)


@pytest.mark.parametrize("shard", [FIRST, SECOND])
def test_a_missing_a_dead_and_a_cut_shard_are_named(sharded, shard):
    content = (sharded / shard).read_bytes()
    (sharded / shard).unlink()
    with pytest.raises(SteeringError, match=rf"lacks 1 of 2 files of weights .*: {shard};"):
        weights.fetch(str(sharded))
    assert weights.cached(str(sharded)) is None
    (sharded / shard).symlink_to("gone")
    with pytest.raises(SteeringError, match=rf"{shard} is a link to gone"):
        weights.fetch(str(sharded))
    (sharded / shard).unlink()
    (sharded / shard).write_bytes(content[:-5])
    with pytest.raises(SteeringError, match=rf"{shard} is cut: its header says"):
        weights.fetch(str(sharded))


@pytest.mark.parametrize("outside", ["../../../../etc/passwd", "/etc/passwd", "C:\\a.safetensors"])
def test_an_index_that_leads_outside_is_refused_and_opens_nothing(sharded, monkeypatch, outside):
    index = json.loads((sharded / INDEX).read_text())
    index["weight_map"]["lm_head.weight"] = outside
    (sharded / INDEX).write_text(json.dumps(index))
    opened: list[str] = []
    original = Path.open

    def spy(path, *arguments, **options):
        opened.append(str(path))
        return original(path, *arguments, **options)

    monkeypatch.setattr(Path, "open", spy)
    with pytest.raises(SteeringError, match=r"says that lm_head\.weight is in .* not opened"):
        weights.fetch(str(sharded))
    assert opened
    assert all(str(sharded) in path and ".." not in path for path in opened)


def test_an_index_that_names_what_a_shard_does_not_hold_is_told(sharded):
    index = json.loads((sharded / INDEX).read_text())
    index["weight_map"]["model.extra.weight"] = SECOND
    (sharded / INDEX).write_text(json.dumps(index))
    with pytest.raises(SteeringError, match=rf"model\.extra\.weight is in {SECOND}, but it is not"):
        weights.fetch(str(sharded))


def test_shards_without_their_index_are_told(sharded):
    (sharded / INDEX).unlink()
    with pytest.raises(SteeringError, match=rf"{FIRST}.* but neither model\.safetensors nor"):
        weights.fetch(str(sharded))


@pytest.mark.parametrize("chosen", ["../other.safetensors", "/etc/passwd", 3])
def test_a_config_that_names_weights_outside_is_refused(folder, chosen):
    change(folder / "config.json", transformers_weights=chosen)
    with pytest.raises(SteeringError, match=r"as weights, which is no file name below"):
        weights.fetch(str(folder))


def test_weights_under_a_name_of_their_own_are_found_where_config_names_them(folder, tiny):
    (folder / "model.safetensors").rename(folder / "mine.safetensors")
    change(folder / "config.json", transformers_weights="mine.safetensors")
    model = load(str(folder), dtype="float32", device="cpu")
    rows = [tiny.render("Hello")]
    # Where a file lies in memory moves the last bits.
    torch.testing.assert_close(model.next_token_logits(rows), tiny.next_token_logits(rows))


@pytest.mark.parametrize("missing", ["config.json", "tokenizer.json", "model.safetensors"])
def test_what_is_missing_is_named(folder, missing):
    (folder / missing).unlink()
    named = "safetensors" if missing == "model.safetensors" else missing
    with pytest.raises(SteeringError, match=rf"cannot be loaded as a model: .*{named}"):
        weights.fetch(str(folder))


@pytest.mark.parametrize("name", ["pytorch_model.bin", "README.md", "onnx", "training_args.bin"])
def test_what_nobody_reads_may_be_anything(folder, name):
    (folder / name).write_text(LFS)
    checkpoint.check(folder)


def test_the_command_line_ends_with_code_2_and_one_sentence(folder, capsys):
    (folder / "generation_config.json").write_text(LFS)
    assert main(["fetch", "--model", str(folder)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ")
    assert captured.err.count("\n") == 1
    assert "generation_config.json is a Git LFS pointer" in captured.err


def test_a_spoilt_folder_does_not_spoil_the_list_of_models(folder, monkeypatch):
    (folder / INDEX).write_text("{")
    (folder / "model.safetensors").unlink()
    monkeypatch.setattr(weights.hub, "local_snapshot", lambda *_: None)
    assert all(not entry["cached"] for entry in request_commands.models(None) if entry["gated"])
    weights.cached(str(folder))  # no error: only whoever wants to load it is told
