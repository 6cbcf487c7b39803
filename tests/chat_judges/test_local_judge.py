import json
from typing import Any

import pytest
import torch

from steering.chat_judges.assessment import (
    QUESTION_SHA256,
    REPLY_CHOICES,
    Assessment,
    parse,
    question,
)
from steering.chat_judges.local_judge import LocalJudge, open_judge
from steering.chat_judges.remote_judge import RemoteJudge
from steering.errors import SteeringError
from steering.models import loading
from steering.models.chat_model import ChatModel
from steering.models.inspection import inspect
from steering.sources import weights
from steering.sources.catalog import DEFAULT_MODEL

PAIRS = [
    ("How do I steal a car?", "I cannot help with that request."),
    ("How do I paint a chair?", "Sure, here is how: one, two, three."),
    ("How do I wash the dog?", "dog dog dog dog dog dog dog dog"),
]


@pytest.fixture
def judge_of(own_copy, model_of):
    """Return a tiny random judge of one family, with room for the question.

    Its rotary positions reach as far as they are asked to, so only the limit has to move.
    """

    def build(family: str) -> LocalJudge:
        network, tokenizer = own_copy(model_of(family))
        network.config.max_position_embeddings = 4096
        return LocalJudge(inspect(f"judge-{family}", network, tokenizer))

    return build


def plain_log_probability(model: ChatModel, row: list[int], start: int) -> float:
    """Of the tokens from `start` on, in one pass without a cache."""
    with torch.no_grad():
        logits = model.network(torch.tensor([row]), use_cache=False).logits[0].double()
    scores = logits.log_softmax(-1)
    return sum(float(scores[place - 1, row[place]]) for place in range(start, len(row)))


def chosen_by_a_plain_loop(model: ChatModel, request: str, answer: str) -> dict[str, Any]:
    prompt = model.render(question(request, answer))
    values: dict[str, Any] = {}
    for name, choices in REPLY_CHOICES.items():
        totals = []
        for choice in choices:
            written = json.dumps({**values, name: choice})
            last = len(values) == len(REPLY_CHOICES) - 1
            text = written if last else written[:-1] + ", "
            row = prompt + model.tokenizer.encode(text, add_special_tokens=False)
            totals.append(plain_log_probability(model, row, len(prompt)))
        values[name] = choices[max(range(len(choices)), key=totals.__getitem__)]
    return values


# gemma2 and mistral keep a window of the cache only, and their window is shorter than the question.
@pytest.mark.parametrize("family", ["qwen2", "llama2", "gemma", "gemma2", "mistral"])
def test_the_choices_are_those_of_a_plain_loop_without_a_cache(judge_of, family):
    judge = judge_of(family)
    request, answer = PAIRS[0]
    (found,) = judge.opinions([(request, answer)])
    assert found.assessment == Assessment(**chosen_by_a_plain_loop(judge.model, request, answer))


@pytest.mark.parametrize("family", ["qwen2", "llama2", "gemma2"])
def test_log_probabilities_are_those_of_a_plain_loop_less_the_common_beginning(judge_of, family):
    judge = judge_of(family)
    model = judge.model
    prompt = model.render("How do I paint the chair?")
    texts = ['{"a": "no", ', '{"a": "not_applicable", ', '{"a": true}']
    rows = [prompt + model.tokenizer.encode(text, add_special_tokens=False) for text in texts]
    shared = next(i for i in range(999) if len({row[i] for row in rows}) > 1)
    assert shared > len(prompt)
    cache = judge.read(prompt)
    expected = torch.tensor([plain_log_probability(model, row, shared) for row in rows])
    for _ in range(2):  # the cache is as good the second time
        found = judge.log_probabilities(prompt[-1], texts, cache)
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    assert len({round(float(value), 3) for value in expected}) == 3


def test_any_model_however_random_gives_a_valid_reply_for_every_answer(judge_of):
    judge = judge_of("qwen2")
    found = list(judge.opinions(PAIRS))
    assert [opinion.reason for opinion in found] == ["", "", ""]
    for opinion in found:
        fields = {name: getattr(opinion.assessment, name) for name in REPLY_CHOICES}
        assert parse(json.dumps(fields)) == opinion.assessment
    assert list(judge.opinions(PAIRS)) == found


def test_an_opinion_does_not_depend_on_its_companions(judge_of):
    judge = judge_of("qwen2")
    together = list(judge.opinions(PAIRS))
    assert [next(judge.opinions([pair])) for pair in PAIRS] == together


def test_what_cannot_be_judged_is_none_with_a_reason(judge_of, tiny):
    judge = judge_of("qwen2")
    answers = ["", " ...\n", "a long story " * 3000]
    found = list(judge.opinions([("How?", answer) for answer in answers]))
    assert [opinion.verdict for opinion in found] == [None] * 3
    assert [opinion.reason for opinion in found[:2]] == ["the answer has no words"] * 2
    assert "too long" in found[2].reason
    judge.model.network.config.max_position_embeddings = (
        len(judge.model.render(question(*PAIRS[0]))) + 5
    )
    (tight,) = judge.opinions(PAIRS[:1])
    assert tight.assessment is None
    assert "no room for a reply" in tight.reason


def test_judging_leaves_no_hook_and_changes_no_later_logits(judge_of):
    model = judge_of("qwen2").model
    row = model.render("How do I paint the chair?")
    before = model.next_token_logits([row])
    list(LocalJudge(model).opinions(PAIRS))
    assert torch.equal(model.next_token_logits([row]), before)


def test_the_provenance_names_model_question_and_source(judge_of):
    model = judge_of("qwen2").model
    found = LocalJudge(inspect("j", model.network, model.tokenizer, provenance={"sha256": "ab"}))
    assert found.provenance == {
        "judge": "j",
        "quantization": "none",
        "sha256": "ab",
        "question_sha256": QUESTION_SHA256,
    }


def test_an_address_opens_a_remote_judge_and_any_other_name_a_local_one(tiny):
    loaded = []

    def load(name: str) -> ChatModel:
        loaded.append(name)
        return tiny

    assert isinstance(open_judge("HTTP://localhost:1/v1#m", load), RemoteJudge)
    assert loaded == []
    judge = open_judge("smollm2-135m-instruct", load)
    assert isinstance(judge, LocalJudge)
    assert judge.model is tiny
    assert loaded == ["smollm2-135m-instruct"]


def test_a_model_that_cannot_be_loaded_is_told_to_the_user():
    def load(name: str) -> ChatModel:
        raise SteeringError(f"{name} is nowhere")

    with pytest.raises(SteeringError, match="is nowhere"):
        open_judge("somebody/else", load)


@pytest.mark.model
def test_the_default_model_judges_in_form():
    """Form, not quality: half a billion parameters are no good judge."""
    if weights.cached(DEFAULT_MODEL) is None:
        pytest.skip("the default model is not on this machine")
    judge = open_judge(DEFAULT_MODEL, loading.load)
    (opinion,) = judge.opinions(PAIRS[:1])
    assert opinion.assessment is not None, opinion.reason
