"""The page reads points without the maps: they have to be those of the maps."""

from dataclasses import replace

import numpy as np
import pytest

from steering.artifacts import store
from steering.errors import SteeringError
from steering.maps import map_points


@pytest.fixture
def folder(tmp_path, fitted, charted):
    store.write(tmp_path, fitted, {})
    store.write_maps(tmp_path, charted)
    return tmp_path


def test_points_are_those_of_the_maps(folder, charted):
    found = store.read_points("tiny", folder)
    assert found is not None
    here = charted.points
    for name in ("model", "layers", "texts", "labels"):
        assert getattr(found, name) == getattr(here, name)
    assert set(found.at) == set(here.at) == {"pca", "lda", "umap"}
    for name, places in here.at.items():
        assert np.array_equal(found.at[name], places)
    assert np.array_equal(found.explained, here.explained)
    assert found.digest == map_points.digest(folder / map_points.FILE)


def test_points_of_other_maps_have_another_digest(folder, charted):
    before = map_points.digest(folder / map_points.FILE)
    store.write_maps(folder, replace(charted, model="another"))
    assert map_points.digest(folder / map_points.FILE) != before


def test_without_maps_there_are_no_points(tmp_path, fitted):
    store.write(tmp_path, fitted, {})
    assert store.read_points("tiny", tmp_path) is None


@pytest.mark.parametrize(
    "content", [b"", b"version https://git-lfs.github.com/spec/v1\n", b"\0" * 64]
)
def test_broken_maps_are_a_sentence(folder, content):
    (folder / map_points.FILE).write_bytes(content)
    with pytest.raises(SteeringError, match="cannot be read"):
        store.read_points("tiny", folder)
