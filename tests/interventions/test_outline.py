from dataclasses import fields, replace

import numpy as np
import pytest

from steering.artifacts import store
from steering.errors import SteeringError
from steering.interventions.outline import Facts, Outline
from steering.interventions.panel import DEFAULT_PANELS, parse
from steering.maps import map_points
from steering.ui.playground import card_settings


@pytest.fixture
def folder(tmp_path, fitted, charted):
    store.write(tmp_path, fitted, {})
    store.write_maps(tmp_path, charted)
    return tmp_path


@pytest.fixture
def outline(folder) -> Outline:
    return store.outline("tiny", folder)


def test_an_outline_knows_what_the_directions_know(outline, fitted):
    assert isinstance(outline, Facts)
    assert isinstance(fitted, Facts)
    for each in fields(Outline):
        assert getattr(outline, each.name) == getattr(fitted, each.name)


@pytest.mark.parametrize("name", store.available())
def test_the_shipped_outlines_are_those_of_the_shipped_directions(name):
    outline, directions = store.outline(name), store.load(name)
    for each in fields(Outline):
        assert getattr(outline, each.name) == getattr(directions, each.name)


@pytest.mark.parametrize("text", DEFAULT_PANELS)
def test_panels_and_cards_are_the_same_from_an_outline(outline, fitted, text):
    panel = parse(text)
    assert panel.resolved(outline) == panel.resolved(fitted)
    assert card_settings.start(text, outline) == card_settings.start(text, fitted)
    for basis in ("dim", "inlp"):
        found = card_settings.limits(panel.name, basis, 1, outline)
        assert found == card_settings.limits(panel.name, basis, 1, fitted)


@pytest.mark.parametrize(
    "text",
    [
        "flip:k=99",
        "flip:layer=77",
        "flip:position=-9",
        "nullspace:basis=dim,k=2",
        "ablation:layer=77",
        "actadd:position=-9",
        "random:k=99",
    ],
)
def test_a_panel_that_a_model_cannot_do_is_refused_in_the_same_words(outline, fitted, text):
    panel = parse(text)
    with pytest.raises(SteeringError) as early:
        panel.require(outline)
    with pytest.raises(SteeringError) as late:
        panel.edit(fitted)
    assert str(early.value) == str(late.value)


@pytest.mark.parametrize("text", [*DEFAULT_PANELS, "flip:basis=dim", "random:seed=3"])
def test_a_panel_that_a_model_can_do_is_not_refused(outline, fitted, text):
    parse(text).require(outline)
    parse(text).edit(fitted)


def test_points_are_those_of_the_maps(folder, charted):
    found = store.read_points("tiny", folder)
    assert found is not None
    here = charted.points
    for name in ("model", "layers", "texts", "labels"):
        assert getattr(found, name) == getattr(here, name)
    assert set(found.at) == set(here.at) == {"pca", "lda", "umap"}
    for name, points in here.at.items():
        assert np.array_equal(found.at[name], points)
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
@pytest.mark.parametrize("file", ["directions.safetensors", "maps.safetensors"])
def test_a_broken_file_is_a_sentence(folder, file, content):
    (folder / file).write_bytes(content)
    read = store.outline if file.startswith("directions") else store.read_points
    with pytest.raises(SteeringError, match="cannot be read"):
        read("tiny", folder)


@pytest.mark.parametrize("key", ["positions", "dim_place", "inlp", "default_k"])
def test_a_manifest_without_a_fact_is_a_sentence(folder, key):
    document = store.read_json(folder / "manifest.json")
    del document[key]
    store.write_json(folder / "manifest.json", document)
    with pytest.raises(SteeringError, match="cannot be read"):
        store.outline("tiny", folder)
