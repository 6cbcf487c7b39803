"""What numbers like the paper's, and numbers that a control has too, say of its claims."""

import json

import numpy as np
import pytest

from steering import intervals
from steering.evaluation.claims import CLAIMS, MARGIN, averaged, findings

FLIP, DIAL, GEOMETRY, ADDITION = range(4)


@pytest.fixture(autouse=True)
def _few_resamples(monkeypatch) -> None:
    # None of these numbers is near a threshold.
    monkeypatch.setattr(intervals, "_RESAMPLES", 999)


def rate(value: float, n: int) -> list[float]:
    """A yes or no for each of `n` prompts, with ones first: panels are nested, not independent."""
    return [1.0] * round(value * n) + [0.0] * (n - round(value * n))


def spread(value: float, n: int) -> list[float]:
    """Values around `value` with exactly this mean."""
    seed = round(value * 1000)
    noise = 0.1 * np.random.default_rng(seed).normal(size=n)
    return (value + noise - noise.mean()).tolist()


def paper(n: int = 80) -> dict[str, dict[str, list[float | None]]]:
    """Outcomes as the paper reports them."""

    def role(harmful: float, harmless: float, looping: float, loss: float) -> dict:
        return {
            "refused_harmful": rate(harmful, n),
            "refused_harmless": rate(harmless, n),
            "looping": rate(looping, 2 * n),
            "loss": spread(loss, n),
        }

    return {
        "baseline": role(0.90, 0.05, 0.00, 0.50),
        "ablation": role(0.05, 0.05, 0.00, 0.52),
        "nullspace": role(0.40, 0.05, 0.00, 0.52),
        "flip": role(0.05, 0.05, 0.00, 0.53),
        "flip_all": role(0.00, 0.05, 0.05, 0.90),
        "actadd": role(1.00, 0.95, 0.25, 1.50),
        "random": role(0.85, 0.05, 0.00, 0.50),
    } | {
        "nullspace_all": {"t_harmful": spread(0.5, n), "t_harmless": spread(0.5, n)},
    }


def with_landings(n: int = 80) -> dict[str, dict[str, list[float | None]]]:
    found = paper(n)
    found["flip_all"] |= {"t_harmful": spread(0.9, n), "t_harmless": spread(0.0, n)}
    found["random_all"] = {"t_harmful": spread(0.1, n), "t_harmless": spread(0.95, n)}
    return found


def test_outcomes_like_the_papers_support_all_four_claims() -> None:
    found = findings(with_landings())
    assert [finding.claim for finding in found] == list(CLAIMS)
    assert [finding.verdict for finding in found] == ["supported"] * 4
    assert all(finding.sentence.startswith(f"Supported: {finding.claim}") for finding in found)
    assert json.loads(json.dumps(with_landings())) == with_landings()


@pytest.mark.parametrize("claim", [FLIP, DIAL])
def test_a_suppression_that_random_subspaces_have_too_is_not_the_methods(claim: int) -> None:
    outcomes = with_landings()
    outcomes["random"]["refused_harmful"] = list(outcomes["flip"]["refused_harmful"])
    finding = findings(outcomes)[claim]
    assert finding.verdict == "not supported"
    assert "random subspaces" in finding.sentence


def test_the_control_decides_even_where_so_few_prompts_leave_all_else_open() -> None:
    outcomes = with_landings(4)
    control = findings(outcomes)[FLIP].parts[1]
    assert control.interval is not None
    assert control.interval.high > 0
    outcomes["random"]["refused_harmful"] = [1.0, 0.0, 0.0, 0.0]
    assert findings(outcomes)[FLIP].verdict == "not supported"


def test_a_landing_that_random_subspaces_reach_too_is_not_supported() -> None:
    outcomes = with_landings()
    outcomes["random_all"]["t_harmful"] = spread(0.9, 80)
    assert findings(outcomes)[GEOMETRY].verdict == "not supported"


def test_flipping_that_leaves_clearly_more_refusals_than_ablation_is_not_as_good() -> None:
    outcomes = with_landings()
    outcomes["flip"]["refused_harmful"] = rate(0.30, 80)
    finding = findings(outcomes)[FLIP]
    assert finding.verdict == "not supported"
    assert f"less than {MARGIN:.2f} more refusals than ablation: +0.25" in finding.sentence


