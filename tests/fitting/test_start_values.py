import pytest

from steering.data.splits import PromptSplits
from steering.fitting import start_values
from steering.fitting.start_values import COEFFICIENTS_TRIED, INDUCED, RANKS_TRIED, Starts

PROMPTS = [f"prompt {index}" for index in range(20)]


@pytest.fixture
def chosen(fitted, monkeypatch):
    """Choose by made-up shares, one a value tried, of 20 prompts."""

    def choose(answered, refused, *, refusal="refused", **options):
        shares = {"harmful": ("answered", answered), "harmless": (refusal, refused)}

        def rates(_starts, group, panels, _directions):
            verdict, found = shares[group]
            return {
                str(panel): {verdict: round(share * 20)}
                for panel, share in zip(panels, found, strict=False)
            }

        monkeypatch.setattr(Starts, "_rates", rates)
        validation = {"harmful": PROMPTS, "harmless": PROMPTS}
        splits = PromptSplits({}, validation, {}, "made up")
        return Starts(None, splits, None, 8, **options).choose(fitted)

    return choose


def tried(directions) -> list[int]:
    limit = directions.inlp_rank
    return [k for k in RANKS_TRIED if k <= limit]


def test_the_smallest_rank_within_one_standard_error_of_the_best_is_taken(chosen, fitted):
    low = [0.0] * len(COEFFICIENTS_TRIED)
    ranks = tried(fitted)
    assert len(ranks) >= 3
    # sqrt(.5 x .5 / 20) = .11
    others = [0.5] * (len(ranks) - 2)
    assert chosen([0.4, 0.45, *others], low)[0].default_k == ranks[0]
    assert chosen([0.3, 0.45, *others], low)[0].default_k == ranks[1]
    assert chosen([0.3, 0.35, *others], low)[0].default_k == ranks[2]


def test_the_smallest_coefficient_that_induces_enough_is_taken_else_the_strongest(chosen, fitted):
    flat = [0.5] * len(tried(fitted))
    enough = INDUCED
    assert chosen(flat, [0.1, enough, 1.0, 1.0])[0].default_c == COEFFICIENTS_TRIED[1]
    assert chosen(flat, [0.1, 0.7, 0.75, 0.2])[0].default_c == COEFFICIENTS_TRIED[2]
    # A refusal that offers something else is one; a hedged one is none.
    for refusal, place in (("refused_with_alternative", 1), ("hedged", 0)):
        found = chosen(flat, [0.1, enough, 1.0, 1.0], refusal=refusal)[0]
        assert found.default_c == COEFFICIENTS_TRIED[place]


def test_what_was_tried_is_told_by_value(chosen, fitted):
    flat = [0.5] * len(tried(fitted))
    _, record = chosen(flat, [0.1, 0.2, 0.3, 0.4])
    assert record["c_refused"] == {"1": 0.1, "1.5": 0.2, "2": 0.3, "3": 0.4}
    assert list(record["k_answered"]) == [str(k) for k in tried(fitted)]


@pytest.mark.parametrize(("prompts", "step"), [(None, 1), (5, 4), (99, 1)])
def test_prompts_are_taken_evenly_from_all_of_them(prompts, step):
    splits = PromptSplits({}, {"harmful": PROMPTS}, {}, "made up")
    asked = Starts(None, splits, None, 8, prompts)._asked("harmful")
    assert asked == PROMPTS[::step]


def test_ranks_beyond_what_inlp_kept_are_not_tried(chosen, fitted, monkeypatch):
    monkeypatch.setattr(start_values, "RANKS_TRIED", (1, 2, 99))
    _, record = chosen([0.5, 0.5, 0.5], [0.0] * 4)
    assert list(record["k_answered"]) == ["1", "2"]


def test_the_rank_of_nullspace_projection_is_chosen_by_its_own_answers(fitted, monkeypatch):
    ranks = tried(fitted)

    def rates(_starts, _group, panels, _directions):
        # Flipping does all with one direction, nullspace projection only with the third.
        return {
            str(panel): {"answered": 20 if panel.name == "flip" or panel.k == ranks[2] else 0}
            for panel in panels
        }

    monkeypatch.setattr(Starts, "_rates", rates)
    splits = PromptSplits({}, {"harmful": PROMPTS, "harmless": PROMPTS}, {}, "made up")
    found, record = Starts(None, splits, None, 8).choose(fitted)
    assert (found.default_k, found.nullspace.k) == (ranks[0], ranks[2])
    assert found.nullspace.point == fitted.inlp_point
    assert record["nullspace_k_answered"][str(ranks[0])] == 0
    assert record["k_answered"][str(ranks[0])] == 1
