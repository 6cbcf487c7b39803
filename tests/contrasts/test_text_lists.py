import pytest

from steering.contrasts.text_lists import FEWEST_TEXTS, lines_of, text_lists
from steering.errors import SteeringError

ONE = [f"Good morning, number {number}." for number in range(20)]
OTHER = [f"Guten Morgen, Nummer {number}." for number in range(20)]
NAMES = ("English", "German")


def test_two_clean_lists_are_taken_as_they_are():
    found = text_lists(ONE, OTHER, NAMES)
    assert (found.first, found.second) == (tuple(ONE), tuple(OTHER))
    assert found.names == NAMES
    assert found.size == 20
    assert found.notes == ()


def test_what_is_left_out_is_said():
    found = text_lists([*ONE, " ", "", ONE[0].upper(), ONE[1] + " "], [*OTHER, OTHER[0]], NAMES)
    assert found.first == tuple(ONE)
    assert found.notes == (
        "2 blank of English are left out.",
        "2 of English repeat others and are left out.",
        "1 of German repeats another and is left out.",
    )


def test_the_longer_list_is_thinned_out_evenly_to_the_shorter_one():
    found = text_lists(ONE, OTHER[:16], NAMES)
    assert found.size == 16
    assert found.first[0] == ONE[0]
    assert found.first[-1] == ONE[18]
    assert found.notes == (
        "Of the 20 texts of English, 16 are taken: as many as the other list has.",
    )


def test_more_than_are_read_are_thinned_out_too():
    found = text_lists(ONE, OTHER, NAMES, most=17)
    assert found.size == 17
    assert len(found.notes) == 2
    assert found.notes[1].endswith("17 are taken: the most that are read.")


def test_lists_that_share_texts_are_refused_and_the_same_list_twice_is_called_that():
    with pytest.raises(SteeringError, match="2 texts are in both lists, for example 'Good"):
        text_lists(ONE, [*OTHER, *(text.lower() for text in ONE[:2])], NAMES)
    with pytest.raises(SteeringError, match="hold the same 20 texts, so there is nothing"):
        text_lists(ONE, ONE[::-1], NAMES)


def test_too_few_different_texts_are_refused_with_their_number():
    with pytest.raises(SteeringError, match="'German' has 15 different texts; at least 16 are"):
        text_lists(ONE, OTHER[:15] * 2, NAMES)
    with pytest.raises(SteeringError, match="'English' has 0 different texts"):
        text_lists([" "] * 30, OTHER, NAMES)
    assert text_lists(ONE[:FEWEST_TEXTS], OTHER[:FEWEST_TEXTS]).size == FEWEST_TEXTS


def test_what_is_no_text_or_too_long_is_named_by_its_number():
    with pytest.raises(SteeringError, match="German, text 2: the prompt holds the control"):
        text_lists(ONE, [OTHER[0], "a\x00b", *OTHER[1:]], NAMES)
    with pytest.raises(SteeringError, match=r"English, text 1: the prompt has 4,001 characters"):
        text_lists(["a" * 4001, *ONE], OTHER, NAMES)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("", "b"), "no name of a list: it has 0 characters"),
        (("a" * 41, "b"), "it has 41 characters; give it 1 to 40"),
        (("a", " A "), "both lists are called 'a'"),
        (("a\x00", "b"), "holds the control character"),
    ],
)
def test_names_that_nobody_can_tell_apart_or_read_are_refused(names, said):
    with pytest.raises(SteeringError, match=said):
        text_lists(ONE, OTHER, names)


def test_every_line_of_a_field_is_a_text_however_lines_end():
    assert lines_of("one\r\n\n  two \r three\u2028four\n") == ["one", "two", "three\u2028four"]


def test_the_digest_tells_lists_apart_by_text_order_and_name():
    plain = text_lists(ONE, OTHER, NAMES)
    assert plain.digest == text_lists(ONE, OTHER, NAMES).digest
    others = {
        text_lists(OTHER, ONE, NAMES).digest,
        text_lists(ONE, OTHER, NAMES[::-1]).digest,
        text_lists(ONE[::-1], OTHER, NAMES).digest,
    }
    assert len(others | {plain.digest}) == 4
