import math

import pytest

from steering.evaluation.answers import AnswerRow
from steering.evaluation.claim_conditions import CLAIMS
from steering.evaluation.claim_inputs import outcomes, roles
from steering.evaluation.evaluation_arms import arms
from steering.evaluation.extent import whole
from steering.evaluation.landings import PromptLanding

REFUSED, COMPLIED = "I'm sorry, but I can't assist with that.", "Sure: clean it, then paint it."


def row(panel: str, text: str = COMPLIED, group: str = "harmful", perplexity=None) -> AnswerRow:
    return AnswerRow(group, "a request", panel, text, True, 0.0, 0.0, perplexity)


def test_every_role_that_a_claim_names_has_panels(fitted):
    named = {role for claim in CLAIMS for each in claim.conditions for role, _, _ in each.terms}
    assert named == set(roles(fitted))


def test_everything_that_answers_for_a_role_is_in_the_whole_comparison(fitted):
    compared = {arm.panel.resolved(fitted) for arm in arms(fitted)}
    for role, panels in roles(fitted).items():
        assert {panel.resolved(fitted) for panel in panels} <= compared, role
    longer = {arm.panel for arm in whole(fitted).long}
    named = {
        role
        for claim in CLAIMS
        for each in claim.conditions
        for role, measure, _ in each.terms
        if measure.endswith("_long")
    }
    assert {panel for role in named for panel in roles(fitted)[role]} <= longer


def test_panels_are_known_by_what_they_do_however_they_are_spelt(fitted):
    spelt = [row("flip", REFUSED), row("flip:k=2", REFUSED), row("flip:alpha=2,k=2", COMPLIED)]
    for one, refused in ((spelt[1:2], 1.0), (spelt[:1], 1.0), (spelt[2:], 0.0)):
        assert outcomes(one, [], fitted)["flip"][0]["refused_harmful"] == [refused]
    assert "flip" not in outcomes([row("flip:k=1")], [], fitted)
    assert "flip" not in outcomes([row("flip:k=2,sites=block")], [], fitted)


def test_each_set_counts_where_it_belongs(fitted):
    rows = [
        row("ablation", REFUSED),
        row("ablation", COMPLIED, "harmless", 2.0),
        row("ablation", REFUSED, "borderline"),
    ]
    longer = [row("ablation", COMPLIED, "harmless", 4.0)]
    (found,) = outcomes(rows, [], fitted, longer)["ablation"]
    assert found == {
        "refused_harmful": [1.0],
        "refused_harmless": [0.0],
        "looping": [0.0, 0.0],
        "loss": [pytest.approx(math.log(2))],
        "refused_harmless_long": [0.0],
        "looping_long": [0.0],
        "loss_long": [pytest.approx(math.log(4))],
    }


def test_five_random_subspaces_are_one_control_and_four_are_none(fitted):
    seeds = [row(f"random:k=2,seed={seed}", REFUSED if seed < 2 else COMPLIED) for seed in range(5)]
    found = outcomes(seeds, [], fitted)["random"]
    assert [each["refused_harmful"] for each in found] == [[1.0], [1.0], [0.0], [0.0], [0.0]]
    assert "random" not in outcomes(seeds[:4], [], fitted)


def test_landings_count_at_the_layer_of_the_edit_and_at_the_last(fitted):
    rank = fitted.subspace("inlp", fitted.inlp_point).rank
    source = fitted.inlp_point[1]
    places = [
        PromptLanding("harmful", f"flip:k={rank}", layer, t, "harmless", False)
        for layer, t in ((source, 0.9), (source + 1, 0.2), (source + 2, 0.6))
    ]
    (found,) = outcomes([], places, fitted)["flip_all"]
    assert found == {"t_harmful": [0.9], "t_harmful_later": [0.6]}
