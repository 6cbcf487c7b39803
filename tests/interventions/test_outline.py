from dataclasses import fields, replace

import pytest

from steering.artifacts import folders, store
from steering.errors import SteeringError
from steering.interventions.outline import Facts, Outline, Start, start_of, within
from steering.interventions.panel import DEFAULT_PANELS, parse
from steering.system import whole_files
from steering.ui.playground import card_settings


@pytest.fixture
def folder(tmp_path, fitted):
    store.write(tmp_path, fitted, {})
    return tmp_path


@pytest.fixture
def outline(folder) -> Outline:
    return store.outline("tiny", folder)


def test_an_outline_knows_what_the_directions_know(outline, fitted):
    assert isinstance(outline, Facts)
    assert isinstance(fitted, Facts)
    for each in fields(Outline):
        assert getattr(outline, each.name) == getattr(fitted, each.name)


@pytest.mark.parametrize("name", folders.available())
def test_the_shipped_outlines_are_those_of_the_shipped_directions(name):
    outline, directions = store.outline(name), store.load(name)
    for each in fields(Outline):
        assert getattr(outline, each.name) == getattr(directions, each.name)


@pytest.mark.parametrize("text", DEFAULT_PANELS)
def test_panels_and_cards_are_the_same_from_an_outline(outline, fitted, text):
    panel = parse(text)
    assert panel.resolved(outline) == panel.resolved(fitted)
    assert card_settings.start(panel, outline) == card_settings.start(panel, fitted)
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


@pytest.mark.parametrize(
    "content", [b"", b"version https://git-lfs.github.com/spec/v1\n", b"\0" * 64]
)
def test_a_broken_file_is_a_sentence(folder, content):
    (folder / "directions.safetensors").write_bytes(content)
    with pytest.raises(SteeringError, match="cannot be read"):
        store.outline("tiny", folder)


@pytest.mark.parametrize("key", ["positions", "dim_place", "inlp", "default_k"])
def test_a_manifest_without_a_fact_is_a_sentence(folder, key):
    document = whole_files.read_json(folder / "manifest.json")
    del document[key]
    whole_files.write_json(folder / "manifest.json", document)
    with pytest.raises(SteeringError, match="cannot be read"):
        store.outline("tiny", folder)


def test_nullspace_projection_starts_where_it_was_chosen_and_flipping_where_it_was(fitted):
    own = replace(fitted, nullspace=Start((-2, 3), 1))
    assert start_of(own, "nullspace") == Start((-2, 3), 1)
    assert start_of(own, "flip") == Start(fitted.inlp_point, fitted.default_k)
    assert start_of(fitted, "nullspace") == start_of(fitted, "flip")
    removed, mirrored = (parse(kind).resolved(own) for kind in ("nullspace", "flip"))
    assert (removed.point, removed.k) == ((-2, 3), 1)
    assert mirrored.point == fitted.inlp_point
    assert parse("nullspace:basis=random").resolved(own).point == (-2, 3)
    assert within(Start((-2, 3), 9), fitted.inlp_ranks).k == fitted.inlp_ranks[-2, 3]
    assert within(None, fitted.inlp_ranks) is None
    assert own.digest != fitted.digest
