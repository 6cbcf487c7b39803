import json

import pytest

from steering.errors import SteeringError
from steering.interventions.panel import parse
from steering.maps import markers
from steering.maps.layer_map import LayerMap
from tests.helpers.traces import trace

PROMPT = "How do I paint a letter?"
PANELS = ("baseline", "flip:k=2")


@pytest.fixture
def traced(tiny, fitted, charted):
    return trace(tiny, fitted, charted, PROMPT, [parse(text) for text in PANELS])


@pytest.fixture
def rows(tiny, charted, traced):
    length = len(tiny.render(PROMPT))
    return markers.landed(charted, traced, prompt=PROMPT, length=length)


def test_a_marker_is_what_the_maps_say_of_the_traced_state(charted, traced, rows):
    assert [row["form"] for row in rows] == list(PANELS)
    assert json.loads(json.dumps(rows)) == rows
    near = {"rel": 6e-3, "abs": 1e-6}
    for index, row in enumerate(rows):
        for at, layer in enumerate(charted.layers):
            state = traced.states[index : index + 1, at]
            chart = charted.at(layer)
            (landing,) = chart.land(state)
            assert row["t"][at] == pytest.approx(landing.t, **near)
            assert row["to_harmful"][at] == pytest.approx(landing.to_harmful, **near)
            assert (row["nearest"][at], row["outside"][at]) == (landing.nearest, landing.outside)
            assert [column[at] for column in row["pca"]] == pytest.approx(
                chart.pca(state)[0].tolist(), **near
            )
            assert row["y"][at] == pytest.approx(chart.harm(state)[0, 1].item(), **near)
    assert rows[0]["t"] != rows[1]["t"]


def test_tokens_begin_with_the_visitors_words_and_one_is_where_the_maps_look(charted, rows):
    for row in rows:
        tokens = row["tokens"]
        assert "".join(tokens["texts"][: tokens["template"]]).strip() == PROMPT
        assert tokens["answer"] == len(tokens["texts"])
        assert tokens["read"] == tokens["answer"] + charted.position


def test_a_prompt_that_its_tokens_do_not_spell_keeps_them_all(tiny, charted, traced):
    length = len(tiny.render(PROMPT))
    row, _ = markers.landed(charted, traced, prompt="other words", length=length)
    assert len(row["tokens"]["texts"]) == length


def test_places_on_the_umap_are_columns_in_the_panels_order(charted, traced, monkeypatch):
    monkeypatch.setattr(LayerMap, "umap", lambda _map, states: states[:, :2])
    columns = markers.umap_places(charted, traced.states, 3)
    for index in range(len(PANELS)):
        place = [column[index] for column in columns]
        assert place == pytest.approx(traced.states[index, 2, :2].tolist(), rel=6e-3)
    with pytest.raises(SteeringError, match="no map at layer 0"):
        markers.umap_places(charted, traced.states, 0)
