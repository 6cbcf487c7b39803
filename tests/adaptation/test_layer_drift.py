"""What is measured at one layer, what follows, what is moved."""

import math

import pytest
import torch

from steering.adaptation.drift import Check, calibration
from steering.adaptation.layer_drift import SAME, Drift, compare, moved, verdict
from steering.inference.activations import capture


def test_a_shift_that_all_prompts_share_is_taken_off(tiny, charted):
    chosen = calibration(charted.labels)
    rows = [tiny.render(charted.texts[index]) for index in chosen]
    states = capture(tiny, rows, layers=charted.layers, positions=[charted.position])[:, 0]
    # Along the axis between the means, so that t sees it: half of the way.
    chart = charted.at(2)
    there = states[:, 1] + (chart.means[1] - chart.means[0]) / 2
    found = compare(chart, there, chosen, charted.labels)
    assert found.verdict == "usable"
    assert found.t_rms == pytest.approx(0.5, abs=1e-3)
    assert found.spread_share > SAME
    assert found.t_share_left < 1e-3
    assert found.spread_share_left < 1e-3
    assert "0.50 of t away, 0.00 of the spread within a class once their mean shift" in (
        found.sentence
    )
    others = [
        compare(charted.at(layer), states[:, index], chosen, charted.labels)
        for index, layer in enumerate(charted.layers)
    ]
    applied = Check("float32", "here", (others[0], found, others[2])).applied(charted)
    assert torch.allclose(applied.at(2).t(there), chart.t(states[:, 1]), atol=1e-4)
    assert not torch.allclose(chart.t(there), chart.t(states[:, 1]), atol=0.1)
    assert applied.at(1) is charted.at(1)


def test_moved_maps_see_a_moved_state_as_they_saw_it_before(charted):
    chart = charted.at(2)
    generator = torch.Generator().manual_seed(1)
    states = chart.means.mean(0) + torch.randn(7, charted.d_model, generator=generator)
    w, _ = chart.axis()
    step = 0.3 * chart.clusters.components[0] - 2 * chart.clusters.components[3] + 0.5 * chart.rest
    shift = [
        *(chart.clusters.components @ step).tolist(),
        float(w @ step),
        float(chart.rest @ step),
    ]
    again = moved(chart, shift)
    assert torch.allclose(again.t(states + step), chart.t(states), atol=1e-4)
    assert torch.allclose(again.pca(states + step), chart.pca(states), atol=1e-4)
    assert torch.allclose(again.harm(states + step), chart.harm(states), atol=1e-4)
    assert not torch.allclose(again.pca(states), chart.pca(states), atol=1e-2)


@pytest.mark.parametrize(
    ("share", "left", "expected"),
    [
        (0.0, 0.0, "same"),
        (0.1, 0.1, "same"),
        (0.101, 0.101, "usable"),
        (3.0, 0.25, "usable"),
        (3.0, 0.251, "unusable"),
        (math.nan, math.nan, "unusable"),
        (math.inf, math.nan, "unusable"),
    ],
)
def test_the_verdict_follows_from_the_shares(share, left, expected):
    assert verdict(share, left) == expected


def test_a_reader_gets_json_without_what_is_not_finite():
    found = Drift(1, math.nan, 0.1, math.inf, 0.1, 0.1, 32, "unusable", (1.0,)).as_dict()
    assert found["t_rms"] is None
    assert found["spread_share"] is None
    assert found["t_share"] == 0.1
    assert "shift" not in found
    assert found["verdict"] == "unusable"
