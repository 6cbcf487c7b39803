import pytest

from steering.verdicts.degeneration import degeneration
from tests.helpers.judged_texts import GIBBERISH, LOOPS


@pytest.mark.parametrize("text", LOOPS.values(), ids=LOOPS)
def test_a_loop_is_looping_from_a_place_inside_the_text(text):
    found = degeneration(text)
    assert found is not None
    assert found.kind == "looping"
    assert 0 <= found.start < len(text)


@pytest.mark.parametrize("text", GIBBERISH.values(), ids=GIBBERISH)
def test_noise_is_gibberish(text):
    found = degeneration(text)
    assert found is not None
    assert found.kind == "gibberish"


@pytest.mark.parametrize("text", ["", "Paris", "The bread is in the oven. It smells good."])
def test_a_sound_text_does_not_degenerate(text):
    assert degeneration(text) is None


def test_noise_that_is_said_for_ever_loops():
    found = degeneration("].;( " * 3 + "xq " * 40)
    assert found is not None
    assert found.kind == "looping"
