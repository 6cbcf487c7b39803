import csv
import hashlib
import io
import json
import os
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import gguf
import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load

from steering.artifacts import store
from steering.artifacts.export import bundle, control_vector, export, steering_vector
from steering.errors import SteeringError
from steering.interventions.edits import compile_edits, intervene
from steering.interventions.panel import parse
from steering.system import whole_files
from tests.helpers.archives import opened


def tensors_of(content: bytes, tmp_path: Path) -> gguf.GGUFReader:
    path = tmp_path / "read.gguf"
    path.write_bytes(content)
    return gguf.GGUFReader(path)


# For other libraries


def read_safetensors(fitted, _tmp_path) -> dict[int, torch.Tensor]:
    return {int(name): vector for name, vector in load(steering_vector(fitted)).items()}


def read_gguf(fitted, tmp_path) -> dict[int, torch.Tensor]:
    reader = tensors_of(control_vector(fitted), tmp_path)
    return {
        int(tensor.name.removeprefix("direction.")): torch.from_numpy(np.array(tensor.data))
        for tensor in reader.tensors
    }


@pytest.mark.parametrize("read", [read_safetensors, read_gguf])
@pytest.mark.parametrize("c", [-1.0, 1.5])
def test_added_to_the_output_of_its_block_the_vector_is_activation_addition(
    tiny, fitted, tmp_path, read, c
):
    """What steering-vectors, repeng and llama.cpp do with it, by a plain hook."""
    row = tiny.render("How do I paint the chair?")
    with intervene(tiny, compile_edits([parse(f"actadd:c={c}").edit(fitted)], device=tiny.device)):
        ours = tiny.next_token_logits([row])
    ((block, vector),) = read(fitted, tmp_path).items()
    handle = tiny.network.model.layers[block].register_forward_hook(
        lambda _module, _args, output: output + c * vector
    )
    theirs = tiny.next_token_logits([row])
    handle.remove()
    torch.testing.assert_close(theirs, ours, rtol=1e-4, atol=1e-4)
    assert (theirs - tiny.next_token_logits([row])).abs().max() > 0.01


def test_the_control_vector_keeps_the_form_that_llama_cpp_reads(fitted, tmp_path):
    reader = tensors_of(control_vector(fitted), tmp_path)
    assert reader.fields["general.architecture"].contents() == "controlvector"
    assert reader.fields["controlvector.model_hint"].contents() == "tiny-qwen2"
    assert reader.fields["controlvector.layer_count"].contents() == 1
    (tensor,) = reader.tensors
    assert tensor.name == "direction.1"  # found at the input of block 2
    assert tensor.tensor_type == gguf.GGMLQuantizationType.F32
    assert list(tensor.shape) == [fitted.d_model]
    np.testing.assert_array_equal(tensor.data, fitted.raw((-2, 2)).numpy())
    assert "input of block 2" in reader.fields["general.description"].contents()
    known = tensors_of(control_vector(fitted, "qwen2"), tmp_path)
    assert known.fields["controlvector.model_hint"].contents() == "qwen2"


def test_the_notes_say_sign_norm_layer_and_position(fitted, tmp_path):
    path = tmp_path / "vector.safetensors"
    path.write_bytes(steering_vector(fitted))
    with safe_open(path, "pt") as file:
        notes = json.loads(file.metadata()["convention"])
    assert f"{float(fitted.raw((-2, 2)).norm()):.6g}" in notes["norm"]
    assert "harmful minus mean over harmless" in notes["sign"]
    assert "input of block 2, which is the output of block 1" in notes["layer"]
    assert "template position -2" in notes["position"]


def test_a_form_that_cannot_hold_an_early_layer_says_so(fitted):
    first = replace(fitted, dim_point=(-2, 1))
    assert list(load(steering_vector(first))) == ["0"]
    with pytest.raises(SteeringError, match=r"from the input of block 2 on; export a \.zip"):
        control_vector(first)
    with pytest.raises(SteeringError, match="from the input of block 1 on"):
        steering_vector(replace(fitted, dim_point=(-2, 0)))


# The bundle


def test_the_bundle_holds_the_artifact_as_it_is_and_nothing_private(fitted, folder):
    members = opened(bundle(fitted, folder))
    kept = {"directions.safetensors", "manifest.json", "evaluation.json", "recordings.jsonl"}
    kept |= {"maps.safetensors", "sweep.csv"}
    for name in kept:
        assert members[name] == (folder / name).read_bytes()
    assert set(members) - kept == {
        "README.md",
        "SHA256SUMS",
        "tables/evaluation.csv",
        "tables/inlp_accuracies.csv",
        "tables/selection_scores.csv",
        "tables/selection_screening.csv",
        "other-libraries/steering-vectors.safetensors",
        "other-libraries/control-vector.gguf",
    }
    assert members["other-libraries/steering-vectors.safetensors"] == steering_vector(fitted)
    assert members["other-libraries/control-vector.gguf"] == control_vector(fitted)


