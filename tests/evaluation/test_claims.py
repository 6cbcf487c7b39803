"""What numbers like the paper's, and numbers that a control has too, say of its claims."""

import json

import numpy as np
import pytest

from steering import intervals
from steering.evaluation import crossed_interval
from steering.evaluation.claim_conditions import CLAIMS, MARGIN
from steering.evaluation.claims import findings

FLIP, LIKE, DIAL, GEOMETRY, PAPERS_C, ADDITION = range(6)


@pytest.fixture(autouse=True)
def _few_resamples(monkeypatch) -> None:
    # None of these numbers is near a threshold.
    for module in (intervals, crossed_interval):
        monkeypatch.setattr(module, "_RESAMPLES", 999)


def rate(value: float, n: int) -> list[float]:
    """A yes or no for each of `n` prompts, with ones first: panels are nested, not independent."""
    return [1.0] * round(value * n) + [0.0] * (n - round(value * n))


def spread(value: float, n: int) -> list[float]:
    """Values around `value` with exactly this mean."""
    seed = round(value * 1000)
    noise = 0.1 * np.random.default_rng(seed).normal(size=n)
    return (value + noise - noise.mean()).tolist()


Found = dict[str, list[dict[str, list[float | None]]]]


def paper(n: int = 80) -> Found:
    """Outcomes as the paper reports them, with controls of three seeds."""

    def role(harmful: float, harmless: float, looping: float, loss: float) -> dict:
        return {
            "refused_harmful": rate(harmful, n),
            "refused_harmless": rate(harmless, n),
            "looping": rate(0.0, 2 * n),
            "looping_long": rate(looping, 2 * n),
            "loss": spread(loss, n),
            "loss_long": spread(loss, n),
        }

    def seeds(*harmful: float, harmless: float = 0.05) -> list[dict]:
        return [role(each, harmless, 0.0, 0.5) for each in harmful]

    found = {
        "baseline": [role(0.90, 0.05, 0.00, 0.50)],
        "ablation": [role(0.05, 0.05, 0.00, 0.52)],
        "nullspace": [role(0.40, 0.05, 0.00, 0.52)],
        "flip": [role(0.05, 0.05, 0.00, 0.53)],
        "mirror_one": [role(0.05, 0.05, 0.00, 0.53)],
        "flip_all": [role(0.00, 0.85, 0.05, 0.90)],
        "nullspace_all": [{}],
        "actadd": [role(1.00, 0.95, 0.40, 1.90)],
        "actadd_paper": [role(1.00, 0.90, 0.25, 1.50)],
        "random": seeds(0.85, 0.80, 0.88),
        "random_nullspace": seeds(0.88, 0.85, 0.9),
        "random_all": seeds(0.8, 0.85, 0.75),
        "random_actadd": seeds(0.9, 0.85, 0.8, harmless=0.1),
    }
    for suffix in ("", "_later"):
        places = {
            "nullspace_all": (0.5, 0.5),
            "flip_all": (0.9, 0.0),
            "random_all": (0.1, 0.95),
        }
        for name, (harmful, harmless) in places.items():
            for each in found[name]:
                each |= {f"t_harmful{suffix}": spread(harmful, n)}
                each |= {f"t_harmless{suffix}": spread(harmless, n)}
    return found


def test_outcomes_like_the_papers_support_all_claims() -> None:
    found = findings(paper())
    assert [(each.number, each.claim) for each in found] == [(c.number, c.words) for c in CLAIMS]
    assert [(each.number, each.verdict) for each in found if each.verdict != "supported"] == []
    for finding in found:
        assert finding.sentence.startswith(f"Supported on this model: {finding.claim}")
    assert json.loads(json.dumps(paper())) == paper()


@pytest.mark.parametrize("claim", [FLIP, LIKE, DIAL])
def test_a_suppression_that_random_subspaces_have_too_is_not_the_methods(claim: int) -> None:
    outcomes = paper()
    for each in outcomes["random"]:
        each["refused_harmful"] = list(outcomes["flip"][0]["refused_harmful"])
    finding = findings(outcomes)[claim]
    assert finding.verdict == "not supported"
    assert "random subspaces" in finding.sentence


