import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import cohen_kappa_score

from steering.statistics import (
    CLAIMS,
    MARGIN,
    Interval,
    averaged,
    findings,
    kappa,
    mean_interval,
    paired_difference,
    wilson,
)

# --- rates -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),  # Newcombe 1998, table I, method 3
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_gives_the_published_intervals(
    successes: int, n: int, low: float, high: float
) -> None:
    interval = wilson(successes, n)
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=5e-5)
    assert interval.estimate == successes / n


@given(n=st.integers(1, 500), data=st.data())
def test_wilson_agrees_with_scipys_and_encloses_the_rate(n: int, data) -> None:
    successes = data.draw(st.integers(0, n))
    interval = wilson(successes, n, confidence=0.9)
    oracle = stats.binomtest(successes, n).proportion_ci(0.9, method="wilson")
    assert (interval.low, interval.high) == pytest.approx((oracle.low, oracle.high), abs=1e-12)
    assert 0 <= interval.low <= interval.estimate <= interval.high <= 1


@pytest.mark.parametrize(("successes", "n"), [(0, 0), (-1, 5), (6, 5)])
def test_a_rate_that_cannot_be_is_refused(successes: int, n: int) -> None:
    with pytest.raises(ValueError, match=f"{successes} of {n} is not a rate"):
        wilson(successes, n)


def test_an_interval_must_enclose_its_estimate() -> None:
    with pytest.raises(ValueError, match="misses"):
        Interval(0.5, 0.6, 0.7)


# --- means -------------------------------------------------------------------------------------


def test_the_interval_of_many_normal_values_is_students() -> None:
    values = np.random.default_rng(3).normal(-2.0, 3.0, size=400)
    found = mean_interval(values)
    oracle = stats.ttest_1samp(values, 0.0).confidence_interval(0.95)
    assert found.estimate == pytest.approx(values.mean())
    assert (found.low, found.high) == pytest.approx((oracle.low, oracle.high), abs=0.03)
    assert mean_interval(values, confidence=0.5).low > found.low
    assert mean_interval(values) == found
    assert mean_interval(values, seed=1) != found


def test_equal_values_have_no_width_unless_something_bounds_what_others_may_be() -> None:
    assert mean_interval([0.25] * 20) == Interval(0.25, 0.25, 0.25)
    # Wilson at 20 of 20 leaves .16113 of the prompts unknown.
    bounded = mean_interval([0.25] * 20, reach=1.0)
    assert bounded.low == pytest.approx(0.25 * (1 - 0.16113) - 0.16113, abs=5e-5)
    assert bounded.high == pytest.approx(0.25 * (1 - 0.16113) + 0.16113, abs=5e-5)


def test_values_that_differ_by_rounding_only_count_as_equal() -> None:
    found = mean_interval([0.1 + 0.2, 0.3, 0.3])
    assert found.low == found.high == pytest.approx(0.3)


def test_a_mean_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one prompt"):
        mean_interval([])


# --- paired differences ------------------------------------------------------------------------


def panels(both: int, lost: int, gained: int, neither: int) -> tuple[list[bool], list[bool]]:
    """Answers of baseline and edited panel with these counts."""
    baseline = [True] * (both + lost) + [False] * (gained + neither)
    edited = [True] * both + [False] * lost + [True] * gained + [False] * neither
    return baseline, edited


@pytest.mark.parametrize(
    ("counts", "p_value"),
    [
        ((1, 7, 1, 12), 0.0703125),  # airways of 21 children, Fagerland et al. 2013, table 1
        ((20, 12, 2, 6), 2 * 106 / 2**14),
        ((200, 12, 2, 600), 2 * 106 / 2**14),  # prompts that did not change say nothing
        ((1, 0, 0, 1), 1.0),
    ],
)
def test_the_exact_mcnemar_test_gives_known_values(counts, p_value: float) -> None:
    result = paired_difference(*panels(*counts))
    assert result.p_value == pytest.approx(p_value)
    assert (result.lost, result.gained, result.n) == (counts[1], counts[2], sum(counts))
    assert result.difference.estimate == pytest.approx((counts[2] - counts[1]) / sum(counts))


