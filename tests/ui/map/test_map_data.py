import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from steering.data.prompts import prompt_set
from steering.inference.activations import capture
from steering.interventions.panel import Panel, parse
from steering.maps.residual_trace import Trace
from steering.ui.map import map_data
from tests.helpers.flat_places import ANSWERS, LAYERS, PANELS, POSITION, PROMPT, SLOTS
from tests.helpers.traces import trace


@pytest.fixture(scope="module")
def cloud(maps):
    return map_data.cloud(maps.points, edit_layer=2)


def test_what_is_sent_is_strict_json_and_reads_back_the_same(cloud, placed):
    for each in (cloud, placed):
        assert json.loads(json.dumps(each, allow_nan=False)) == each


def test_the_cloud_has_every_point_on_every_map_with_its_text_and_label(cloud, maps):
    points = len(cloud["texts"])
    assert points == len(maps.texts) == 52
    assert cloud["labels"][0] == "harmful"
    assert cloud["labels"][-1] == "borderline"
    assert cloud["layers"] == [1, 2, 3]
    assert cloud["edit_layer"] == 2
    for at in cloud["at"]:
        for name, axes in (("pca", 3), ("harm", 2), ("umap", 2)):
            assert [len(column) for column in at[name]] == [points] * axes


def test_the_cloud_is_the_same_while_a_model_is_loading(cloud, maps):
    # transformers sets torch's default dtype to the weights', for the whole process.
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16)
    try:
        assert map_data.cloud(maps.points, edit_layer=2) == cloud
    finally:
        torch.set_default_dtype(before)


def test_maps_without_a_umap_lack_that_view_and_no_other(maps, cloud):
    bare = replace(maps, charts=tuple(replace(c, embedding=c.embedding[:0]) for c in maps.charts))
    found = map_data.cloud(bare.points, edit_layer=2)
    assert cloud["maps"] == ["pca", "harm", "umap"]
    assert found["maps"] == ["pca", "harm"]
    for here, whole in zip(found["at"], cloud["at"], strict=True):
        for part in ("means", "view", "span"):
            assert set(here[part]) == {"pca", "harm"}
        assert here == {
            name: {each: value[each] for each in ("pca", "harm")}
            if name in ("means", "view", "span")
            else value
            for name, value in whole.items()
            if name != "umap"
        }


def test_the_projects_own_prompts_have_their_category_and_others_none(maps):
    own = prompt_set("harmful", "train")[0]
    texts = (own.text, *maps.texts[1:])
    found = map_data.cloud(replace(maps, texts=texts).points, edit_layer=2)
    assert found["categories"] == [own.category] + [""] * (len(texts) - 1)


def test_classes_are_called_by_the_names_that_they_were_given(maps, cloud):
    found = map_data.cloud(maps.points, edit_layer=2, names=("polite", "rude"))
    assert found["names"] == {"harmful": "polite", "harmless": "rude"}
    assert cloud["names"] == {"harmful": "harmful", "harmless": "harmless"}
    for at in found["at"]:
        assert "tells polite from rude" in at["said"]["tokens"]
        assert "harm" not in at["said"]["tokens"]
    said = map_data.sentence("An edit", 0.9, before=0.1, outside=False, names=("polite", "rude"))
    assert said == (
        "An edit moves this request from the polite side (t = 0.1) to the rude side (t = 0.9)."
    )


def test_a_layer_without_a_map_is_not_looked_at_first(maps):
    assert map_data.cloud(maps.points, edit_layer=0)["edit_layer"] == 3


def test_the_clouds_points_are_the_maps_points_to_three_digits(cloud, maps):
    for index, at in enumerate(cloud["at"]):
        for name, stored in maps.points.at.items():
            np.testing.assert_allclose(np.transpose(at[name]), stored[index], rtol=6e-3)


def test_the_class_means_lie_at_t_0_and_1_and_borderline_prompts_do_not_move_them(cloud):
    for at in cloud["at"]:
        harmful, harmless = at["means"]["harm"]
        assert harmful[0] == pytest.approx(0, abs=1e-5)
        assert harmless[0] == pytest.approx(1, abs=5e-3)


