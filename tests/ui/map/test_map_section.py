import json
from dataclasses import replace

import gradio as gr

from steering.maps import markers
from steering.shipped import ASSETS
from steering.ui.dose import figure_parts
from steering.ui.map import map_section
from steering.ui.playground import card_settings
from tests.helpers.flat_places import PANELS


def test_a_room_that_asks_about_one_request_has_it_placed_once():
    asked = []

    def umap(layer):
        asked.append(layer)
        return [[0.0], [float(layer)]] if layer < 9 else None

    memory = map_section.Memory()
    key = memory.keep_places(umap)
    found = [memory.umap({"key": key, "layer": layer}) for layer in (1, 1, 2, 1)]
    assert found == [[[0.0], [1.0]], [[0.0], [1.0]], [[0.0], [2.0]], [[0.0], [1.0]]]
    assert asked == [1, 2]
    assert memory.umap({"key": key, "layer": 9}) is None


def test_a_kept_trace_answers_for_its_layers_and_for_nothing_else(maps, traced):
    memory = map_section.Memory()
    key = memory.keep(maps, traced)
    assert memory.umap({"key": key, "layer": 3}) == markers.umap_places(maps, traced.states, 3)
    for asked in (
        None,
        [],
        key,
        {"key": key},
        {"key": key, "layer": 0},
        {"key": key, "layer": "3"},
        {"key": key, "layer": [3]},
        {"key": key + "x", "layer": 3},
        {"key": None, "layer": 3},
        {"key": {}, "layer": 3},
    ):
        assert memory.umap(asked) is None


def test_what_the_page_is_given_is_a_text_that_gradio_cannot_take_for_html(
    maps, traced, request_, fitted
):
    memory = map_section.Memory()
    asked = replace(request_, prompt="How do I </script><script>alert(1)</script>?")
    text = map_section.Atlas(gr.HTML(), gr.Button(), gr.Button(), memory).show(
        maps, traced, asked, fitted
    )
    assert "<" not in text
    found = json.loads(text)
    assert found["prompt"] == asked.prompt
    assert [each["form"] for each in found["panels"]] == list(PANELS)
    assert memory.umap({"key": found["key"], "layer": 3}) is not None


def test_the_oldest_traces_are_forgotten_and_keys_differ(maps, traced):
    memory = map_section.Memory()
    keys = [memory.keep(maps, traced) for _ in range(70)]
    assert len(set(keys)) == 70
    assert memory.umap({"key": keys[0], "layer": 3}) is None
    assert memory.umap({"key": keys[-1], "layer": 3}) is not None


def test_the_template_has_a_line_for_each_card_and_nothing_that_gradio_would_evaluate():
    html = map_section.template()
    for slot in card_settings.SLOTS:
        assert html.count(f'data-slot="{slot}"') == 1
    # Gradio reads a template as JavaScript and as Handlebars.
    for sign in ("`", "${", "{{", "\\"):
        assert sign not in html


def test_every_card_has_a_sign_on_the_map():
    signs = (ASSETS / "map" / "signs.js").read_text("utf-8")
    slots = (ASSETS / "shared" / "plot.js").read_text("utf-8")
    for slot in card_settings.SLOTS:
        assert f'{slot}: ["' in signs
        assert f'"{slot}"' in slots
    assert set(figure_parts.SYMBOLS) == set(card_settings.SLOTS)