def test_the_bootstrap_interval_is_near_the_normal_one_and_repeats_with_its_seed() -> None:
    answers = panels(both=60, lost=40, gained=20, neither=80)
    result = paired_difference(*answers).difference
    n, difference = 200, -0.1
    error = math.sqrt((60 / n - difference**2) / n)
    expected = stats.norm(difference, error).ppf([0.025, 0.975])
    assert (result.low, result.high) == pytest.approx(tuple(expected), abs=0.01)
    assert paired_difference(*answers, seed=0).difference == result
    assert paired_difference(*answers, confidence=0.5).difference.low > result.low


@settings(max_examples=20)
@given(counts=st.tuples(*[st.integers(0, 6)] * 4).filter(lambda counts: sum(counts) > 0))
def test_swapping_the_panels_turns_the_difference_round(counts) -> None:
    baseline, edited = panels(*counts)
    one, other = paired_difference(baseline, edited), paired_difference(edited, baseline)
    assert one.difference.estimate == -other.difference.estimate
    assert one.p_value == pytest.approx(other.p_value)
    assert (one.gained, one.lost) == (other.lost, other.gained)
    assert -1 <= one.difference.low <= one.difference.high <= 1


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [((10, 0, 0, 10), -0.16113, 0.16113), ((0, 20, 0, 0), -1, -1 + 2 * 0.16113)],
)
def test_panels_that_all_change_alike_do_not_claim_certainty(counts, low, high) -> None:
    result = paired_difference(*panels(*counts))
    assert (result.difference.low, result.difference.high) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(("one", "other"), [([True], [True, False]), ([], [])])
def test_panels_on_other_prompts_are_not_paired(one, other) -> None:
    with pytest.raises(ValueError, match="the same prompts in both panels"):
        paired_difference(one, other)


# --- agreement ---------------------------------------------------------------------------------


def labelled(table: list[list[int]]) -> tuple[list[str], list[str]]:
    """Two judges' labels whose cross table is this one."""
    pairs = [
        (str(row), str(column))
        for row, counts in enumerate(table)
        for column, count in enumerate(counts)
        for _ in range(count)
    ]
    return [one for one, _ in pairs], [other for _, other in pairs]


def test_kappa_gives_the_published_value_and_interval() -> None:
    """Fleiss, Levin and Paik 2003, table 18.1: kappa .68, standard error .088."""
    found = kappa(*labelled([[75, 1, 4], [5, 4, 1], [0, 0, 10]]))
    assert found is not None
    assert found.estimate == pytest.approx(0.6765, abs=5e-5)
    assert (found.high - found.low) / (2 * 1.96) == pytest.approx(0.088, abs=5e-4)


@given(labels=st.lists(st.tuples(*[st.sampled_from("abc")] * 2), min_size=1, max_size=40))
def test_kappa_agrees_with_scikit_learn(labels) -> None:
    one, other = [a for a, _ in labels], [b for _, b in labels]
    found = kappa(one, other)
    if len({*one, *other}) == 1:
        assert found is None
        return
    assert found is not None
    assert found.estimate == pytest.approx(cohen_kappa_score(one, other), abs=1e-12)
    assert -1 <= found.low <= found.estimate <= found.high <= 1


def test_kappa_needs_two_labels_a_text() -> None:
    with pytest.raises(ValueError, match="two labels a text; got 2 and 1"):
        kappa(["refused", "complied"], ["refused"])
    with pytest.raises(ValueError, match="got 0 and 0"):
        kappa([], [])


# --- claims ------------------------------------------------------------------------------------

FLIP, DIAL, GEOMETRY, ADDITION = range(4)


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