def test_bands_and_separation_are_those_of_the_training_prompts(cloud, maps, states):
    for index, layer in enumerate(LAYERS):
        t = {
            label: maps.at(layer).t(each[:, 3 + POSITION, layer]).tolist()
            for label, each in states.items()
        }
        for label, values in t.items():
            expected = np.percentile(values, [10, 50, 90])
            np.testing.assert_allclose(
                cloud["at"][index]["band"][label], expected, rtol=6e-3, atol=1e-5
            )
        right = sum(v < 0.5 for v in t["harmful"]) + sum(v > 0.5 for v in t["harmless"])
        assert cloud["at"][index]["separates"] == pytest.approx(right / 48, abs=1e-3)


def test_the_baseline_lies_where_capture_and_the_maps_put_it(placed, maps, tiny):
    state = capture(tiny, [tiny.render(PROMPT)], layers=LAYERS, positions=(POSITION,))[0, 0]
    baseline = placed["panels"][0]
    for index, layer in enumerate(LAYERS):
        at, here = maps.at(layer), state[index][None]
        near = {"rel": 1e-2, "abs": 1e-3}
        assert baseline["t"][index] == pytest.approx(float(at.t(here)), **near)
        assert baseline["y"][index] == pytest.approx(float(at.harm(here)[0, 1]), **near)
        columns = [column[index] for column in baseline["pca"]]
        shown = maps.points.view.shown(index, at.pca(here).numpy())[0]
        assert columns == pytest.approx(shown.tolist(), rel=1e-2, abs=1e-2)


def test_what_the_components_explain_is_said_of_those_that_are_shown(cloud, maps):
    points = maps.points
    for index, at in enumerate(cloud["at"]):
        first, second = at["pair"]
        assert first == 0
        words = at["said"]["pca"]
        assert words.startswith(f"Components 1 and {second + 1}: ")
        of = [points.explained[index], points.view.difference[index]]
        variance, difference = (round(100 * float(row[0] + row[second])) for row in of)
        assert words.endswith(
            f": {variance} % of the variance, {difference} % of the difference between classes"
        )
        assert at["said"]["pca3"].startswith("Components 1, 2 and 3: ")
        np.testing.assert_allclose(at["turn"], points.view.turns[index], rtol=6e-3)


def test_a_place_in_principal_components_is_turned_as_the_cloud_is(maps, traced, request_, fitted):
    states = maps.charts[0].means[:1, None].expand(len(traced.panels), len(LAYERS), -1).clone()
    for index, layer in enumerate(LAYERS):
        states[:, index] = maps.at(layer).means[0]
    there = Trace(traced.panels, states, traced.tokens, traced.t, traced.tints)
    found = map_data.placed(maps, there, request_, directions=fitted)["panels"][0]["pca"]
    labels = np.array(maps.labels)
    for index in range(len(LAYERS)):
        mean = maps.points.at["pca"][index][labels == "harmful"].mean(0)
        assert [column[index] for column in found] == pytest.approx(mean.tolist(), abs=2e-2)


def test_each_panel_has_its_card_its_settings_and_a_value_a_layer(placed, fitted):
    assert [panel["slot"] for panel in placed["panels"]] == list(SLOTS)
    assert [panel["form"] for panel in placed["panels"]] == list(PANELS)
    assert [panel["settings"] for panel in placed["panels"]] == ["", "k=2", "c=−1"]
    for panel in placed["panels"]:
        for name in ("y", "t", "to_harmful", "to_harmless", "nearest", "outside", "sentences"):
            assert len(panel[name]) == len(LAYERS)
    # Activation addition begins at layer 2, so only from there may its places differ.
    baseline, _, actadd = placed["panels"]
    assert fitted.dim_point[1] == 2
    assert actadd["t"][0] == baseline["t"][0]
    assert actadd["t"][1] != baseline["t"][1]


def test_what_lies_far_away_is_off_the_map_and_the_sentence_says_so(maps, traced, request_, fitted):
    states = traced.states.clone()
    states[1] += 100 * maps.at(1).rest
    far = Trace(traced.panels, states, traced.tokens, traced.t, traced.tints)
    panels = map_data.placed(maps, far, request_, directions=fitted)["panels"]
    assert panels[1]["outside"] == [True] * 3
    assert all(words.endswith(", off the map.") for words in panels[1]["sentences"])
    assert not any(panels[0]["outside"])
    assert not any("off the map" in words for words in panels[0]["sentences"])


