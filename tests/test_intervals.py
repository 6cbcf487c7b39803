import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import cohen_kappa_score

from steering.intervals import (
    Interval,
    as_columns,
    from_columns,
    is_entry,
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


def test_a_few_prompts_for_which_the_bootstrap_has_no_end_are_bounded_by_their_values(
    monkeypatch,
) -> None:
    nowhere = SimpleNamespace(confidence_interval=SimpleNamespace(low=math.nan, high=math.nan))
    monkeypatch.setattr(stats, "bootstrap", lambda *_, **__: nowhere)
    interval = mean_interval([0.0, 0.5, 3.0])
    assert (interval.low, interval.high) == (0.0, 3.0)


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


def test_weights_count_a_value_as_often_as_they_say() -> None:
    values, weights = [0.0, 1.0, 4.0, 2.0] * 8, [1, 3, 2, 2] * 8
    found = mean_interval(values, weights=weights)
    repeated = [value for value, n in zip(values, weights, strict=True) for _ in range(n)]
    assert found.estimate == pytest.approx(np.mean(repeated))
    # 32 values, not 64: the interval of the repeated ones is too narrow.
    closer = mean_interval(repeated)
    assert found.high - found.low > closer.high - closer.low
    equal = mean_interval(values, weights=[2.0] * 32)
    assert equal.estimate == pytest.approx(np.mean(values))


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


# The forms in documents and tables


def test_an_interval_has_one_form_in_documents_and_one_in_tables() -> None:
    entry = wilson(1, 4).entry(4)
    assert entry == {"estimate": 0.25, "low": entry["low"], "high": entry["high"], "n": 4}
    columns = as_columns("rate", entry)
    assert list(columns) == ["rate", "rate_low", "rate_high", "rate_n"]
    assert from_columns(columns, "rate", 4) == entry
    alone = as_columns("rate", {"estimate": 0.5, "low": 0.0, "high": 1.0})
    assert alone == {"rate": 0.5, "rate_low": 0.0, "rate_high": 1.0}


@pytest.mark.parametrize("missing", ["rate", "rate_low", "rate_high"])
def test_columns_with_an_empty_cell_hold_no_interval(missing: str) -> None:
    columns = {"rate": 0.5, "rate_low": 0.0, "rate_high": 1.0}
    assert from_columns({**columns, missing: None}, "rate", 4) is None


def test_an_interval_in_a_document_is_known_by_its_keys() -> None:
    assert is_entry({"estimate": 0.5, "low": 0.0, "high": 1.0, "p_value": 0.1})
    assert not is_entry({"estimate": 0.5, "low": 0.0})
    assert not is_entry([0.5, 0.0, 1.0])
