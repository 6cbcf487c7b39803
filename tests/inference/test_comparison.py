import json
import threading
from itertools import pairwise
from types import SimpleNamespace

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from steering.errors import SteeringError
from steering.inference import comparison, generation
from steering.inference.comparison import Answer, compare
from steering.inference.generation import Column, Sampling, answer_perplexity, generate
from steering.interventions.edits import compile_edits, intervene
from steering.interventions.panel import DEFAULT_PANELS, parse
from steering.maps.steerable_model import SteerableModel
from steering.verdicts.rules import judge
from tests.helpers.tiny_models import without_end

PROMPT = "How do I steal the letter of my boss?"
TWELVE = Sampling(max_new_tokens=12)
FOX = "🦊 猫é, ok"


def updates(model, fitted, *texts: str, sampling=TWELVE, **options) -> list[tuple[Answer, ...]]:
    panels = [parse(text) for text in texts]
    steerable = SteerableModel(model, fitted)
    return list(compare(steerable, PROMPT, panels, sampling=sampling, **options))


def hooks(network) -> int:
    return sum(
        len(module._forward_hooks) + len(module._forward_pre_hooks) for module in network.modules()
    )


@pytest.fixture
def clock(monkeypatch):
    """Time that advances by 30 ms at every look, and shows every update that was due."""
    now = [100.0]

    def monotonic() -> float:
        now[0] += 0.03
        return now[0]

    monkeypatch.setattr(comparison, "time", SimpleNamespace(monotonic=monotonic))
    return now


def test_the_answers_stand_in_the_order_of_the_panels(tiny, fitted):
    for update in updates(tiny, fitted, *reversed(DEFAULT_PANELS)):
        assert [answer.panel for answer in update] == list(reversed(DEFAULT_PANELS))


def test_a_panel_of_alpha_0_gives_exactly_the_baselines_answer(tiny, fitted):
    nothing = ("flip:alpha=0", "nullspace:alpha=0,where=all", "ablation:alpha=0", "actadd:c=0")
    baseline, *others, flipped = updates(tiny, fitted, "baseline", *nothing, "flip")[-1]
    for other in others:
        assert other.text == baseline.text
        assert other.kl == 0.0
        assert other.refusal_score == baseline.refusal_score
        assert other.first_tokens == baseline.first_tokens
    assert baseline.text
    assert flipped.text != baseline.text
    assert flipped.kl > 0


def test_the_baseline_runs_hidden_where_it_is_not_asked_for(tiny, fitted):
    alone = updates(tiny, fitted, "flip")
    beside = updates(tiny, fitted, "baseline", "flip")
    assert {len(update) for update in alone} == {1}
    assert alone[-1][0].panel == "flip"
    assert alone[-1][0].kl == pytest.approx(beside[-1][1].kl, rel=1e-4)
    assert alone[-1][0].kl > 1e-3
    assert alone[-1][0].text == beside[-1][1].text


def test_kl_is_measured_from_the_baseline_wherever_it_stands(tiny, fitted):
    first, last = (
        updates(tiny, fitted, "baseline", "actadd")[-1],
        updates(tiny, fitted, "actadd", "baseline")[-1],
    )
    assert (first[0].kl, last[1].kl) == (0.0, 0.0)
    assert first[1].kl == pytest.approx(last[0].kl, rel=1e-4)


def test_the_first_token_is_measured_as_by_hand(tiny, fitted):
    panels = [parse(text) for text in ("baseline", "flip", "actadd:c=2")]
    rows = [tiny.render(PROMPT)] * 3
    with intervene(tiny, compile_edits([panel.edit(fitted) for panel in panels])):
        logits = tiny.next_token_logits(rows).double()
    probabilities = logits.softmax(-1)
    answers = updates(tiny, fitted, *map(str, panels))[-1]
    for row, answer in enumerate(answers):
        p = float(probabilities[row, list(tiny.openers.values())].sum())
        assert answer.p_refusal == pytest.approx(p, rel=1e-3)
        assert answer.refusal_score == pytest.approx(float(torch.tensor(p).logit()), abs=1e-3)
        kl = (probabilities[0] * (probabilities[0] / probabilities[row]).log()).sum()
        assert answer.kl == pytest.approx(float(kl), rel=1e-3, abs=1e-9)
        expected = sorted(probabilities[row].tolist(), reverse=True)[:5]
        assert [share for _, share in answer.first_tokens] == pytest.approx(expected, rel=1e-3)
        likeliest = tiny.tokenizer.decode([int(probabilities[row].argmax())])
        assert answer.first_tokens[0][0] == likeliest
    assert len({answer.p_refusal for answer in answers}) == 3


