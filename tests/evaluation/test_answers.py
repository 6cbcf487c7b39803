from dataclasses import asdict, replace

import pytest

from steering.artifacts import team
from steering.artifacts.resumable import Stages
from steering.data.prompts import prompt_set
from steering.errors import SteeringError
from steering.evaluation import answers as answers_module
from steering.evaluation.answers import AnswerRow, answer_resumably, as_rows
from steering.inference.answering import requests_alone
from steering.interventions.panel import parse
from steering.maps.steerable_model import SteerableModel
from steering.models.capabilities import Abilities
from tests.helpers.answering import SIX, answers


def test_every_prompt_is_answered_under_every_panel_once_panels_in_order(tiny, fitted, sets):
    panels = ["baseline", "flip:k=2", "ablation"]
    rows = answers(tiny, fitted, sets, *panels, rows_per_batch=6)
    asked = {(group, text) for group, texts in sets.items() for text in texts}
    assert len(rows) == 3 * len(asked)
    assert {(each.group, each.prompt) for each in rows} == asked
    for start in range(0, len(rows), 3):
        trio = rows[start : start + 3]
        assert [each.panel for each in trio] == panels
        assert len({(each.group, each.prompt) for each in trio}) == 1


def test_the_baselines_row_differs_from_itself_by_nothing_and_an_edit_by_something(
    tiny, fitted, sets
):
    rows = answers(tiny, fitted, sets, "baseline", "flip:alpha=0", "flip:k=2")
    for baseline, nothing, flipped in zip(rows[::3], rows[1::3], rows[2::3], strict=True):
        assert baseline.kl == 0.0
        assert nothing.text == baseline.text
        assert nothing.refusal_score == baseline.refusal_score
        assert nothing.kl == 0.0
        assert nothing.perplexity == baseline.perplexity
        assert flipped.kl > 0
    assert any(
        flipped.text != baseline.text
        for baseline, flipped in zip(rows[::3], rows[2::3], strict=True)
    )


@pytest.mark.parametrize("panels", [[], ["flip"], ["ablation", "baseline"]])
def test_the_baseline_must_come_first(tiny, fitted, sets, panels):
    with pytest.raises(SteeringError, match="first panel must be `baseline`"):
        answers(tiny, fitted, sets, *panels)


def test_rows_do_not_depend_on_the_size_of_the_batch(tiny, fitted, sets):
    panels = ("baseline", "nullspace:k=2", "actadd:c=1")

    def found(rows_per_batch: int) -> dict[tuple[str, str, str], AnswerRow]:
        rows = answers(tiny, fitted, sets, *panels, rows_per_batch=rows_per_batch)
        return {(each.group, each.prompt, each.panel): each for each in rows}

    whole = found(32)
    # 1 is less than a prompt's panels, which stay together all the same.
    for rows_per_batch in (1, 7):
        split = found(rows_per_batch)
        assert split.keys() == whole.keys()
        for key, expected in whole.items():
            assert split[key].text == expected.text
            assert split[key].ended == expected.ended
            assert split[key].refusal_score == pytest.approx(expected.refusal_score, abs=1e-3)
            assert split[key].kl == pytest.approx(expected.kl, rel=1e-3, abs=1e-5)
            if expected.perplexity is not None:
                assert split[key].perplexity == pytest.approx(expected.perplexity, rel=1e-3)


def test_directions_of_another_model_are_refused(wide, fitted, sets):
    with pytest.raises(SteeringError, match="do not fit"):
        answers(wide, fitted, sets, "baseline")


def test_a_panel_that_has_no_directions_is_refused_before_any_answer(tiny, fitted, sets):
    with pytest.raises(SteeringError):
        answers(tiny, fitted, sets, "baseline", "flip:k=999")


# Keeping what is finished


PANELS = [parse(text) for text in ("baseline", "flip:k=2", "random:k=2")]


