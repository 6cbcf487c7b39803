"""What an edit costs in capability: multiple-choice questions and a small test of code.

A *question* is asked in the chat template; a *completion* is the beginning of a Python function, as
it stands. Both have choices, as answers or as ends, of which the model never reads but one: its
answer is the choice with the highest log-likelihood per character (as lm-evaluation-harness's
`acc_norm` is). So a model that would begin with a refusal still has an answer: what is measured is
whether it knows, not whether it says so. Choices with letters in front, as MMLU has them, measure
nothing on small models: the default model finds A likeliest whatever is asked (see docs/method.md).

Nothing that a model writes is ever run: that would have to be locked in on every machine, and an
edited model writes anything. Completions say whether the model tells right code from wrong, not
whether it writes any.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch

from steering.artifacts.resumable import Stages
from steering.data.questions import Question
from steering.errors import SteeringError
from steering.inference.next_token import ReadRows, answer_losses, by_first_layer, common_length
from steering.interventions.edits import Edit
from steering.interventions.panel import Panel
from steering.maps.steerable_model import SteerableModel
from steering.models.chat_model import ChatModel

_PANELS: Final = 8
"""Panels in one pass (chosen, as for the cost on prose)."""


@dataclass(frozen=True)
class QuestionAnswer:
    """What one panel makes of one question.

    Attributes:
        chosen: The choice that it finds likeliest, from 0; None where its numbers are not finite.
        right: Whether that is the right one.
        share: Probability of the right choice among the choices, 0 to 1.
    """

    chosen: int | None
    right: bool
    share: float


def measure(
    steerable: SteerableModel,
    questions: Sequence[Question],
    panels: Sequence[Panel],
    stages: Stages,
) -> dict[Panel, tuple[QuestionAnswer, ...]]:
    """Ask every panel every question.

    Args:
        steerable: A loaded chat model with its directions.
        questions: In their order.
        panels: What is done to the model; edits act on every token.
        stages: Keeps what is measured, so that a stopped run goes on, and a further panel is the
            only one that is asked.

    Raises:
        SteeringError: If a panel does not fit the model, or nothing predicts an end.
    """
    model, directions = steerable.model, steerable.directions
    edits = {str(panel.resolved(directions)): panel.edit(directions) for panel in panels}
    by_digest = {_digest(question): question for question in questions}
    keys = {(digest, name): json.dumps([digest, name]) for digest in by_digest for name in edits}

    def run(todo: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
        missing: dict[str, list[str]] = {}
        for digest, name in map(json.loads, todo):
            missing.setdefault(digest, []).append(name)
        for digest, names in missing.items():
            asked = {name: edits[name] for name in names}
            for name, scores in _scores(model, by_digest[digest], asked).items():
                yield keys[digest, name], {"scores": scores}

    lines = stages.streamed("capability", list(keys.values()), run)
    found = dict(zip(keys, lines, strict=True))
    return {
        panel: tuple(
            _answered(found[_digest(each), str(panel.resolved(directions))]["scores"], each)
            for each in questions
        )
        for panel in panels
    }


def _digest(question: Question) -> str:
    # What is asked, so that other wording has other scores.
    parts = [question.area, question.text, *question.choices]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def _answered(scores: Sequence[float] | None, question: Question) -> QuestionAnswer:
    if scores is None:
        return QuestionAnswer(None, False, 0.0)
    share = float(torch.tensor(scores, dtype=torch.float64).softmax(0)[question.right])
    chosen = max(range(len(scores)), key=scores.__getitem__)
    return QuestionAnswer(chosen, chosen == question.right, share)


def _scores(
    model: ChatModel, question: Question, edits: Mapping[str, Edit | None]
) -> dict[str, list[float] | None]:
    """Return the log-likelihood of each choice under each edit; None where it is not finite."""
    asked = _completion if question.is_completion else _answer
    of_choices = []
    for choice in question.choices:
        row, length = asked(model, question, choice)
        of_choices.append(_of_end(model, row, length, len(choice), edits))
    raw = {name: [each[name] for each in of_choices] for name in edits}
    return {name: scores if all(map(_is_finite, scores)) else None for name, scores in raw.items()}


def _answer(model: ChatModel, question: Question, choice: str) -> tuple[list[int], int]:
    """Return the tokens of a request with one of its answers, and how many are the answer's."""
    answer = model.template.encode(choice)
    return [*model.render(question.text), *answer], len(answer)


def _completion(model: ChatModel, question: Question, end: str) -> tuple[list[int], int]:
    """Return the tokens of a text with one of its ends, and how many of them are the end's.

    Spaces where the beginning ends belong to the end: tokenizers join them to what follows.
    """
    beginning = question.text.rstrip(" ")
    start = model.tokenizer.bos_token_id
    head = [] if start is None else [int(start)]
    before = [*head, *model.template.encode(beginning)]
    whole = [*head, *model.template.encode(question.text + end)]
    length = len(whole) - common_length([before + whole[-1:], whole])
    if length >= len(whole):
        raise SteeringError(
            f"the end {end[:30]!r} joins the first token of {question.text[:30]!r} in "
            f"{model.name}, so that nothing predicts it; begin the text with a word more"
        )
    return whole, length


def _of_end(
    model: ChatModel,
    row: Sequence[int],
    length: int,
    characters: int,
    edits: Mapping[str, Edit | None],
) -> dict[str, float]:
    """Return the log-likelihood per character of the last tokens of a row under each edit."""
    logits = _under(model, row, length + 1, edits)
    return {
        name: -float(answer_losses(each[None, :-1], [row[-length:]])[0]) / characters
        for name, each in logits.items()
    }


def _under(
    model: ChatModel, row: Sequence[int], keep: int, edits: Mapping[str, Edit | None]
) -> dict[str, torch.Tensor]:
    """Return a row's last logits under every edit: [position, vocab] each, float32, on the CPU.

    Blocks below the first edited one compute what they do in the unedited model: they run once.
    """
    names, listed = list(edits), list(edits.values())
    groups = by_first_layer(listed)
    read, baseline = ReadRows.unedited(model, [row], groups, keep=keep)
    found = dict.fromkeys(names, baseline[0].float().cpu())
    for layer, members in groups.items():
        for some in _parts(members):
            logits = read.under([listed[index] for index in some], layer)
            for index, each in zip(some, logits, strict=True):
                found[names[index]] = each.float().cpu()
    return found


def _parts(members: Sequence[int]) -> Iterable[Sequence[int]]:
    return (members[start : start + _PANELS] for start in range(0, len(members), _PANELS))


def _is_finite(score: float) -> bool:
    return abs(score) < float("inf")