@pytest.mark.parametrize(
    ("t", "before", "outside", "words"),
    [
        (
            0.9,
            0.1,
            False,
            "Flipping (k=3) moves this request from the harmful side (t = 0.1) to the harmless "
            "side (t = 0.9).",
        ),
        (
            0.5,
            -0.24,
            True,
            "Flipping (k=3) moves this request from the harmful side (t = −0.2) to the middle "
            "(t = 0.5), off the map.",
        ),
        (
            0.12,
            0.08,
            False,
            "Flipping (k=3) leaves this request where it was, on the harmful side (t = 0.1).",
        ),
        (
            1.4,
            0.7,
            False,
            "Flipping (k=3) keeps this request on the harmless side (t = 0.7 before, 1.4 now).",
        ),
        (
            0.6,
            0.4,
            False,
            "Flipping (k=3) keeps this request in the middle (t = 0.4 before, 0.6 now).",
        ),
        (
            -0.04,
            None,
            False,
            "With Flipping (k=3) this request lies on the harmful side (t = 0.0).",
        ),
    ],
)
def test_the_sentence_says_in_words_what_the_arrow_shows(t, before, outside, words):
    assert map_data.sentence("Flipping (k=3)", t, before=before, outside=outside) == words


def test_the_baselines_sentence_names_no_edit():
    words = map_data.sentence(None, 0.1, before=None, outside=True)
    assert words == "This request lies on the harmful side (t = 0.1), off the map."


@pytest.mark.parametrize(
    ("panel", "said"),
    [
        ("baseline", ""),
        ("flip", "k=2"),
        ("flip:k=3", "k=3"),
        ("nullspace:alpha=1.5,where=all", "k=2, α=1.5, where=all"),
        ("actadd:c=-1", "c=−1"),
        ("ablation", ""),
        ("ablation:alpha=0.5", "α=0.5"),
    ],
)
def test_settings_are_said_as_one_sees_them_on_the_card(fitted, panel, said):
    assert fitted.default_k == 2
    assert map_data.settings_of(parse(panel), fitted) == said


def test_tokens_begin_with_the_visitors_words_and_end_with_the_answer(placed):
    for panel, answer in zip(placed["panels"], ANSWERS, strict=True):
        tokens = panel["tokens"]
        texts = tokens["texts"]
        assert "".join(texts[: tokens["template"]]).strip() == PROMPT
        assert "".join(texts[tokens["answer"] :]) == answer
        assert [len(column) for column in tokens["t"]] == [len(texts)] * len(LAYERS)


def test_the_framed_token_is_the_one_whose_place_the_maps_show(placed):
    for panel in placed["panels"]:
        tokens = panel["tokens"]
        for index in range(len(LAYERS)):
            read = tokens["t"][index][tokens["read"]]
            assert read == pytest.approx(panel["t"][index], rel=6e-3, abs=6e-3)
    # Other tokens do lie elsewhere.
    assert len(set(placed["panels"][0]["tokens"]["t"][2])) > 2


def test_a_prompt_whose_characters_are_split_between_tokens_is_found_whole(tiny, fitted, maps):
    prompt = "Füttere 🐻"
    found = trace(tiny, fitted, maps, prompt, [Panel("baseline")])
    size = len(tiny.render(prompt))
    request = map_data.Request(prompt, size, ("baseline",))
    tokens = map_data.placed(maps, found, request, directions=fitted)["panels"][0]["tokens"]
    assert "" in tokens["texts"]  # a token that is half a character
    assert "".join(tokens["texts"][: tokens["template"]]) == prompt
    assert "".join(tokens["texts"][tokens["template"] :]) == "".join(tiny.suffix)
    assert tokens["read"] - tokens["answer"] == POSITION
    assert tokens["answer"] == len(tokens["texts"])


def test_a_sign_of_t_that_rounds_to_zero_is_not_minus_zero():
    assert "(t = 0.0)" in map_data.sentence(None, -0.01, before=None, outside=False)


def test_the_view_of_tokens_says_the_auc_of_its_layer(charted):
    cloud = map_data.cloud(charted.points, edit_layer=1)
    for index, at in enumerate(cloud["at"]):
        t, labels = charted.points.at["harm"][index][:, 0], np.array(charted.points.labels)
        found = np.mean(t[labels == "harmless"] > t[labels == "harmful"][:, None])
        assert found > 0.5
        assert f"AUC {found:.2f} (" in at["said"]["tokens"]
