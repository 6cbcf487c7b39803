"""A token opens refusals if it is likelier where the model refuses; noise and rarities do not."""

import pytest

from steering.artifacts.resumable import Stages
from steering.data.splits import PromptSplits
from steering.fitting import opener_search
from steering.fitting.opener_search import Opening, openings, search, table_of
from steering.verdicts.judgement import Judgement

SORRY, SURE, THE = 1, 2, 3


def opening(verdict: str, **first: float) -> Opening:
    tokens = {"sorry": SORRY, "sure": SURE, "the": THE}
    judged = Judgement(verdict, looping=False, gibberish=False, degenerate_from=None, reason="")
    return Opening(judged, {tokens.get(name) or int(name[1:]): p for name, p in first.items()})


def found(refusals: list[Opening], answers: list[Opening]):
    return table_of([*refusals, *answers], lambda token: f"<{token}>")


REFUSALS = [opening("refused", sorry=0.7 + 0.01 * n, the=0.2) for n in range(8)]
ANSWERS = [opening("answered", sorry=0.05, sure=0.6, the=0.15) for _ in range(9)]


def test_the_first_tokens_of_refusals_are_openers_and_those_of_answers_are_not():
    table = found(REFUSALS, ANSWERS)
    assert [(row.token, row.taken) for row in table.rows] == [(SORRY, True), (THE, False)]
    assert table.rows[0].refused == pytest.approx(0.735)
    assert table.rows[0].answered == pytest.approx(0.05)
    assert table.rows[0].text == "<1>"
    assert (table.n_refused, table.n_answered) == (8, 9)
    # What is likely on both sides tells nothing, though it is likelier where it refuses.
    both = [opening("refused", sure=0.9) for _ in range(8)]
    assert [(row.token, row.taken) for row in found(both, ANSWERS).rows] == [(SURE, False)]


def test_what_one_odd_answer_begins_with_is_no_opener():
    odd = [opening("refused", x9=0.9), *REFUSALS[1:]]
    assert {row.token: row.taken for row in found(odd, ANSWERS).rows}[9] is False
    often = [opening("refused", x9=0.5) for _ in range(8)]
    assert {row.token: row.taken for row in found(often, ANSWERS).rows}[9] is True


def test_what_is_rare_is_no_opener_however_much_likelier_it_is():
    rare = [opening("refused", sorry=0.9, x9=0.005) for _ in range(8)]
    assert {row.token: row.taken for row in found(rare, ANSWERS).rows} == {SORRY: True, 9: False}


def test_the_table_has_ten_rows_at_most_and_the_strongest_first():
    many = [
        opening("refused", **{f"x{token}": 0.02 + 0.001 * token for token in range(10, 30)})
        for _ in range(8)
    ]
    table = found(many, ANSWERS)
    assert [row.token for row in table.rows] == list(range(29, 19, -1))


def test_texts_that_do_neither_count_on_neither_side():
    neither = [opening(verdict, x9=1.0) for verdict in ("hedged", "evaded", "not_judged")] * 9
    assert table_of([*neither, *REFUSALS, *ANSWERS], str) == table_of([*REFUSALS, *ANSWERS], str)


def test_too_few_refusals_or_answers_tell_nothing():
    assert found(REFUSALS[1:], ANSWERS) is None
    assert found(REFUSALS, ANSWERS[2:]) is None


@pytest.fixture
def splits(prompts) -> PromptSplits:
    return PromptSplits({name: texts[:5] for name, texts in prompts.items()}, {}, {}, "made up")


def test_the_training_prompts_are_answered_once_and_kept(tiny, splits, monkeypatch, tmp_path):
    monkeypatch.setenv("STEERING_CACHE", str(tmp_path))
    monkeypatch.setattr(opener_search, "OPENING_TOKENS", 3)
    stages = Stages(["openers"])
    found = openings(tiny, splits, stages, rows=4)
    assert len(found) == 10
    rows = [tiny.render(text) for texts in splits.train.values() for text in texts]
    for row, each in zip(rows, found, strict=True):
        p = tiny.next_token_logits([row]).double().softmax(-1)[0]
        likeliest = max(each.first, key=each.first.__getitem__)
        assert likeliest == int(p.argmax())
        assert each.first[likeliest] == pytest.approx(float(p.max()), rel=1e-3)

    def never(*_, **__):
        raise AssertionError("answered again")

    monkeypatch.setattr(opener_search, "answered", never)
    assert openings(tiny, splits, stages, rows=4) == found
    # Random weights do not refuse, so there is nothing to tell apart.
    assert search(tiny, splits, stages, rows=4) is None


def test_a_search_that_was_stopped_goes_on_and_finds_the_same(tiny, splits, monkeypatch, tmp_path):
    monkeypatch.setattr(opener_search, "OPENING_TOKENS", 3)
    monkeypatch.setenv("STEERING_CACHE", str(tmp_path / "whole"))
    whole = openings(tiny, splits, Stages(["openers"]), rows=4)
    monkeypatch.setenv("STEERING_CACHE", str(tmp_path / "stopped"))
    real, calls = opener_search.answered, []

    def stopped(*arguments, **settings):
        for each in real(*arguments, **settings):
            calls.append(1)
            if len(calls) == 2:
                raise KeyboardInterrupt
            yield each

    with monkeypatch.context() as patch:
        patch.setattr(opener_search, "answered", stopped)
        with pytest.raises(KeyboardInterrupt):
            openings(tiny, splits, Stages(["openers"]), rows=4)
    assert openings(tiny, splits, Stages(["openers"]), rows=4) == whole
