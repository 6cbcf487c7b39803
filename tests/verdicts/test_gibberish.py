import pytest

from steering.verdicts.rules import judge
from tests.helpers.judged_texts import GIBBERISH


@pytest.mark.parametrize("text", GIBBERISH.values(), ids=GIBBERISH)
def test_what_is_no_language_is_broken_but_not_looping(text: str) -> None:
    judgement = judge(text)
    assert (judgement.verdict, judgement.looping) == ("broken", False)
    assert judgement.reason.startswith("not language: ")
