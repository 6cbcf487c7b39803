import errno
import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from steering.artifacts.folders import available, folder_of
from steering.artifacts.store import evaluation, load, manifest, recordings, write
from steering.errors import SteeringError
from steering.fitting.point_selection import FINALISTS, candidates
from steering.fitting.scoring import Score
from steering.interventions.directions import Directions
from steering.system import whole_files
from steering.system.whole_files import write_json, write_lines

LARGEST = 12_000_000
"""Bytes of a shipped folder: a few MB, so that a clone stays small."""


@pytest.fixture
def folder(tmp_path, fitted) -> Path:
    write(tmp_path / "made", fitted, {"seed": 42})
    return tmp_path / "made"


def change_manifest(folder: Path, **changes) -> None:
    document = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**document, **changes}))


def assert_equal(found: Directions, expected: Directions) -> None:
    assert found.model == expected.model
    assert found.positions == expected.positions
    assert (found.dim_point, found.inlp_point) == (expected.dim_point, expected.inlp_point)
    assert (found.default_k, found.default_c) == (expected.default_k, expected.default_c)
    assert torch.equal(found.difference, expected.difference)
    assert torch.equal(found.harmless_mean, expected.harmless_mean)
    assert found.inlp.keys() == expected.inlp.keys()
    for point, one in expected.inlp.items():
        other = found.inlp[point]
        assert torch.equal(other.subspace.basis, one.subspace.basis)
        assert (other.subspace.position, other.subspace.layer) == point
        assert (other.dev_accuracies, other.stopped) == (one.dev_accuracies, one.stopped)


# Round trip


def test_what_is_written_is_read_again_to_the_last_bit(folder, fitted):
    assert_equal(load("tiny", folder), fitted)
    assert manifest("tiny", folder)["seed"] == 42


def test_writing_twice_gives_the_same_bytes(folder, fitted):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    write(folder, load("tiny", folder), {"seed": 42})
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert before.keys() == {"manifest.json", "directions.safetensors"}


def test_what_was_not_measured_is_absent_and_not_an_error(folder):
    assert evaluation("tiny", folder) is None
    assert recordings("tiny", folder) == ()


def test_the_table_and_the_recordings_are_read_again(folder):
    write_json(folder / "evaluation.json", {"panels": [{"panel": "flip:k=2"}]})
    write_lines(folder / "recordings.jsonl", [{"prompt": "Wie geht's? 猫"}, {"prompt": "b"}])
    assert evaluation("tiny", folder) == {"panels": [{"panel": "flip:k=2"}]}
    assert [line["prompt"] for line in recordings("tiny", folder)] == ["Wie geht's? 猫", "b"]


# Broken files


def test_a_missing_folder_names_the_model_and_the_command_that_makes_it(tmp_path):
    with pytest.raises(SteeringError) as caught:
        load("my/model", tmp_path / "nothing")
    assert "no directions for 'my/model'" in str(caught.value)
    assert "precompute --quick --model my/model" in str(caught.value)


@pytest.mark.parametrize("kept", [0, 7, 400])
def test_truncated_directions_are_refused(folder, kept):
    path = folder / "directions.safetensors"
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(
        SteeringError, match=r"broken or from another run.*precompute --quick --model tiny"
    ):
        load("tiny", folder)


def test_truncated_directions_are_refused_even_where_the_hash_agrees(folder):
    path = folder / "directions.safetensors"
    path.write_bytes(path.read_bytes()[:-10])
    change_manifest(folder, directions_sha256=hashlib.sha256(path.read_bytes()).hexdigest())
    with pytest.raises(SteeringError, match=r"cannot be read .*precompute --quick --model tiny"):
        load("tiny", folder)


def test_a_wrong_hash_is_refused_and_both_are_named(folder):
    actual = hashlib.sha256((folder / "directions.safetensors").read_bytes()).hexdigest()
    change_manifest(folder, directions_sha256="0" * 64)
    with pytest.raises(SteeringError) as caught:
        load("tiny", folder)
    assert "0" * 64 in str(caught.value)
    assert actual in str(caught.value)


@pytest.mark.parametrize("schema", [0, 3, "1", None])
def test_another_schema_is_refused_and_named(folder, schema):
    change_manifest(folder, schema=schema)
    with pytest.raises(SteeringError, match=f"has schema {schema}, this version reads schema 1"):
        load("tiny", folder)


@pytest.mark.parametrize("content", [b"", b'{"schema": 1', b"\xff\xfe\x00", b"[1, 2]"])
def test_a_manifest_that_is_not_a_json_object_is_refused(folder, content):
    (folder / "manifest.json").write_bytes(content)
    with pytest.raises(SteeringError, match=r"manifest\.json"):
        load("tiny", folder)