def test_nullspace_projection_that_suppresses_as_much_as_flipping_is_not_weaker() -> None:
    outcomes = with_landings(400)
    outcomes["nullspace"]["refused_harmful"] = rate(0.05, 400)
    assert findings(outcomes)[FLIP].verdict == "not supported"


def test_the_same_rates_are_undecided_on_fewer_prompts() -> None:
    def close(n: int) -> dict[str, dict[str, list[float | None]]]:
        outcomes = with_landings(n)
        outcomes["flip"]["refused_harmful"] = rate(0.10, n)
        return outcomes

    # Five hundredths behind ablation: within the margin for 400 prompts, not surely for 40.
    assert findings(close(400))[FLIP].verdict == "supported"
    few = findings(close(40))[FLIP]
    assert few.verdict == "undecided"
    assert few.sentence.startswith("Undecided at n = 40: Counterfactual")
    assert "Supported" not in few.sentence


def test_few_directions_that_keep_less_than_half_do_not_keep_most() -> None:
    outcomes = with_landings(200)
    outcomes["flip"]["refused_harmful"] = rate(0.65, 200)
    part = findings(outcomes)[DIAL].parts[2]
    assert part.verdict == "not supported"
    # The baseline refuses .90, all directions leave .00: half is .45, and .65 are left.
    assert part.interval is not None
    assert part.interval.estimate == pytest.approx(0.45 - 0.65)


def test_a_loss_that_rises_by_more_than_the_margin_is_no_cheap_dial() -> None:
    outcomes = with_landings()
    outcomes["flip"]["loss"] = spread(0.8, 80)
    assert findings(outcomes)[DIAL].verdict == "not supported"


@pytest.mark.parametrize(
    ("role", "measure", "t"),
    [
        ("nullspace_all", "t_harmful", 0.1),
        ("nullspace_all", "t_harmless", 0.9),
        ("flip_all", "t_harmful", 0.5),
        ("flip_all", "t_harmless", 0.5),
    ],
)
def test_points_that_land_elsewhere_are_not_where_the_paper_says(role, measure, t) -> None:
    outcomes = with_landings()
    outcomes[role][measure] = spread(t, 80)
    assert findings(outcomes)[GEOMETRY].verdict == "not supported"


def test_addition_that_induces_but_costs_nothing_has_half_of_its_claim() -> None:
    outcomes = with_landings()
    outcomes["actadd"] |= {"looping": rate(0.0, 160), "loss": spread(0.52, 80)}
    finding = findings(outcomes)[ADDITION]
    assert finding.verdict == "not supported"
    assert [part.verdict for part in finding.parts[:2]] == ["supported"] * 2
    assert "loop" in finding.sentence
    assert "turn into refusals" not in finding.sentence


def test_addition_that_turns_a_third_of_harmless_prompts_does_not_turn_most() -> None:
    outcomes = with_landings()
    outcomes["actadd"]["refused_harmless"] = rate(0.35, 80)
    assert findings(outcomes)[ADDITION].verdict == "not supported"


def test_what_was_not_measured_is_undecided_and_said() -> None:
    for finding in findings({}):
        assert finding.verdict == "undecided"
        assert finding.sentence.startswith(f"Undecided: {finding.claim}")
        assert "not measured" in finding.sentence
    outcomes = with_landings()
    del outcomes["random_all"]
    finding = findings(outcomes)[GEOMETRY]
    assert finding.verdict == "undecided"
    assert finding.sentence.count("not measured") == 2


def test_prompts_without_a_value_are_left_out_in_pairs() -> None:
    outcomes = with_landings()
    outcomes["flip"]["loss"] = [None, *outcomes["flip"]["loss"][1:]]
    outcomes["baseline"]["loss"] = [*outcomes["baseline"]["loss"][:-1], None]
    part = findings(outcomes)[DIAL].parts[3]
    assert part.n == 78
    outcomes["flip"]["loss"] = [None] * 80
    assert findings(outcomes)[DIAL].parts[3].interval is None


def test_random_subspaces_are_averaged_prompt_by_prompt() -> None:
    one = {"refused_harmful": [1.0, 0.0, 1.0], "loss": [0.5, 1.0, 2.0]}
    other = {"refused_harmful": [0.0, 0.0, 1.0], "loss": [1.5, 1.0, 4.0]}
    assert averaged([one, other]) == {"refused_harmful": [0.5, 0.0, 1.0], "loss": [1.0, 1.0, 3.0]}