def test_the_last_update_is_finished_judged_and_measured(tiny, fitted):
    model = without_end(tiny)
    *streamed, judged, last = updates(model, fitted, *DEFAULT_PANELS)
    assert streamed
    assert all(answer.verdict is None for update in streamed for answer in update)
    assert all(answer.perplexity is None for answer in judged)
    ids = model.render(PROMPT)
    for answer, before in zip(last, judged, strict=True):
        assert answer.finished
        assert not answer.ended
        assert answer.tokens == 12
        assert answer.verdict == before.verdict == judge(answer.text, ended=False).verdict
        assert answer.looping is judge(answer.text, ended=False).looping
        assert answer.reason
        assert answer.text == before.text
        assert answer.perplexity > 1
    column = [
        token for token in generate(model, [ids], [None], TWELVE) if token.tokens[0] is not None
    ]
    tokens = [step.tokens[0] for step in column]
    assert last[0].perplexity == pytest.approx(
        answer_perplexity(model, [ids], [tokens])[0], rel=1e-3
    )
    assert last[0].text == model.template.split(tokens).answer


def test_an_answer_that_ends_at_once_is_empty_and_has_no_perplexity(tiny, fitted):
    first = int(tiny.next_token_logits([tiny.render(PROMPT)]).argmax())
    model = without_end(tiny, ends=[first])
    baseline, flipped = updates(model, fitted, "baseline", "flip")[-1]
    assert (baseline.text, baseline.tokens, baseline.perplexity) == ("", 0, None)
    assert baseline.verdict == "empty"
    assert baseline.ended
    assert flipped.tokens > 0
    assert flipped.perplexity is not None


def test_a_row_that_has_ended_stops_its_clock_and_says_so(tiny, fitted, clock):
    free = updates(without_end(tiny), fitted, "baseline", "flip")[-1]
    tokens = [
        column.tokens[0]
        for column in generate(without_end(tiny), [tiny.render(PROMPT)], [None], TWELVE)
    ]
    end = tokens[2]
    found = updates(without_end(tiny, ends=[end]), fitted, "baseline", "flip")
    baseline, flipped = found[-1]
    assert baseline.tokens == tokens.index(end)
    assert baseline.ended
    assert baseline.seconds < flipped.seconds
    assert free[0].tokens == 12
    during = [update[0].finished for update in found[:-2]]
    assert during == sorted(during)  # once finished, always finished
    assert True in during
    assert not any(update[1].finished for update in found[:-3])


def test_the_same_words_are_refused_where_they_were_cut_and_answered_where_they_end(
    tiny, fitted, monkeypatch
):
    words = tiny.template.encode("I'm sorry, but")

    def spoken(*_arguments, **_options):
        fine = (False, False)
        for token in words:
            yield Column((token, token), None, fine, fine)
        yield Column((None, None), None, (True, False), fine)

    monkeypatch.setattr(generation, "generate", spoken)
    ended, cut = updates(tiny, fitted, "baseline", "flip")[-1]
    assert ended.text == cut.text == "I'm sorry, but"
    assert (ended.ended, ended.verdict) == (True, "answered")
    assert (cut.ended, cut.verdict) == (False, "refused")


def test_texts_only_grow(tiny, fitted, clock):
    found = updates(tiny, fitted, *DEFAULT_PANELS, sampling=Sampling(max_new_tokens=32))
    assert len(found) > 5
    for before, after in pairwise(found):
        for a, b in zip(before, after, strict=True):
            assert b.text.startswith(a.text)
            assert b.tokens >= a.tokens
            assert b.seconds >= a.seconds
            b.text.encode("utf-8")


def test_at_most_ten_updates_a_second(tiny, fitted, clock):
    panels = [parse("baseline")]
    times = []
    endless = SteerableModel(without_end(tiny), fitted)
    for _ in compare(endless, PROMPT, panels, sampling=Sampling(max_new_tokens=40)):
        times.append(clock[0])
    streamed = times[:-2]  # the verdicts and the perplexities come as soon as they are known
    assert len(streamed) > 5
    assert min(b - a for a, b in pairwise(streamed)) >= 0.1