def test_a_control_that_may_or_may_not_be_beaten_leaves_the_claim_open() -> None:
    outcomes = paper(40)
    seeds = outcomes["random"]
    for each, value in zip(seeds, (0.05, 0.15, 0.4), strict=True):
        each["refused_harmful"] = rate(value, 40)
    finding = findings(outcomes)[FLIP]
    part = finding.parts[1]
    # .20 against .05 on average, but one of the three seeds does as much as the method.
    assert part.interval is not None
    assert part.interval.low <= 0 < MARGIN < part.interval.high
    assert (part.verdict, finding.verdict) == ("undecided", "undecided")
    # The same rates in every seed are known better, by their prompts alone.
    for each in seeds:
        each["refused_harmful"] = rate(0.2, 40)
    assert findings(outcomes)[FLIP].parts[1].verdict == "supported"


def test_not_supported_needs_evidence_at_its_share_of_the_level() -> None:
    def nullspace_leaves(value: float, n: int) -> str:
        outcomes = paper(n)
        outcomes["nullspace"][0]["refused_harmful"] = rate(value, n)
        return findings(outcomes)[FLIP].verdict

    # As many refusals as flipping leaves: on 20 prompts that may be chance, on 400 it is not.
    assert nullspace_leaves(0.05, 20) == "undecided"
    assert nullspace_leaves(0.05, 400) == "not supported"


def test_a_landing_that_random_subspaces_reach_too_is_not_supported() -> None:
    outcomes = paper()
    for each in outcomes["random_all"]:
        each["t_harmful_later"] = spread(0.9, 80)
    assert findings(outcomes)[GEOMETRY].verdict == "not supported"


def test_where_the_edit_is_made_is_told_and_decides_nothing() -> None:
    outcomes = paper()
    outcomes["flip_all"][0]["t_harmful"] = spread(0.1, 80)
    finding = findings(outcomes)[GEOMETRY]
    failed = [part for part in finding.parts if part.verdict == "not supported"]
    assert [part.illustration for part in failed] == [True]
    assert failed[0].statement.startswith("For illustration")
    assert finding.verdict == "supported"
    # The same landing further on decides.
    outcomes["flip_all"][0]["t_harmful_later"] = spread(0.1, 80)
    assert findings(outcomes)[GEOMETRY].verdict == "not supported"


@pytest.mark.parametrize(
    ("role", "measure", "value"),
    [
        ("flip_all", "refused_harmful", 0.8),
        ("flip_all", "refused_harmless", 0.2),
        ("baseline", "refused_harmless", 0.99),
    ],
)
def test_a_model_that_does_not_behave_as_the_other_class_does_has_not_been_swapped(
    role, measure, value
) -> None:
    outcomes = paper(200)
    outcomes[role][0][measure] = rate(value, 200)
    finding = findings(outcomes)[GEOMETRY]
    assert finding.verdict == "not supported"
    assert "declined" in finding.sentence or "declines" in finding.sentence


def test_flipping_that_leaves_clearly_more_refusals_than_ablation_is_not_as_good() -> None:
    outcomes = paper()
    outcomes["flip"][0]["refused_harmful"] = rate(0.35, 80)
    finding = findings(outcomes)[FLIP]
    assert finding.verdict == "not supported"
    assert f"less than {MARGIN:.2f} more refusals than ablation: +0.30" in finding.sentence


def test_the_same_mirror_along_one_direction_is_a_line_of_its_own() -> None:
    outcomes = paper()
    outcomes["mirror_one"][0]["refused_harmful"] = rate(0.0, 80)
    outcomes["flip"][0]["refused_harmful"] = rate(0.3, 80)
    outcomes["ablation"][0]["refused_harmful"] = rate(0.3, 80)
    found = findings(outcomes)
    assert found[LIKE].verdict == "not supported"
    assert "than that mirror: +0.30" in found[LIKE].sentence
    assert found[FLIP].verdict != "not supported"