@pytest.mark.parametrize("key", ["model", "positions", "dim_place", "inlp", "directions_sha256"])
def test_a_manifest_without_a_key_is_refused(folder, key):
    document = json.loads((folder / "manifest.json").read_text())
    del document[key]
    (folder / "manifest.json").write_text(json.dumps(document))
    with pytest.raises(SteeringError, match=f"cannot be read .*{key}"):
        load("tiny", folder)


@pytest.mark.parametrize("name", ["difference", "harmless_mean", "inlp(-1,1)"])
def test_a_missing_tensor_is_refused(folder, name):
    path = folder / "directions.safetensors"
    tensors = load_file(path)
    del tensors[name]
    save_file(tensors, path)
    change_manifest(folder, directions_sha256=hashlib.sha256(path.read_bytes()).hexdigest())
    with pytest.raises(SteeringError, match="cannot be read") as caught:
        load("tiny", folder)
    assert name in str(caught.value)


def test_a_tensor_of_another_number_format_is_refused(folder):
    path = folder / "directions.safetensors"
    tensors = load_file(path)
    save_file({**tensors, "difference": tensors["difference"].half()}, path)
    change_manifest(folder, directions_sha256=hashlib.sha256(path.read_bytes()).hexdigest())
    with pytest.raises(SteeringError, match="float16, expected float32"):
        load("tiny", folder)


def test_broken_tables_and_recordings_are_refused(folder):
    (folder / "evaluation.json").write_text("{")
    with pytest.raises(SteeringError, match=r"evaluation\.json cannot be read"):
        evaluation("tiny", folder)
    (folder / "recordings.jsonl").write_text('{"a": 1}\n{"b":')
    with pytest.raises(SteeringError, match=r"recordings\.jsonl cannot be read"):
        recordings("tiny", folder)


def test_a_full_disk_leaves_directions_that_still_load(folder, fitted, monkeypatch):
    def refuse(*_arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(whole_files.os, "replace", refuse)
        with pytest.raises(SteeringError):
            write(folder, replace(fitted, default_k=1), {})
    assert_equal(load("tiny", folder), fitted)


# What is shipped


@pytest.fixture(params=["qwen2.5-coder-0.5b-instruct", "smollm2-135m-instruct"])
def shipped(request) -> str:
    if request.param not in available():
        pytest.skip(f"no directions of {request.param} are shipped")
    return request.param


def test_shipped_directions_load_and_are_small(shipped):
    assert load(shipped).model == shipped
    assert sum(path.stat().st_size for path in folder_of(shipped).iterdir()) < LARGEST


def test_shipped_choices_lie_within_what_was_tried(shipped):
    directions = load(shipped)
    points = candidates(directions.positions, directions.n_layers)
    assert set(directions.inlp) == set(points)
    for point in (directions.dim_point, directions.inlp_point):
        assert point in points
        assert directions.subspace("dim", point).rank == 1
    starts = [(directions.inlp_point, directions.default_k)]
    starts += [(start.point, start.k) for start in [directions.nullspace] if start]
    for point, k in starts:
        assert 1 <= k <= directions.subspace("inlp", point).rank
    assert 0 < directions.default_c <= 3
    for found in directions.inlp.values():
        assert found.subspace.rank == len(found.dev_accuracies)
        assert all(0 <= value <= 1 for value in found.dev_accuracies)


def test_shipped_directions_say_where_they_come_from(shipped):
    document = manifest(shipped)
    given = {
        *("weights", "dtype", "quantization", "device", "suffix", "openers", "prompts"),
        *("seed", "versions", "train", "dim_choice", "inlp_choice", "inlp_scores"),
    }
    assert given <= document.keys()
    assert len(document["weights"]["sha256"] or document["weights"]["revision"]) in (40, 64)
    assert {"python", "torch", "transformers", "scikit-learn"} <= document["versions"].keys()
    assert "sha256:" in document["prompts"]
    assert len(document["suffix"]) == len(load(shipped).positions)


def test_the_whole_shipped_score_table_is_there(shipped):
    directions, document = load(shipped), manifest(shipped)
    scores = [Score(**entry) for entry in document["dim_scores"]]
    assert len(scores) == FINALISTS
    assert directions.dim_point in [score.point for score in scores]
    assert len(document["dim_screening"]) == len(directions.inlp)
    position, layer = directions.inlp_point
    scored = document["inlp_scores"]
    assert f"{position},{layer}" in scored
    if "fronts" not in document:  # older choices had no constraints but accuracy
        assert scored[f"{position},{layer}"] == min(scored.values())
        return
    places = {"ablation": directions.dim_point, "flip": directions.inlp_point}
    for operator, place in places.items():
        chosen = [each for each in document["fronts"][operator] if each["chosen"]]
        assert [(each["position"], each["layer"]) for each in chosen] == [place]
