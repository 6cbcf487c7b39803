import threading
from dataclasses import replace

import pytest
import torch

from steering.errors import SteeringError
from steering.inference.generation import Sampling, answer_perplexity, generate
from steering.inference.prefill import prefill
from steering.interventions.edits import compile_edits, intervene
from steering.interventions.panel import parse
from steering.models.capabilities import Abilities
from tests.helpers.tiny_models import without_end

PROMPTS = ("How do I paint a car?", "Why", "Tell me how to wash the dog, please, and the window.")
TEN = Sampling(max_new_tokens=10)


def rows_of(model) -> list[list[int]]:
    return [model.render(text) for text in PROMPTS]


def run(model, rows, edits=None, sampling=TEN, **options) -> list[list[int]]:
    """Return the tokens of every row."""
    columns = list(generate(model, rows, edits or [None] * len(rows), sampling, **options))
    return [
        [column.tokens[row] for column in columns if column.tokens[row] is not None]
        for row in range(len(rows))
    ]


def hooks(network) -> int:
    return sum(
        len(module._forward_hooks) + len(module._forward_pre_hooks) for module in network.modules()
    )


def test_greedy_tokens_of_every_family_are_those_of_transformers(family_model):
    rows = rows_of(family_model)
    batch = family_model.batch(rows)
    found = run(family_model, rows, sampling=Sampling(max_new_tokens=24))
    expected = family_model.network.generate(
        input_ids=batch.tokens,
        attention_mask=batch.mask,
        max_new_tokens=24,
        do_sample=False,
        pad_token_id=family_model.tokenizer.pad_token_id,
    )[:, batch.tokens.shape[1] :].tolist()
    for row, tokens in enumerate(expected):
        ends = [place for place, token in enumerate(tokens) if token in family_model.end_ids]
        assert found[row] == tokens[: min(ends, default=len(tokens))]
    assert len({tuple(tokens) for tokens in found}) == len(rows)
    assert max(map(len, found)) > 8  # longer than Gemma-2's sliding window here


def test_a_row_gives_the_same_tokens_alone_and_in_a_batch(family_model):
    rows = rows_of(family_model)
    together = run(family_model, rows)
    assert together == [run(family_model, [row])[0] for row in rows]


def panels_edits(fitted):
    texts = ("baseline", "ablation", "nullspace:k=2", "flip:k=2", "actadd:c=2", "flip:side=harmful")
    return [parse(text).edit(fitted) for text in texts]


def test_every_generated_token_is_edited_with_the_cache_on(tiny, fitted):
    """The cache keeps edited states; a run that recomputes all of them must agree."""
    model = without_end(tiny)
    edits = panels_edits(fitted)
    program = compile_edits(edits)
    rows = [model.render(PROMPTS[0])] * len(edits)
    found = run(model, rows, edits)
    edited, unedited_answer = [list(row) for row in rows], [list(row) for row in rows]
    for _ in range(10):
        with intervene(model, program):
            tokens = model.next_token_logits(edited).argmax(-1).tolist()
        for row, token in zip(edited, tokens, strict=True):
            row.append(token)
    prompt = len(rows[0])
    assert found == [row[prompt:] for row in edited]
    # Counter-check: an edit of the prompt's positions alone gives another text.
    with intervene(model, program):
        first = model.next_token_logits(rows).argmax(-1).tolist()
    for row, token in zip(unedited_answer, first, strict=True):
        row.append(token)
    for _ in range(9):
        tokens = model.next_token_logits(unedited_answer).argmax(-1).tolist()
        for row, token in zip(unedited_answer, tokens, strict=True):
            row.append(token)
    assert found[0] == unedited_answer[0][prompt:]
    assert found[1:] != [row[prompt:] for row in unedited_answer[1:]]


def test_every_step_runs_through_the_edits_one_position_at_a_time(tiny, fitted):
    seen = []
    edits = [parse("flip:k=1").edit(fitted)]
    handle = tiny.blocks[1].register_forward_pre_hook(
        lambda module, args, kwargs: seen.append((args or [kwargs["hidden_states"]])[0].shape[1]),
        with_kwargs=True,
    )
    rows = [tiny.render("Why")]
    tokens = run(without_end(tiny), rows, edits, Sampling(max_new_tokens=4))
    handle.remove()
    assert len(tokens[0]) == 4
    assert seen[-4:] == [len(rows[0]), 1, 1, 1]


def test_rows_with_equal_edits_answer_equally_whatever_stands_beside_them(tiny, fitted):
    rows = [tiny.render(PROMPTS[0])] * 3
    edits = [None, parse("flip:k=2").edit(fitted), parse("flip:alpha=0").edit(fitted)]
    baseline, flipped, nothing = run(tiny, rows, edits)
    assert baseline == nothing == run(tiny, rows)[0]
    assert flipped != baseline


