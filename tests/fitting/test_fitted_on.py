"""Both methods get the same prompts, as many of each class, and no pair is torn without need."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from steering.errors import SteeringError
from steering.fitting import fitted_on
from steering.fitting.fitted_on import LARGE_ENOUGH, ClassPrompts, default, definitions, matched


def pairs(found: ClassPrompts) -> list[tuple[int, int]]:
    return list(zip(found.harmful.tolist(), found.harmless.tolist(), strict=True))


@given(st.lists(st.booleans(), max_size=20), st.lists(st.booleans(), max_size=20))
def test_as_many_of_each_class_are_left_as_both_have_and_pairs_stay_together(refused, answered):
    found = matched(torch.tensor(refused, dtype=bool), torch.tensor(answered, dtype=bool))
    one = {number for number, kept in enumerate(refused) if kept}
    other = {number for number, kept in enumerate(answered) if kept}
    assert found.size == min(len(one), len(other))
    assert len({*found.harmful.tolist()}) == len({*found.harmless.tolist()}) == found.size
    assert {*found.harmful.tolist()} <= one
    assert {*found.harmless.tolist()} <= other
    # Whoever has a partner has it.
    assert {(number, number) for number in one & other} <= {*pairs(found)}


def test_a_prompt_whose_partner_is_not_kept_gets_another_one():
    found = matched(torch.tensor([True, True, False]), torch.tensor([False, True, True]))
    assert pairs(found) == [(0, 2), (1, 1)]


def scores(refused: int, answered: int, n: int = 50) -> dict[str, torch.Tensor]:
    return {
        "harmful": torch.tensor([1.0] * refused + [-1.0] * (n - refused)),
        "harmless": torch.tensor([-1.0] * answered + [1.0] * (n - answered)),
    }


def test_by_label_all_prompts_stand_for_their_class_and_by_behaviour_those_of_the_right_sign():
    found = definitions(scores(20, 45))
    assert pairs(found["label"]) == [(number, number) for number in range(50)]
    assert pairs(found["behaviour"]) == [(number, number) for number in range(20)]
    longer = scores(20, 45) | {"harmful": torch.ones(70)}
    assert definitions(longer)["label"].size == 50


def test_a_model_that_hardly_refuses_or_hardly_answers_has_no_classes_by_behaviour():
    assert {*definitions(scores(8, 8))} == {"label", "behaviour"}
    assert {*definitions(scores(7, 50))} == {"label"}
    assert {*definitions(scores(50, 7))} == {"label"}


def test_behaviour_is_the_default_from_forty_prompts_of_each_class_on():
    assert default(definitions(scores(LARGE_ENOUGH, 50))) == "behaviour"
    assert default(definitions(scores(LARGE_ENOUGH - 1, 50))) == "label"
    assert default(definitions(scores(LARGE_ENOUGH - 1, 50)), "behaviour") == "behaviour"
    assert default(definitions(scores(50, 50)), "label") == "label"


def test_what_cannot_be_is_refused():
    with pytest.raises(SteeringError, match="needs 8 harmful"):
        default(definitions(scores(3, 50)), "behaviour")
    with pytest.raises(SteeringError, match="allowed: auto, label, behaviour"):
        default(definitions(scores(50, 50)), "both")


def test_other_prompts_have_another_name():
    one, other = (definitions(scores(n, 50))["behaviour"].digest for n in (20, 21))
    assert one != other
    assert definitions(scores(20, 50))["behaviour"].digest == one


def test_forty_prompts_have_the_standard_error_of_the_published_dev_set():
    error = fitted_on.LARGE_ENOUGH
    assert (0.25 / (2 * error)) ** 0.5 == pytest.approx((0.25 / 78) ** 0.5, abs=0.001)
