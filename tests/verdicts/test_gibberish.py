import pytest

from steering.verdicts.gibberish import gibberish
from steering.verdicts.rules import judge
from tests.helpers.judged_texts import GIBBERISH


@pytest.mark.parametrize("text", GIBBERISH.values(), ids=GIBBERISH)
def test_what_is_no_language_is_gibberish_and_does_not_loop(text: str) -> None:
    judgement = judge(text)
    assert (judgement.gibberish, judgement.looping) == (True, False)
    assert "gibberish: " in judgement.reason
    assert gibberish(text) is not None


def test_the_place_is_the_first_that_is_no_language() -> None:
    sound = "The door is red. The wall is blue.\n"
    found = gibberish(sound + GIBBERISH["scripts"])
    assert found is not None
    assert found.start == len(sound)
    assert gibberish(sound) is None