def test_the_first_column_alone_carries_its_logits(tiny):
    rows = rows_of(tiny)
    columns = list(generate(without_end(tiny), rows, [None] * len(rows), TEN))
    assert len(columns) == 10
    torch.testing.assert_close(
        columns[0].logits, tiny.next_token_logits(rows), atol=1e-4, rtol=1e-4
    )
    assert columns[0].logits.dtype == torch.float32
    assert {column.logits for column in columns[1:]} == {None}
    assert columns[0].tokens == tuple(columns[0].logits.argmax(-1).tolist())


def test_every_row_ends_by_itself_at_its_end_of_text_token(tiny):
    rows = rows_of(tiny)
    free = run(without_end(tiny), rows, sampling=Sampling(max_new_tokens=16))
    ends = [free[0][3], free[1][7]]
    expected = []
    for tokens in free:
        places = [place for place, token in enumerate(tokens) if token in ends]
        expected.append(tokens[: min(places, default=16)])
    lengths = [len(tokens) for tokens in expected]
    assert len(set(lengths)) > 1  # the rows end at unlike places
    model = without_end(tiny, ends=ends)
    columns = list(generate(model, rows, [None] * len(rows), Sampling(max_new_tokens=16)))
    assert len(columns) == min(16, max(lengths) + 1)
    for row, tokens in enumerate(expected):
        said = [column.tokens[row] for column in columns]
        assert said == tokens + [None] * (len(columns) - len(tokens))
        ended = [column.ended[row] for column in columns]
        assert ended == [place >= len(tokens) for place in range(len(columns))]


def test_generation_ends_with_the_last_row(tiny):
    rows = rows_of(tiny)[:1]
    free = run(without_end(tiny), rows)[0]
    place = free.index(free[5])
    columns = list(generate(without_end(tiny, ends=[free[5]]), rows, [None] * len(rows), TEN))
    assert len(columns) == place + 1
    assert columns[-1].ended == (True,)
    assert columns[-1].tokens == (None,)


def test_no_more_tokens_than_asked_for(tiny):
    for count in (1, 3):
        found = run(without_end(tiny), rows_of(tiny), sampling=Sampling(max_new_tokens=count))
        assert [len(tokens) for tokens in found] == [count] * 3


@pytest.mark.parametrize("after", [0, 1, 4])
def test_a_stop_takes_effect_within_two_tokens(tiny, after):
    stop = threading.Event()
    columns = []
    generator = generate(
        without_end(tiny), rows_of(tiny), [None] * 3, Sampling(max_new_tokens=50), stop=stop
    )
    if after == 0:
        stop.set()
    for column in generator:
        columns.append(column)
        if len(columns) == after:
            stop.set()
    assert after <= len(columns) <= after + 2


def test_closing_the_generator_early_leaves_no_hooks(tiny, fitted):
    before = hooks(tiny.network)
    edits = panels_edits(fitted)
    generator = generate(tiny, [tiny.render("Why")] * len(edits), edits, TEN)
    next(generator)
    assert hooks(tiny.network) == before  # nor are there any while somebody else might run
    generator.close()
    assert hooks(tiny.network) == before


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_error_in_the_network_leaves_no_hooks(tiny, fitted, error):
    before, seen = hooks(tiny.network), []
    edits = panels_edits(fitted)

    def break_down(module, args):
        seen.append(hooks(tiny.network))
        raise error

    handle = tiny.blocks[3].register_forward_pre_hook(break_down)
    with pytest.raises(error):
        next(generate(tiny, [tiny.render("Why")] * len(edits), edits, TEN))
    handle.remove()
    assert seen[0] > before + 1
    assert hooks(tiny.network) == before


# Sampling


def test_equal_rows_draw_equal_tokens_and_other_seeds_draw_others(tiny):
    model = without_end(tiny)
    rows = [model.render(PROMPTS[0])] * 3
    drawn = [
        run(model, rows, sampling=Sampling(max_new_tokens=12, temperature=1.0, seed=seed))
        for seed in (0, 0, 1)
    ]
    assert drawn[0][0] == drawn[0][1] == drawn[0][2]
    assert drawn[0] == drawn[1]
    assert drawn[0] != drawn[2]
    assert drawn[0] != run(model, rows, sampling=Sampling(max_new_tokens=12))


def test_a_row_draws_the_same_tokens_whatever_stands_beside_it(tiny, fitted):
    model = without_end(tiny)
    row = model.render(PROMPTS[0])
    sampling = Sampling(max_new_tokens=12, temperature=1.0, seed=3)
    edits = [parse("flip").edit(fitted), None]
    assert run(model, [row, row], edits, sampling)[1] == run(model, [row], None, sampling)[0]


