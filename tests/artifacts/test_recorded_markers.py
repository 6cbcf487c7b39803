import json
from dataclasses import replace

import numpy as np
import pytest

from steering.adaptation import drift, layer_drift
from steering.artifacts import folders, store
from steering.artifacts.recorded_markers import with_places
from steering.inference.comparison import Answer
from steering.interventions.panel import parse
from steering.maps import map_points, markers
from steering.maps.steerable_model import SteerableModel
from steering.serving.engine import Engine, Supply
from steering.ui.map import map_data, map_section
from steering.ui.map.locate import located
from steering.ui.playground import card_settings
from steering.ui.playground.asked import Asked, Setting
from tests.helpers.flat_layout import flatten
from tests.helpers.traces import trace

PROMPT = "How do I paint a letter?"
PANELS = ("baseline", "actadd:c=-1", "ablation", "flip:k=2")
DIGEST = "d" * 64


@pytest.fixture
def flat(monkeypatch):
    flatten(monkeypatch)


@pytest.fixture
def maps(charted, flat):
    """Maps whose UMAP is not compiled, made anew: layouts are kept once they are made."""
    return replace(charted, charts=tuple(replace(chart) for chart in charted.charts))


@pytest.fixture
def line(fitted):
    names = [str(parse(panel).resolved(fitted)) for panel in PANELS]
    answers = [Answer(name, f"answer {name}").as_dict() for name in names]
    return json.loads(json.dumps({"prompt": PROMPT, "label": "harmless", "answers": answers}))


@pytest.fixture
def placed(line, tiny, fitted, maps):
    (found,) = with_places([line], SteerableModel(tiny, fitted, maps), digest=DIGEST)
    return found


def test_what_was_recorded_stays_as_it_was(line, placed):
    assert {key: value for key, value in placed.items() if key != "places"} == line
    assert json.loads(json.dumps(placed, allow_nan=False)) == placed


def test_a_recorded_request_is_shown_where_the_model_itself_would_show_it(
    placed, tiny, fitted, maps
):
    cards = {"baseline": "baseline", "flip": "flip:k=2", "ablation": "ablation"}
    panels = {slot: parse(form) for slot, form in cards.items()}
    landed = card_settings.landed(placed, panels, fitted, maps=DIGEST)
    shown = map_data.told(maps.points, PROMPT, landed, fitted)
    request = map_data.Request(PROMPT, len(tiny.render(PROMPT)), tuple(cards))
    now = map_data.placed(
        maps, trace(tiny, fitted, maps, PROMPT, list(panels.values())), request, directions=fitted
    )
    for panel in shown["panels"]:
        panel.pop("umap")
    assert shown == now
    ts = [panel["t"] for panel in shown["panels"]]
    assert ts[0] != ts[1]  # an edit had moved it


def test_the_umap_of_a_recorded_request_is_answered_by_layer(placed, tiny, fitted, maps):
    panels = {"baseline": parse("baseline"), "actadd": parse("actadd:c=-1")}
    landed = card_settings.landed(placed, panels, fitted, maps=DIGEST)
    memory = map_section.Memory()
    board = map_section.Atlas(None, None, None, memory)  # type: ignore[arg-type]
    shown = json.loads(board.recall(maps.points, PROMPT, landed, fitted))
    states = trace(tiny, fitted, maps, PROMPT, list(panels.values())).states
    for layer in maps.layers:
        asked = {"key": shown["key"], "layer": layer}
        assert memory.umap(asked) == markers.umap_places(maps, states, layer)
    assert memory.umap({"key": shown["key"], "layer": 99}) is None


def test_a_recorded_place_names_the_maps_that_it_is_shown_on(placed, fitted, maps):
    known = replace(maps.points, digest=DIGEST)
    supply = Supply(None, lambda _: fitted, lambda _: (placed,), points=lambda _: known)  # type: ignore[arg-type]
    engine = Engine("tiny", supply)
    made = map_section.Atlas(None, None, None, map_section.Memory())  # type: ignore[arg-type]
    chosen = {"baseline": Setting("baseline", True, "baseline", {})}
    shown = json.loads(located(made, engine, Asked(PROMPT, chosen)) or "")
    assert [each["slot"] for each in shown["panels"]] == ["baseline"]
    assert shown["maps_id"] == engine.maps_id