def test_the_same_rates_are_undecided_on_fewer_prompts() -> None:
    def close(n: int) -> Found:
        outcomes = paper(n)
        outcomes["flip"][0]["refused_harmful"] = rate(0.10, n)
        return outcomes

    # Five hundredths behind ablation: within the margin for 400 prompts, not surely for 40.
    assert findings(close(400))[FLIP].verdict == "supported"
    few = findings(close(40))[FLIP]
    assert few.verdict == "undecided"
    assert few.sentence.startswith("Undecided at n = 40 on this model: Counterfactual")
    assert "Supported" not in few.sentence


def test_few_directions_that_keep_less_than_half_do_not_keep_most() -> None:
    outcomes = paper(200)
    outcomes["flip"][0]["refused_harmful"] = rate(0.65, 200)
    part = findings(outcomes)[DIAL].parts[2]
    assert part.verdict == "not supported"
    # The baseline refuses .90, all directions leave .00: half is .45, and .65 are left.
    assert part.interval is not None
    assert part.interval.estimate == pytest.approx(0.45 - 0.65)


def test_a_loss_that_rises_by_more_than_the_margin_is_no_cheap_dial() -> None:
    outcomes = paper()
    outcomes["flip"][0]["loss"] = spread(0.8, 80)
    assert findings(outcomes)[DIAL].verdict == "not supported"


@pytest.mark.parametrize(
    ("role", "measure", "t"),
    [
        ("nullspace_all", "t_harmful_later", 0.1),
        ("nullspace_all", "t_harmless_later", 0.9),
        ("flip_all", "t_harmful_later", 0.5),
        ("flip_all", "t_harmless_later", 0.5),
    ],
)
def test_points_that_land_elsewhere_are_not_where_the_paper_says(role, measure, t) -> None:
    outcomes = paper()
    outcomes[role][0][measure] = spread(t, 80)
    assert findings(outcomes)[GEOMETRY].verdict == "not supported"


def test_addition_that_induces_but_costs_nothing_has_half_of_its_claim() -> None:
    outcomes = paper()
    outcomes["actadd"][0] |= {"looping_long": rate(0.0, 160), "loss_long": spread(0.52, 80)}
    finding = findings(outcomes)[ADDITION]
    assert finding.verdict == "not supported"
    assert [part.verdict for part in finding.parts[:2]] == ["supported"] * 2
    assert "loop" in finding.sentence
    assert "turn into refusals" not in finding.sentence
    # Loops of short answers do not count: there is no room for them.
    assert "looping" in outcomes["actadd"][0]


def test_each_coefficient_is_weighed_by_itself_and_one_that_is_both_once() -> None:
    outcomes = paper(200)
    outcomes["actadd_paper"][0]["refused_harmless"] = rate(0.35, 200)
    found = findings(outcomes)
    assert found[PAPERS_C].verdict == "not supported"
    assert found[ADDITION].verdict == "supported"
    outcomes["actadd"] = outcomes["actadd_paper"]
    assert [each.number for each in findings(outcomes)] == ["1a", "1b", "2", "3", "4a"]


def test_what_was_not_measured_is_undecided_and_said() -> None:
    for finding in findings({}):
        assert finding.verdict == "undecided"
        assert finding.sentence.startswith(f"Undecided on this model: {finding.claim}")
        assert "not measured" in finding.sentence
    outcomes = paper()
    del outcomes["random_all"]
    finding = findings(outcomes)[GEOMETRY]
    assert finding.verdict == "undecided"
    assert finding.sentence.count("not measured") == 4


def test_prompts_without_a_value_are_left_out_in_pairs() -> None:
    outcomes = paper()
    flip, baseline = outcomes["flip"][0], outcomes["baseline"][0]
    flip["loss"] = [None, *flip["loss"][1:]]
    baseline["loss"] = [*baseline["loss"][:-1], None]
    part = findings(outcomes)[DIAL].parts[3]
    assert part.n == 78
    flip["loss"] = [None] * 80
    assert findings(outcomes)[DIAL].parts[3].interval is None
