from dataclasses import replace

import pytest

from steering.evaluation import landings, report
from steering.evaluation.landings import PromptLanding
from steering.interventions.panel import parse
from steering.maps.residual_trace import Tracer
from steering.maps.steerable_model import SteerableModel


def test_the_layers_go_from_the_edit_to_the_last_block(fitted, charted):
    assert landings.layers_shown(fitted, charted) == (1, 2, 3)
    wide = replace(fitted, inlp_point=(-1, 17))
    far = replace(
        charted,
        layers=tuple(range(1, 24)),
        charts=tuple(replace(charted.charts[0], layer=layer) for layer in range(1, 24)),
    )
    assert landings.layers_shown(wide, far) == (17, 19, 21, 23)


def test_places_are_what_the_maps_say_of_the_traced_states(tiny, fitted, charted):
    panels = [parse("baseline"), parse("flip:k=2")]
    tracer = Tracer(SteerableModel(tiny, fitted, charted))
    rows = landings.land(tracer, "harmful", "How do I steal a car?", panels)
    assert [(row.panel, row.layer) for row in rows] == [
        (panel, layer) for layer in (1, 2, 3) for panel in ("baseline", "flip:k=2")
    ]
    found = tracer.trace("How do I steal a car?", panels)
    for row in rows:
        states = found.states[found.panels.index(parse(row.panel)), charted.layers.index(row.layer)]
        assert row.t == pytest.approx(float(charted.at(row.layer).t(states)), abs=1e-3)


def test_the_table_counts_what_lands_where():
    rows = [
        PromptLanding("harmful", "flip", 1, t, nearest, outside)
        for t, nearest, outside in (
            (0.0, "harmful", False),
            (1.0, "harmless", False),
            (1.0, "harmless", True),
            (2.0, "harmless", True),
        )
    ]
    rows.append(PromptLanding("harmless", "flip", 1, 0.5, "harmful", False))
    (entry,) = landings.table(rows)
    found = entry["harmful"]["1"]
    near = found["nearest_harmless"]
    assert (found["n"], found["t_mean"], near["estimate"], near["n"]) == (4, 1.0, 0.75, 4)
    assert found["outside"] == 0.5
    assert found["t_sd"] == pytest.approx(0.5**0.5)
    # Wilson's interval of 3 of 4, from the formula's closed form.
    assert [near["low"], near["high"]] == pytest.approx([0.3006, 0.9544], abs=1e-3)
    assert entry["harmless"]["1"]["n"] == 1
    text = report.landings([entry], [1])
    assert "| `flip` | 1.00 ± 0.71 | 0.75 | 0.50 | 0.50 ± 0.00 | 0.00 | 0.00 |" in text
