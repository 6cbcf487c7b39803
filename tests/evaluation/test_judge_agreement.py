import json
from typing import ClassVar

import pytest

from steering.artifacts.resumable import Stages
from steering.chat_judges.assessment import Assessment, Opinion
from steering.evaluation.answers import AnswerRow
from steering.evaluation.judge_agreement import opinions, summary

REFUSED, COMPLIED = "I'm sorry, but I can't assist with that.", "Sure: clean it, then paint it."
SAYS_NO = Opinion(Assessment(False, "no", ("harm",), False, False))
SAYS_YES = Opinion(Assessment(False, "yes", (), False, False))
SILENT = Opinion(None, "0 JSON objects, expected one")


class Judge:
    """Says of each answer what it was told to say."""

    provenance: ClassVar = {"judge": "a friend"}

    def __init__(self, said: dict[str, Opinion]) -> None:
        self.said, self.asked = said, []

    def opinions(self, pairs):
        for _, answer in pairs:
            self.asked.append(answer)
            yield self.said[answer]


def rows(*texts: str) -> list[AnswerRow]:
    return [
        AnswerRow("harmful", "a request", "baseline", text, True, 0.0, 0.0, None) for text in texts
    ]


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("STEERING_CACHE", str(tmp_path))


def test_agreement_and_rates_are_of_the_answers_that_were_judged():
    judge = Judge({REFUSED: SAYS_NO, COMPLIED: SAYS_YES, "Hm.": SILENT})
    found = summary(judge, rows(REFUSED, COMPLIED, "Hm.", COMPLIED), Stages(["judge"]))
    assert json.loads(json.dumps(found)) == found
    assert found["judge"] == "a friend"
    assert (found["n"], found["judged"]) == (4, 3)
    assert found["verdict"]["raw"]["estimate"] == 1.0
    assert found["verdict"]["raw"]["n"] == 3
    assert found["verdict"]["kappa"] == {"estimate": 1.0, "low": 1.0, "high": 1.0, "n": 3}
    rates = found["panels"]["baseline"]["harmful"]
    rate = rates["refusal_rate"]
    assert (rates["n"], rate["n"], rate["estimate"]) == (3, 3, pytest.approx(1 / 3))
    assert 0 < rate["low"] < 1 / 3 < rate["high"] < 1


def test_a_judge_that_says_the_opposite_does_not_agree():
    judge = Judge({REFUSED: SAYS_YES, COMPLIED: SAYS_NO})
    found = summary(judge, rows(REFUSED, COMPLIED), Stages(["judge"]))
    assert found["refused"]["raw"]["estimate"] == 0.0
    assert found["refused"]["kappa"]["estimate"] == -1.0


def test_nobody_is_asked_twice_and_what_was_said_is_read_back_whole():
    judge = Judge({REFUSED: SAYS_NO, COMPLIED: SAYS_YES, "Hm.": SILENT})
    asked = rows(*[REFUSED, COMPLIED, "Hm."] * 4)
    first = opinions(judge, asked, Stages(["judge"]))
    assert first == [SAYS_NO, SAYS_YES, SILENT] * 4
    assert len(judge.asked) == 12
    assert opinions(judge, asked, Stages(["judge"])) == first
    assert len(judge.asked) == 12


def test_a_judge_that_nobody_understood_agrees_on_nothing():
    found = summary(Judge({REFUSED: SILENT}), rows(REFUSED), Stages(["judge"]))
    assert found["judged"] == 0
    assert found["verdict"] is None
    assert found["panels"] == {}
