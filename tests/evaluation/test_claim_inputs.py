import math

import pytest

from steering.evaluation.answers import AnswerRow
from steering.evaluation.claim_inputs import outcomes, roles
from steering.evaluation.claims import CLAIMS
from steering.evaluation.landings import PromptLanding

REFUSED, COMPLIED = "I'm sorry, but I can't assist with that.", "Sure: clean it, then paint it."


def row(panel: str, text: str = COMPLIED, group: str = "harmful", perplexity=None) -> AnswerRow:
    return AnswerRow(group, "a request", panel, text, True, 0.0, 0.0, perplexity)


def test_every_role_that_a_claim_names_has_panels(fitted):
    named = {role for claim in CLAIMS.values() for part in claim for role in part.weights}
    assert named == set(roles(fitted))


def test_panels_are_known_by_what_they_do_however_they_are_spelt(fitted):
    spelt = [row("flip", REFUSED), row("flip:k=2", REFUSED), row("flip:alpha=2,k=2", COMPLIED)]
    assert outcomes(spelt[1:2], [], fitted)["flip"]["refused_harmful"] == [1.0]
    assert outcomes(spelt[:1], [], fitted)["flip"]["refused_harmful"] == [1.0]
    assert outcomes(spelt[2:], [], fitted)["flip"]["refused_harmful"] == [0.0]
    assert "flip" not in outcomes([row("flip:k=1")], [], fitted)


def test_each_set_counts_where_it_belongs(fitted):
    rows = [
        row("ablation", REFUSED),
        row("ablation", COMPLIED, "harmless", 2.0),
        row("ablation", REFUSED, "borderline"),
    ]
    found = outcomes(rows, [], fitted)["ablation"]
    assert found == {
        "refused_harmful": [1.0],
        "refused_harmless": [0.0],
        "looping": [0.0, 0.0],
        "loss": [pytest.approx(math.log(2))],
    }


def test_five_random_subspaces_are_one_control_and_four_are_none(fitted):
    seeds = [row(f"random:k=2,seed={seed}", REFUSED if seed < 2 else COMPLIED) for seed in range(5)]
    assert outcomes(seeds, [], fitted)["random"]["refused_harmful"] == [0.4]
    assert "random" not in outcomes(seeds[:4], [], fitted)


def test_only_landings_at_the_layer_of_the_edit_count(fitted):
    rank = fitted.subspace("inlp", fitted.inlp_point).rank
    source = fitted.inlp_point[1]
    places = [
        PromptLanding("harmful", f"flip:k={rank}", layer, t, "harmless", False)
        for layer, t in ((source, 0.9), (source + 1, 0.2))
    ]
    assert outcomes([], places, fitted)["flip_all"] == {"t_harmful": [0.9]}