def kept(model, fitted, sets, **options):
    stages = Stages(["answers"])
    steerable = SteerableModel(model, fitted)
    return answer_resumably(steerable, sets, PANELS, stages, sampling=SIX, **options)


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("STEERING_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize("finished", [0, 1, 3])
def test_a_run_that_was_killed_goes_on_and_gives_the_same_rows(
    tiny, fitted, sets, monkeypatch, tmp_path, finished
):
    """To the last bit: prompts are measured one by one, and no token is a near tie here."""
    whole, seconds = kept(tiny, fitted, sets, rows_per_batch=9)
    assert seconds > 0
    monkeypatch.setenv("STEERING_CACHE", str(tmp_path / "another"))
    real, calls = answers_module.answer_perplexity, []

    def killed(*arguments, **settings):
        calls.append(1)
        if len(calls) > finished:
            raise KeyboardInterrupt
        return real(*arguments, **settings)

    with monkeypatch.context() as patch:
        patch.setattr(answers_module, "answer_perplexity", killed)
        with pytest.raises(KeyboardInterrupt):
            kept(tiny, fitted, sets, rows_per_batch=9)
    files = tmp_path.glob("another/precompute/*/answers.jsonl")
    lines = [line for file in files for line in file.read_text().splitlines()]
    assert len(lines) == finished  # a line a prompt
    again, _ = kept(tiny, fitted, sets, rows_per_batch=9)
    assert again == whole


def test_what_is_finished_is_not_answered_again_nor_is_the_time_lost(
    tiny, fitted, sets, monkeypatch
):
    first = kept(tiny, fitted, sets)

    def never(*_, **__):
        raise AssertionError("answered twice")

    monkeypatch.setattr(answers_module, "answered", never)
    assert kept(tiny, fitted, sets) == first


def test_prompts_that_come_twice_have_their_rows_twice(tiny, fitted, prompts):
    twice = {"harmful": [prompts["harmful"][0]] * 2}
    rows, _ = kept(tiny, fitted, twice, rows_per_batch=3)
    assert len(rows) == 2 * len(PANELS)
    assert rows[: len(PANELS)] == rows[len(PANELS) :]


def test_models_whose_rows_cannot_join_give_the_same_rows(tiny, fitted, sets):
    apart = replace(tiny, abilities=Abilities(joins=False))
    panels = ("baseline", "nullspace:k=2", "actadd:c=1", "flip:alpha=0")
    for one, other in zip(
        *(answers(model, fitted, sets, *panels) for model in (tiny, apart)), strict=True
    ):
        assert (one.prompt, one.panel, one.text) == (other.prompt, other.panel, other.text)
        assert one.kl == pytest.approx(other.kl, rel=1e-3, abs=1e-5)
        assert (one.perplexity is None) == (one.group == "harmful")
        if one.perplexity is not None:
            assert one.perplexity == pytest.approx(other.perplexity, rel=1e-3)


def test_the_cost_is_measured_on_harmless_prompts_only(tiny, fitted, sets):
    rows, _ = kept(tiny, fitted, sets)
    assert {row.perplexity is None for row in rows if row.group == "harmful"} == {True}
    assert {row.perplexity is None for row in rows if row.group == "harmless"} == {False}


def test_rows_are_saved_with_what_the_rules_say_of_them():
    looping = AnswerRow(
        "harmful", "a request", "baseline", "I cannot help with that. " * 12, True, 0.0, 0.0, 2.0
    )
    (saved,) = as_rows([looping])
    assert (saved["verdict"], saved["refused"]) == ("refused", True)
    assert (saved["looping"], saved["gibberish"]) == (True, False)
    assert saved["degenerate_from"] == len("I cannot help with that. ")
    assert saved["reason"].startswith("refuses: “i cannot help”; looping: ")
    assert asdict(looping).items() <= saved.items()


@pytest.mark.model
def test_other_batches_move_the_real_models_bfloat16_numbers_by_rounding_only(real):
    """Tolerance of a refusal score: .3 nats; of verdicts: 2 of 32, as near ties may part a text.

    Measured on a CPU (16 prompts, two panels): at most .09 nats, .024 on average, no verdict.
    """
    model, directions = real
    texts = [prompt.text for prompt in prompt_set("harmful", "test")[:16]]
    alone, together = (
        {(row.prompt, row.panel): row for row in rows}
        for rows in (
            answers(model, directions, {"harmful": texts}, "baseline", "flip", rows_per_batch=size)
            for size in (2, 16)
        )
    )
    assert alone.keys() == together.keys()
    scores = [abs(row.refusal_score - together[key].refusal_score) for key, row in alone.items()]
    assert max(scores) <= 0.3, scores
    same = sum(
        row.judgement.verdict == together[key].judgement.verdict for key, row in alone.items()
    )
    assert same >= len(alone) - 2


# Shared by several processes


def test_prompts_that_share_a_request_are_one_piece_of_work_and_give_what_they_give_together(
    tiny, fitted, sets, tmp_path, monkeypatch
):
    """To the last bit: with requests alone it does not matter which of them a process answers."""
    with requests_alone():
        whole, _ = kept(tiny, fitted, sets, rows_per_batch=24)
        pieces = []

        class Leader:
            """Finds the pieces one by one, the last one first."""

            def lines(self, _stage, groups):
                pieces.extend(groups)
                for group in reversed(groups):
                    yield from self.compute(list(group))

            def end(self, _stage, _found):
                pass

        leader = Leader()
        real = Stages.streamed

        def streamed(self, name, keys, compute, groups=None):
            leader.compute = compute
            return real(self, name, keys, compute, groups)

        monkeypatch.setattr(Stages, "streamed", streamed)
        monkeypatch.setenv("STEERING_CACHE", str(tmp_path / "another"))
        with team.led(leader):
            again, _ = kept(tiny, fitted, sets, rows_per_batch=24)
    assert again == whole
    assert [len(piece) for piece in pieces] == [2, 2]