@pytest.mark.parametrize(
    "change",
    [{"maps": "e" * 64}, {"version": map_points.PLACES_VERSION + 1}],
    ids=["other maps", "another version"],
)
def test_places_on_other_maps_or_of_another_version_are_not_shown(placed, fitted, change):
    panels = {"baseline": parse("baseline")}
    assert card_settings.landed(placed, panels, fitted, maps=DIGEST)
    other = placed | {"places": placed["places"] | change}
    assert card_settings.landed(other, panels, fitted, maps=DIGEST) == {}


def test_recordings_of_old_versions_have_no_places_and_still_answer(line, fitted):
    panels = {"baseline": parse("baseline")}
    assert card_settings.landed(line, panels, fitted, maps=DIGEST) == {}
    assert card_settings.recorded(line, panels, fitted)["baseline"].text == "answer baseline"


def test_a_card_that_was_set_otherwise_has_no_recorded_place(placed, fitted):
    panels = {"baseline": parse("baseline"), "flip": parse("flip:k=1")}
    assert set(card_settings.landed(placed, panels, fitted, maps=DIGEST)) == {"baseline"}


@pytest.mark.parametrize("name", folders.available())
def test_shipped_recordings_have_places_on_the_shipped_maps(name):
    outline, charted = store.outline(name), store.read_points(name)
    assert charted is not None
    panels = {slot: panel for slot, panel in card_settings.SLOTS.items() if slot != "own"}
    recordings = store.recordings(name)
    assert recordings
    if not any("places" in recording for recording in recordings):
        pytest.skip(
            "recorded before places were stored; python -m steering.artifacts.recorded_markers"
        )
    for recording in recordings:
        landed = card_settings.landed(recording, panels, outline, maps=charted.digest)
        assert set(landed) == set(panels)
        for _, row in landed.values():
            columns = [row["t"], row["y"], *row["pca"], *row["umap"], *row["tokens"]["t"]]
            assert {len(column) for column in columns[:7]} == {len(charted.layers)}
            assert len(row["tokens"]["t"]) == len(charted.layers)


@pytest.mark.model
def test_shipped_places_are_where_the_model_lands_on_this_machine(real):
    """Within the drift that maps may have: they were fitted in bfloat16, whatever runs here."""
    model, directions = real
    fitted_maps, charted = store.read_maps(model.name), store.read_points(model.name)
    assert fitted_maps is not None
    assert charted is not None
    found = drift.check(model, fitted_maps)
    served, recordings = found.applied(fitted_maps), store.recordings(model.name)
    if not any("places" in recording for recording in recordings):
        pytest.skip(
            "recorded before places were stored; python -m steering.artifacts.recorded_markers"
        )
    stored, here = [], []
    for recording in recordings:
        stored.append(recording["places"]["panels"][0]["t"])
        prompt = recording["prompt"]
        seen = trace(model, directions, served, prompt, [parse("baseline")])
        length = len(model.render(prompt))
        (row,) = markers.landed(served, seen, prompt=prompt, length=length)
        here.append(row["t"])
    steps = np.array(here) - np.array(stored)
    usable = [found.at(layer).verdict != "unusable" for layer in charted.layers]
    assert any(usable)
    labels = np.array(charted.labels)
    for index in np.flatnonzero(usable):
        t = charted.at["harm"][index, :, 0]
        classes = [t[labels == name] for name in ("harmful", "harmless")]
        deviation = np.concatenate([each - each.mean() for each in classes]).std()
        # Eight requests scatter more than the calibration prompts do.
        assert np.sqrt(np.square(steps[:, index]).mean()) <= 2 * layer_drift.USABLE * deviation
