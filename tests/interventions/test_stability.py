"""How alike INLP's directions come out in other splits, and how that is said."""

import pytest

from steering.interventions.stability import ALIKE, Stability, median_overlaps, ordinal


@pytest.mark.parametrize(
    ("ranks", "overlaps", "words"),
    [
        (
            (7, 12, 9),
            (0.95, 0.8, 0.75, 0.4, 0.9),
            "In 3 other splits of the prompts 7 to 12 are kept; the 4th is another one there "
            "(cosine 0.40).",
        ),
        (
            (2, 2),
            (0.5,),
            "In 2 other splits of the prompts 2 are kept; the 1st is another one there "
            "(cosine 0.50).",
        ),
        (
            (2, 3),
            (0.9, 0.8),
            "All 2 come out alike; in 2 other splits of the prompts 2 to 3 are kept.",
        ),
        ((1, 1), (0.9,), "It comes out alike; in 2 other splits of the prompts 1 are kept."),
    ],
)
def test_the_sentence_says_the_range_and_the_first_that_is_another_one(ranks, overlaps, words):
    assert Stability(ranks, overlaps).sentence == words


def test_a_direction_is_the_same_from_half_of_its_squared_length_on():
    assert pytest.approx(0.5) == ALIKE**2
    assert Stability((1,), (ALIKE, ALIKE - 1e-9, 1.0)).n_alike == 1


def test_the_median_is_of_each_direction_whatever_its_sign():
    found = median_overlaps([[1.0, -0.5], [-0.8, 0.1], [0.6, 0.3]])
    assert found == pytest.approx((0.8, 0.3))


@pytest.mark.parametrize(
    ("ranks", "overlaps"), [((), (0.5,)), ((0,), (0.5,)), ((1,), ()), ((1,), (1.2,)), ((1,), (-1,))]
)
def test_what_is_of_no_split_or_no_cosine_is_refused(ranks, overlaps):
    with pytest.raises(ValueError, match="overlaps"):
        Stability(ranks, overlaps)


def test_numbers_in_a_row_are_said_as_people_say_them():
    said = {
        1: "1st",
        2: "2nd",
        3: "3rd",
        4: "4th",
        11: "11th",
        12: "12th",
        21: "21st",
        103: "103rd",
    }
    assert {number: ordinal(number) for number in said} == said