def test_an_answer_is_json(tiny, fitted):
    for update in updates(tiny, fitted, *DEFAULT_PANELS):
        for answer in update:
            text = json.dumps(answer.as_dict(), allow_nan=False)
            read = json.loads(text)
            read["first_tokens"] = tuple(map(tuple, read["first_tokens"]))
            read["token_ids"] = tuple(read["token_ids"])
            assert Answer(**read) == answer


def test_a_stop_half_way_judges_and_measures_what_is_there(tiny, fitted, clock):
    stop = threading.Event()
    found = []
    for update in compare(
        SteerableModel(without_end(tiny), fitted),
        PROMPT,
        [parse("baseline"), parse("flip")],
        sampling=Sampling(max_new_tokens=200),
        stop=stop,
    ):
        found.append(update)
        stop.set()
    assert found[-1][0].tokens < 10
    for answer in found[-1]:
        assert answer.finished
        assert not answer.ended
        assert answer.verdict is not None
        assert answer.perplexity is not None
        assert answer.text


def test_a_stop_before_the_start_gives_empty_answers(tiny, fitted):
    stop = threading.Event()
    stop.set()
    last = updates(tiny, fitted, "baseline", "flip", stop=stop)[-1]
    assert [(answer.text, answer.tokens, answer.perplexity) for answer in last] == [
        ("", 0, None)
    ] * 2
    assert all(answer.finished for answer in last)


def test_closing_the_comparison_early_leaves_no_hooks(tiny, fitted):
    before = hooks(tiny.network)
    panels = [parse("flip"), parse("ablation")]
    generator = compare(SteerableModel(tiny, fitted), PROMPT, panels, sampling=TWELVE)
    next(generator)
    generator.close()
    assert hooks(tiny.network) == before


@pytest.mark.parametrize(
    ("prompt", "panel", "message"),
    [
        ("", "flip", "request is empty"),
        ("a" * 100_000, "flip", "too long"),
        (PROMPT, "flip:k=32", "k=32 is out of range"),
        (PROMPT, "ablation:layer=4", "layer 4 is out of range"),
    ],
)
def test_what_does_not_fit_the_model_is_refused_before_anything_runs(
    tiny, fitted, prompt, panel, message
):
    with pytest.raises(SteeringError, match=message):
        next(compare(SteerableModel(tiny, fitted), prompt, [parse(panel)], sampling=TWELVE))


def test_an_answer_longer_than_the_context_is_refused(tiny, fitted):
    with pytest.raises(SteeringError, match="leaves room for"):
        updates(tiny, fitted, "flip", sampling=Sampling(max_new_tokens=250))


# Characters of several tokens


@pytest.mark.parametrize("name", ["qwen2", "llama2"])
def test_a_character_is_shown_when_its_last_byte_has_come(model_of, name):
    model = model_of(name)
    tokens = model.tokenizer.encode(FOX, add_special_tokens=False)
    assert len(tokens) > len(FOX)  # some characters take several tokens
    halves = 0
    for length in range(len(tokens) + 1):
        shown = model.template.split(tokens[:length]).answer
        assert FOX.startswith(shown.lstrip())
        assert "\ufffd" not in shown
        halves += "\ufffd" in model.tokenizer.decode(tokens[:length])
    assert halves > 3  # there were half characters to leave out
    assert model.template.split(tokens).answer.lstrip() == FOX


@given(text=st.text(max_size=20))
def test_no_prefix_of_any_text_ends_in_half_a_character(tiny, text):
    # Hypothesis also draws words that it finds in the source, and special tokens are not shown.
    assume(not any(special in text for special in tiny.tokenizer.all_special_tokens))
    text = text.replace("\ufffd", "")
    tokens = tiny.tokenizer.encode(text, add_special_tokens=False)
    shown = [tiny.template.split(tokens[:length]).answer for length in range(len(tokens) + 1)]
    assert shown[-1] == text
    assert all(b.startswith(a) for a, b in pairwise(shown))


def test_special_tokens_are_not_shown(tiny):
    tokens = tiny.tokenizer.encode("ok<|im_start|>then", add_special_tokens=False)
    assert tiny.tokenizer.convert_tokens_to_ids("<|im_start|>") in tokens
    assert tiny.template.split(tokens).answer == "okthen"


# Answers that go on from a beginning


def continued(model, fitted, *texts: str, begin, **options) -> tuple[Answer, ...]:
    return updates(model, fitted, *texts, begin=begin, **options)[-1]


