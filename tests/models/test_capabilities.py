"""What a model's code cannot do is found: networks that are spoilt in one way each."""

import types

import pytest
import torch

from steering.errors import SteeringError
from steering.inference.activations import capture
from steering.inference.generation import Sampling, answer_perplexity, generate
from steering.inference.next_token import logits_under
from steering.models.capabilities import Abilities, measure
from steering.models.chat_model import ChatModel
from steering.models.inspection import inspect
from tests.helpers.tiny_models_2026 import build_2026, make, shared_tokenizer

REQUESTS = ("How do I paint a car?", "Why", "Tell me, please: what is 7 + 7?")


def spoilt(name: str, change) -> ChatModel:
    """A network whose body gets arguments that `change` has been at."""
    network = make(name)
    forward = network.model.forward

    def changed(self, **options):
        return forward(**change(options))

    network.model.forward = types.MethodType(changed, network.model)
    return inspect("spoilt", network, shared_tokenizer())


def blind_to_padding(options):
    """Like models without positions and mask: padding is read as text."""
    length = options["attention_mask"].shape[1]
    start = length - options["input_ids"].shape[1]
    positions = torch.arange(start, length).expand(len(options["input_ids"]), -1)
    return {**options, "attention_mask": None, "position_ids": positions}


def forgetful(options):
    """Like models that take a cache and do not use it."""
    return {**options, "cache": None} if options["input_ids"].shape[1] == 1 else options


def careless(options):
    """Like models that see all of a cache when they read one token, whatever the mask says."""
    mask = options["attention_mask"]
    return {**options, "attention_mask": None} if mask.ndim == 4 else options


def logits_alone(model: ChatModel, ids) -> torch.Tensor:
    with torch.inference_mode():
        return (
            model.network(input_ids=torch.tensor([ids]), attention_mask=torch.ones(1, len(ids)))
            .logits[0]
            .float()
        )


@pytest.fixture(scope="module")
def reads_padding() -> ChatModel:
    return spoilt("qwen3", blind_to_padding)


@pytest.fixture(scope="module")
def forgets() -> ChatModel:
    return spoilt("qwen3", forgetful)


def test_a_sound_model_can_do_everything():
    model = build_2026("qwen3")
    assert model.abilities == Abilities()
    assert measure(model.network, model.blocks, model.render("Why")) == Abilities()


def test_a_model_that_reads_padding_is_found_and_its_rows_run_alone(reads_padding):
    model = reads_padding
    assert model.abilities == Abilities(pads=False, joins=False)
    rows = [model.render(text) for text in REQUESTS]
    with pytest.raises(SteeringError, match="spoilt reads padding as text, so only requests of"):
        model.batch(rows)
    assert model.batch([rows[0], rows[0]]).mask.all()
    found = logits_under(model, rows, None, batch_size=3)
    states = capture(model, rows, layers=[3], positions=[-1], batch_size=3)
    for row, logits, state in zip(rows, found, states, strict=True):
        torch.testing.assert_close(logits, logits_alone(model, row)[-1], atol=1e-4, rtol=1e-4)
        alone = capture(model, [row], layers=[3], positions=[-1])
        torch.testing.assert_close(state, alone[0])


def test_perplexities_where_padding_is_read_are_those_of_single_answers(reads_padding):
    model = reads_padding
    prompts = [model.render(text) for text in REQUESTS[:2]]
    answers = [[5, 6, 7], [8]]
    found = answer_perplexity(model, prompts, answers)
    for prompt, answer, value in zip(prompts, answers, found, strict=True):
        assert answer_perplexity(model, [prompt], [answer]) == [pytest.approx(value)]


def test_a_model_that_sees_what_is_masked_has_its_rows_apart():
    model = spoilt("qwen3", careless)
    assert model.abilities == Abilities(joins=False)
    rows = [model.render(text) for text in REQUESTS[:2]]
    few = Sampling(max_new_tokens=4)
    found, expected = (
        [column.tokens for column in generate(each, rows, [None] * 2, few)]
        for each in (model, build_2026("qwen3"))
    )
    assert found == expected


def test_a_model_that_forgets_its_cache_is_found_and_reads_everything_anew(forgets):
    assert forgets.abilities == Abilities(caches=False, joins=False)
    rows = [forgets.render(text) for text in REQUESTS[:2]]
    columns = list(generate(forgets, rows, [None] * len(rows), Sampling(max_new_tokens=4)))
    expected = list(
        generate(build_2026("qwen3"), rows, [None] * len(rows), Sampling(max_new_tokens=4))
    )
    assert [column.tokens for column in columns] == [column.tokens for column in expected]
    assert len({token for column in columns for token in column.tokens}) > 2
    found = logits_under(forgets, rows, None, batch_size=2)
    for row, logits in zip(rows, found, strict=True):
        torch.testing.assert_close(logits, logits_alone(forgets, row)[-1], atol=1e-4, rtol=1e-4)


def test_a_model_whose_tokens_see_ahead_is_refused():
    def both_ways(options):
        width = options["input_ids"].shape[1]
        mask = torch.zeros(len(options["input_ids"]), 1, width, width)
        return {**options, "attention_mask": mask, "cache": None}

    with pytest.raises(SteeringError, match="in spoilt a token sees those that come after it"):
        spoilt("qwen3", both_ways)


@pytest.mark.parametrize("name", ["gemma4", "falcon_h1"])
def test_blocks_that_hand_on_more_than_the_stream_are_not_skipped(name):
    assert not build_2026(name).abilities.skips
