from dataclasses import replace

import pytest
import torch

from steering.artifacts import controls_file, store
from steering.errors import SteeringError
from steering.interventions.panel import parse


def test_controls_lie_beside_their_directions_and_come_back(controlled, tmp_path):
    store.write(tmp_path, controlled, {})
    found = store.load("tiny-qwen2", tmp_path)
    kept, read = controlled.controls.tensors(), found.controls.tensors()
    assert all(torch.equal(kept[name], tensor) for name, tensor in read.items())
    assert found.digest == controlled.digest
    for text in ("flip:basis=covariance,seed=7", "flip:basis=shuffled,seed=2"):
        edits = [parse(text).edit(each) for each in (found, controlled)]
        torch.testing.assert_close(edits[0].basis, edits[1].basis, rtol=0, atol=1e-6)


def test_where_covariances_lie_is_known_without_their_tensors(controlled, fitted, tmp_path):
    store.write(tmp_path, controlled, {})
    known = store.outline("tiny-qwen2", tmp_path).covariance_points
    assert known == controlled.covariance_points == ((-2, 2), (-1, 1))
    store.write(tmp_path, replace(fitted, default_c=1.0, difference=2 * fitted.difference), {})
    assert store.outline("tiny-qwen2", tmp_path).covariance_points == ()


def test_directions_without_controls_are_read_as_before(fitted, tmp_path):
    store.write(tmp_path, fitted, {})
    assert not (tmp_path / controls_file.CONTROLS_FILE).exists()
    assert store.load("tiny-qwen2", tmp_path).controls is None
    assert store.outline("tiny-qwen2", tmp_path).covariance_points == ()


def test_controls_of_other_directions_are_none(controlled, fitted, tmp_path):
    store.write(tmp_path, controlled, {})
    store.write(tmp_path, replace(fitted, default_c=1.0, difference=2 * fitted.difference), {})
    assert (tmp_path / controls_file.CONTROLS_FILE).is_file()
    assert store.load("tiny-qwen2", tmp_path).controls is None


@pytest.mark.parametrize("broken", [b"", b"no tensors at all", None])
def test_a_broken_file_is_a_sentence(controlled, tmp_path, broken):
    store.write(tmp_path, controlled, {})
    path = tmp_path / controls_file.CONTROLS_FILE
    path.write_bytes(path.read_bytes()[:-40] if broken is None else broken)
    with pytest.raises(SteeringError, match=r"cannot be read .*precompute"):
        store.load("tiny-qwen2", tmp_path)
