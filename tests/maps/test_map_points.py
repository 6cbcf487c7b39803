"""The page reads points without the maps: they have to be those of the maps."""

import json
from dataclasses import replace

import numpy as np
import pytest
from safetensors.torch import save

from steering.artifacts import store
from steering.errors import SteeringError
from steering.maps import map_points, model_maps


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
    assert set(found.at) == set(here.at) == {"pca", "harm", "umap"}
    for name, places in here.at.items():
        assert np.array_equal(found.at[name], places)
    assert np.array_equal(found.explained, here.explained)
    for name in ("pairs", "turns", "difference"):
        assert np.array_equal(getattr(found.view, name), getattr(here.view, name))
    assert found.digest == map_points.digest(folder / map_points.FILE)


def test_points_in_principal_components_are_the_maps_own_turned(charted):
    points = charted.points
    for index, layer in enumerate(charted.layers):
        own = charted.at(layer).points["pca"].numpy()
        np.testing.assert_allclose(
            points.at["pca"][index] @ points.view.turns[index].T, own, atol=1e-4
        )
        # Turned, so lengths stay, and the last layer's harmless class is on the right.
        np.testing.assert_allclose(
            np.linalg.norm(points.at["pca"][index], axis=1), np.linalg.norm(own, axis=1), rtol=1e-4
        )
    last, labels = points.at["pca"][-1], np.array(points.labels)
    gap = last[labels == "harmless"].mean(0) - last[labels == "harmful"].mean(0)
    assert gap[0] > 0
    assert gap[1] == pytest.approx(0, abs=1e-3)


def test_maps_of_the_first_schema_are_read_though_the_harm_axis_had_another_name(folder, charted):
    tensors, metadata = model_maps.tensors(charted)
    tensors["discriminant"] = tensors.pop("harm_axis")
    document = json.loads(metadata["maps"]) | {"schema": 1}
    old = {"maps": json.dumps({"maps": json.dumps(document)})}
    (folder / map_points.FILE).write_bytes(save(tensors, old))
    found, maps = store.read_points("tiny", folder), store.read_maps("tiny", folder)
    assert found is not None
    assert maps is not None
    assert np.array_equal(found.at["harm"], charted.points.at["harm"])
    assert maps.digest == charted.digest


def test_maps_without_a_umap_have_the_other_points_and_are_read_back(folder, charted):
    charts = tuple(replace(c, embedding=c.embedding[:0]) for c in charted.charts)
    bare = replace(charted, charts=charts)
    assert set(bare.points.at) == {"pca", "harm"}
    store.write_maps(folder, bare)
    found, maps = store.read_points("tiny", folder), store.read_maps("tiny", folder)
    assert set(found.at) == {"pca", "harm"}
    assert np.array_equal(found.at["pca"], charted.points.at["pca"])
    assert maps.digest == bare.digest
    with pytest.raises(SteeringError, match="no UMAP was made at layer 1"):
        maps.at(1).umap(maps.at(1).means)
    maps.warm_up()


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