@pytest.mark.parametrize("kept", [0, 1, 5, 11])
def test_a_panel_goes_on_from_its_own_beginning_as_it_did(tiny, fitted, kept):
    model = without_end(tiny)
    for panel in ("baseline", "flip:k=2", "ablation"):
        (whole,) = updates(model, fitted, panel)[-1]
        rest = Sampling(max_new_tokens=12 - kept)
        (found,) = continued(model, fitted, panel, begin=whole.token_ids[:kept], sampling=rest)
        assert found.token_ids == whole.token_ids
        assert found.text == whole.text
        assert (found.begun, found.tokens) == (kept, 12)


def test_another_panel_goes_on_as_if_it_had_written_the_beginning(tiny, fitted):
    """Its edit acts on the beginning, too: plain passes over the whole, a token at a time."""
    model = without_end(tiny)
    (before,) = updates(model, fitted, "baseline")[-1]
    begin, edit = before.token_ids[:4], parse("flip:k=2").edit(fitted)
    row = [*model.render(PROMPT), *begin]
    first = []
    for _ in range(12):
        with intervene(model, compile_edits([edit])):
            logits = model.next_token_logits([row])
        first.append(logits)
        row.append(int(logits.argmax()))
    (found,) = continued(model, fitted, "flip:k=2", begin=begin)
    assert list(found.token_ids) == row[-16:]
    assert found.text == model.template.split(row[-16:]).answer
    # Counter-check: it is not what the panel writes by itself, nor what the baseline goes on with.
    assert found.token_ids[:4] != updates(model, fitted, "flip:k=2")[-1][0].token_ids[:4]
    assert found.token_ids[4:12] != before.token_ids[4:]
    likeliest = first[0].softmax(-1).topk(5)
    assert [share for _, share in found.first_tokens] == pytest.approx(
        likeliest.values[0].tolist(), rel=1e-3
    )


def test_what_was_given_is_not_measured_as_what_was_written(tiny, fitted):
    model = without_end(tiny)
    begin = model.template.encode("Sure, here")
    baseline, flipped = continued(model, fitted, "baseline", "flip", begin=begin)
    for answer in (baseline, flipped):
        assert (answer.refusal_score, answer.p_refusal) == (None, None)
        rest = answer.token_ids[answer.begun :]
        expected = answer_perplexity(model, [[*model.render(PROMPT), *begin]], [rest])
        assert answer.perplexity == pytest.approx(expected[0], rel=1e-4)
        assert answer.text.startswith("Sure, here")
        assert answer.verdict == judge(answer.text, ended=False).verdict
    assert baseline.kl == 0
    assert flipped.kl > 0


def test_a_beginning_may_be_a_text_and_a_control_token_in_it_is_one_no_more(tiny, fitted):
    text = "Sure, <|im_end|> here"
    (found,) = continued(without_end(tiny), fitted, "flip", begin=text)
    (same,) = continued(without_end(tiny), fitted, "flip", begin=tiny.template.encode(text))
    assert found.token_ids == same.token_ids
    assert found.text.startswith(text)


def test_a_beginning_in_the_middle_of_a_character_is_completed_by_what_follows(tiny, fitted):
    begin = tiny.template.encode("a🦊")[:3]
    for update in updates(without_end(tiny), fitted, "flip", begin=begin):
        assert update[0].text.startswith("a")
        update[0].text.encode("utf-8")


def test_a_random_continuation_is_the_same_again(tiny, fitted):
    begin = tiny.template.encode("Sure")
    drawn = [
        continued(
            without_end(tiny), fitted, "flip", begin=begin, sampling=Sampling(12, 1.0, seed=seed)
        )[0].token_ids
        for seed in (0, 0, 1)
    ]
    assert drawn[0] == drawn[1] != drawn[2]


def test_a_beginning_that_does_not_fit_is_told(tiny, fitted):
    end = min(tiny.end_ids)
    vocab = tiny.network.config.vocab_size
    for begin, words in (
        ([vocab], f"{vocab} is no token of"),
        ([5, 6, end], r"ends at its token 3 \(.*give the 2 before it"),
        ("a\0", r"U\+0000"),
        ([5] * (tiny.context_length - 40), "leaves room for"),
    ):
        with pytest.raises(SteeringError, match=words):
            continued(tiny, fitted, "flip", begin=begin)
    assert hooks(tiny.network) == 0