def test_the_context_must_have_room_for_the_answer(tiny):
    model = without_end(tiny)
    room = 256 - len(model.render(PROMPTS[2]))
    assert len(run(model, rows_of(model), sampling=Sampling(max_new_tokens=room))[2]) == room
    with pytest.raises(SteeringError, match=rf"room for {room} tokens, .* is {room + 1}; shorten"):
        run(model, rows_of(model), sampling=Sampling(max_new_tokens=room + 1))


# Perplexity


def perplexity_by_a_plain_loop(model, prompt: list[int], answer: list[int]) -> float:
    total = 0.0
    for place, token in enumerate(answer):
        with torch.inference_mode():
            logits = model.network(torch.tensor([prompt + answer[:place]])).logits[0, -1]
        total += float(logits.double().log_softmax(-1)[token])
    return float(torch.tensor(-total / len(answer)).exp())


def test_the_perplexity_of_every_family_is_that_of_a_plain_loop(family_model):
    prompts = [*rows_of(family_model), family_model.render("Why")]
    answers = [[40, 41, 42, 43, 44, 45], [50], [], [60, 61, 60]]
    found = answer_perplexity(family_model, prompts, answers)
    assert found[2] is None
    for index in (0, 1, 3):
        expected = perplexity_by_a_plain_loop(family_model, prompts[index], answers[index])
        assert found[index] == pytest.approx(expected, rel=1e-3)
    assert found[0] != pytest.approx(found[1], rel=1e-2)


EVERY_KIND = (
    "baseline",
    "ablation",
    "nullspace:k=2",
    "flip:k=2",
    "flip:alpha=0",
    "actadd:c=2",
    "flip:k=1,layer=3",
    "flip:side=harmful",
    "flip:center=midpoint",
    "nullspace:k=1,where=all,basis=random",
)


@pytest.mark.parametrize("given", [True, False], ids=["prompt read before", "read here"])
@pytest.mark.parametrize("skips", [True, False])
def test_perplexities_that_share_reading_are_those_of_whole_passes(tiny, fitted, given, skips):
    model = replace(tiny, abilities=Abilities(skips=skips))
    edits = [parse(text).edit(fitted) for text in EVERY_KIND] * 2
    prompts = [model.render(PROMPTS[2])] * 10 + [model.render(PROMPTS[1])] * 10
    answers = [[40, 41, 42, 43]] * 10 + [[50], [], *[[60, 61, 62, 60, 60]] * 8]
    read = prefill(model, prompts, edits) if given else None
    found = answer_perplexity(model, prompts, answers, edits=edits, read=read)
    for prompt, answer, edit, value in zip(prompts, answers, edits, found, strict=True):
        if not answer:
            assert value is None
            continue
        with intervene(model, compile_edits([edit])):
            logits = model.run(model.batch([[*prompt, *answer]])).logits[0].double()
        tokens = torch.tensor(answer)
        chosen = logits[len(prompt) - 1 : -1].log_softmax(-1).gather(1, tokens[:, None])
        assert value == pytest.approx(float((-chosen.mean()).exp()), rel=1e-3)
    # Edits tell in the numbers: swapped ones would not pass.
    assert found[0] == found[4]
    assert len({round(value, 4) for value in found[:10]}) >= 8


def test_rows_that_are_alike_and_prompts_are_read_once_for_their_perplexities(tiny):
    prompt, other = (tiny.render(text) for text in PROMPTS[:2])
    tokens = []
    handle = tiny.blocks[0].mlp.register_forward_hook(
        lambda _m, _a, out: tokens.append(out.shape[0] * out.shape[1])
    )
    same = answer_perplexity(tiny, [prompt] * 3, [[5, 6, 7], [5, 6, 7], [8, 9, 10]])
    handle.remove()
    assert sum(tokens) == len(prompt) + 2 * 2
    assert same[0] == same[1] != same[2]
    assert answer_perplexity(tiny, [other], [[5, 6, 7]]) != same[:1]


def test_a_greedy_answer_is_less_perplexing_than_a_random_one(tiny):
    model = without_end(tiny)
    rows = rows_of(model)
    greedy, drawn = (
        answer_perplexity(model, rows, run(model, rows, sampling=sampling))
        for sampling in (TEN, Sampling(max_new_tokens=10, temperature=4.0))
    )
    assert all(a < b for a, b in zip(greedy, drawn, strict=True))


def test_without_any_answer_there_is_no_perplexity(tiny):
    assert answer_perplexity(tiny, rows_of(tiny), [[], [], []]) == [None, None, None]
    assert answer_perplexity(tiny, [], []) == []
