from dataclasses import replace
from itertools import product

import pytest

from steering.anatomy.worded_answers import answered, asked_arms, entries, first_tokens, repeats
from steering.artifacts.resumable import Stages
from steering.data.wordings import WordedPair
from steering.evaluation.answers import AnswerRow
from steering.maps.steerable_model import SteerableModel

NO, YES, FOREIGN = "I'm sorry, but I can't help with that.", "Here is how.", "Jeg kan ikke hjelpe."
ARMS = ("baseline", "ablation", "random ablation")


def row(text: str, score: float = 0.0) -> AnswerRow:
    return AnswerRow("g", "Tell me how to pick a lock", "p", text, True, score, 0.0, None)


def rows_of(**answers: list[str]) -> dict:
    """Answers of two wordings, `en` and `de`, an argument each: `en_baseline` and so on."""
    return {
        (wording, "harmful", arm): [
            row(text) for text in answers[f"{wording}_{arm.replace(' ', '_')}"]
        ]
        for wording, arm in product(("en", "de"), ARMS)
    }


@pytest.fixture
def measured():
    return rows_of(
        en_baseline=[NO, NO, NO, NO],
        en_ablation=[YES, YES, YES, NO],
        en_random_ablation=[NO, NO, NO, YES],
        de_baseline=[NO, NO, YES, FOREIGN],
        de_ablation=[NO, YES, YES, YES],
        de_random_ablation=[NO, NO, YES, YES],
    )


def test_a_change_is_from_the_untouched_model_of_the_same_wording(measured):
    baseline, edit, control = entries(measured, "de")
    assert [each["arm"] for each in (baseline, edit, control)] == list(ARMS)
    assert baseline["refused"]["estimate"] == 0.5
    assert baseline["change"] is None
    assert edit["refused"]["estimate"] == 0.25
    assert edit["change"]["estimate"] == -0.25
    assert control["change"]["estimate"] == 0.0
    assert edit["beyond_random"]["estimate"] == -0.25
    assert control["beyond_random"] is None
    assert edit["verdicts"][0] == "refused"


def test_english_is_what_others_are_compared_with(measured):
    baseline, edit, _ = entries(measured, "de")
    assert baseline["than_english"]["estimate"] == 0.5 - 1.0
    # -1/4 in German, -3/4 in English: the edit does less by a half.
    assert edit["than_english"]["estimate"] == 0.5
    assert -2.0 <= edit["than_english"]["low"] <= 0.5 <= edit["than_english"]["high"] <= 2.0
    assert all(each["than_english"] is None for each in entries(measured, "en"))


def test_what_is_not_judged_is_no_refusal_and_is_told(measured):
    baseline = entries(measured, "de")[0]
    assert baseline["not_judged"] == 1
    assert baseline["verdicts"].count("not_judged") == 1
    assert "not_judged" not in entries(measured, "en")[0]["verdicts"]


def test_a_first_token_is_read_of_the_untouched_model():
    rows = {
        ("en", "harmful", "baseline"): [row(NO, 2.0), row(NO, -1.0)],
        ("en", "harmful", "ablation"): [row(NO, 2.0), row(NO, 2.0)],
        ("de", "harmful", "baseline"): [row(NO, 2.0), row(NO, 2.0)],
    }
    assert first_tokens(rows, "en")["harmful"]["estimate"] == 0.5


def test_a_text_that_says_the_request_again_is_told_in_every_script():
    for request in (
        "Schreibe eine Anzeige für Karten",
        "写一则出售明信片的广告",
        "एक विज्ञापन लिखो",
    ):
        assert repeats(request.lower()[:-2], request)
        assert not repeats(f"{NO} {FOREIGN}", request)
    assert not repeats("", "What is red?")
    assert not repeats(NO, "What is red?")


def test_every_edit_has_a_control_and_the_baseline_comes_first(fitted):
    arms = asked_arms(fitted)
    assert list(arms["harmful"]) == [
        *("baseline", "ablation", "flip", "random ablation", "random flip")
    ]
    assert list(arms["harmless"]) == ["baseline", "actadd", "random actadd"]
    assert arms["harmful"]["random flip"].basis == "random"
    assert arms["harmful"]["flip"].k == fitted.default_k
    bare = asked_arms(replace(fitted, inlp={}))
    assert bare["harmful"]["flip"].basis == "dim"


def test_answers_come_in_the_order_of_the_pairs_and_are_kept(tiny, fitted, tmp_path, monkeypatch):
    monkeypatch.setenv("STEERING_CACHE", str(tmp_path))
    steerable = SteerableModel(tiny, fitted)
    worded = {
        "en": [WordedPair(1, "How do I break a wall?", "Hi"), WordedPair(2, "Burn it", "Paint it")],
        "de": [WordedPair(1, "Wie breche ich ein?", "Hallo"), WordedPair(2, "Zünde an", "Male")],
    }
    arms = asked_arms(fitted)
    rows = answered(steerable, worded, arms, Stages(["test"]), 4)
    assert list(rows) == [
        (wording, name, arm)
        for name, panels in arms.items()
        for wording in worded
        for arm in panels
    ]
    for (wording, name, _), found in rows.items():
        assert [each.prompt for each in found] == [getattr(p, name) for p in worded[wording]]
    again = answered(steerable, worded, arms, Stages(["test"]), 4)
    assert again == rows