def test_the_unpacked_bundle_is_an_artifact_again(fitted, folder, tmp_path):
    with zipfile.ZipFile(io.BytesIO(bundle(fitted, folder))) as file:
        file.extractall(tmp_path / "unpacked")
    again = store.load("tiny-qwen2", tmp_path / "unpacked")
    assert torch.equal(again.difference, fitted.difference)
    assert bundle(again, tmp_path / "unpacked") == bundle(fitted, folder)


def test_every_file_has_its_hash_in_the_form_that_sha256sum_checks(fitted, folder):
    members = opened(bundle(fitted, folder))
    lines = members.pop("SHA256SUMS").decode().splitlines()
    assert dict(reversed(line.split("  ")) for line in lines) == {
        name: hashlib.sha256(content).hexdigest() for name, content in members.items()
    }


def test_tables_are_flat_and_a_number_that_a_row_lacks_is_empty(fitted, folder):
    members = opened(bundle(fitted, folder))

    def rows(name: str) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(members[f"tables/{name}.csv"].decode())))

    baseline, flip = rows("evaluation")
    assert baseline["harmful.refusal_rate_high"] == "0.9"
    assert (baseline["harmful.verdicts.refused"], baseline["harmful.verdicts.answered"]) == (
        "1",
        "",
    )
    assert (baseline["kl"], flip["kl"]) == ("", "0.5")
    assert rows("selection_screening")[1] == {
        "position": "-1",
        "layer": "3",
        "bypass": "-1.0",
        "kl": "0.2",
    }
    expected = [
        (place, number, accuracy)
        for place, found in fitted.inlp.items()
        for number, accuracy in enumerate(found.dev_accuracies, start=1)
    ]
    assert expected == [
        (
            (int(row["position"]), int(row["layer"])),
            int(row["direction"]),
            float(row["dev_accuracy"]),
        )
        for row in rows("inlp_accuracies")
    ]


def test_what_was_not_measured_is_left_out(fitted, tmp_path):
    store.write(tmp_path / "bare", replace(fitted, dim_point=(-2, 1)), {})
    content = bundle(store.load("tiny-qwen2", tmp_path / "bare"), tmp_path / "bare")
    members = opened(content)
    assert "tables/evaluation.csv" not in members
    assert "tables/inlp_accuracies.csv" in members
    assert "other-libraries/control-vector.gguf" not in members
    assert "other-libraries/steering-vectors.safetensors" in members
    assert "weights:" not in members["README.md"].decode()


# The file


@pytest.mark.parametrize("ending", [".zip", ".safetensors", ".gguf"])
def test_at_another_time_the_same_bytes_are_written(folder, tmp_path, monkeypatch, ending):
    ours = export("tiny-qwen2", tmp_path / f"ours{ending}", folder=folder).read_bytes()
    later = time.time() + 1e8
    monkeypatch.setattr(time, "time", lambda: later)
    for path in folder.iterdir():
        os.utime(path, (later, later))
    # Several times, since a hash table in random order may come out alike by chance.
    for _ in range(8):
        assert export("tiny-qwen2", tmp_path / f"b{ending}", folder=folder).read_bytes() == ours


def test_the_name_of_the_bundle_is_the_models_as_a_file_name(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert export("Org/Tiny", folder=folder) == Path("org--tiny.zip")
    assert "manifest.json" in opened(Path("org--tiny.zip").read_bytes())


@pytest.mark.parametrize("name", ["out.pt", "out", "out.tar.gz"])
def test_an_unknown_ending_is_refused_before_anything_is_read(tmp_path, name):
    with pytest.raises(SteeringError, match=r"must end in one of \.zip, \.safetensors, \.gguf"):
        export("no-such-model", tmp_path / name)


def test_a_model_without_directions_is_named(tmp_path):
    with pytest.raises(SteeringError, match="no directions for 'no-such-model'"):
        export("no-such-model", tmp_path / "out.zip", folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written_leaves_the_old_one(folder, tmp_path, monkeypatch):
    out = tmp_path / "out.zip"
    out.write_bytes(b"old")

    def fail(*_args: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(whole_files.os, "replace", fail)
    with pytest.raises(SteeringError, match="could not be written"):
        export("tiny-qwen2", out, folder=folder)
    assert out.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["out.zip"]
