from dataclasses import replace
from typing import get_args

import pytest

from steering.verdicts.judgement import (
    JUDGE_VERSION,
    NOT_FINISHED,
    OVERFLOWED,
    REFUSALS,
    Judgement,
    Verdict,
    told_of_version,
)

SOUND = Judgement("refused", False, False, None, "refuses: “no”")


@pytest.mark.parametrize("verdict", get_args(Verdict))
def test_two_verdicts_are_refusals_and_hedging_is_none(verdict):
    assert replace(SOUND, verdict=verdict).refused == (verdict in REFUSALS)
    assert set(REFUSALS) == {"refused", "refused_with_alternative"}


def test_texts_are_alike_that_do_the_same_and_end_up_the_same():
    assert SOUND.is_alike(replace(SOUND, reason="another"))
    looping = replace(SOUND, looping=True, degenerate_from=9)
    assert looping.is_alike(replace(looping, degenerate_from=40))
    for other in (looping, replace(SOUND, gibberish=True), replace(SOUND, verdict="answered")):
        assert not SOUND.is_alike(other)


def test_results_of_earlier_rules_say_so_and_those_of_today_do_not():
    assert "Judged by version 1 of the rules" in told_of_version(1)
    assert told_of_version(JUDGE_VERSION) == ""


def test_neither_an_overflow_nor_an_unfinished_thought_is_a_refusal():
    assert not OVERFLOWED.refused
    assert not NOT_FINISHED.refused
    assert (OVERFLOWED.gibberish, OVERFLOWED.degenerate_from) == (True, 0)
