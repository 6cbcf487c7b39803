"""Finds refusal openers in the model's own answers to the training prompts.

Every training prompt is answered for a few tokens, and the rules on texts say which of these
answers refuse. A token opens refusals if it is likelier, as first token, where they do.
"""

import math
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from steering.artifacts.resumable import Stages
from steering.data.splits import PromptSplits
from steering.inference.answering import answered, chunks_of, requests_for
from steering.inference.sampling import Sampling
from steering.inference.written import KeptText
from steering.interventions.openers import Opener, OpenerTable
from steering.models.chat_model import ChatModel
from steering.verdicts.judgement import Judgement

OPENING_TOKENS: Final = 24
"""Length of these answers (chosen: whole refusals of the models shipped here fit in 20)."""
TABLE_ROWS: Final = 10
"""Tokens that are looked at, and shown (chosen)."""
LIKELIER: Final = 2.0
"""How much likelier an opener has to be where the model refuses (chosen: of as many refusals as
answers, two of three texts that begin so are refusals)."""
LEAST_SHARE: Final = 0.01
"""Mean probability among refusals that an opener has at least (chosen)."""
FEWEST: Final = 8
"""Answers of each kind that are needed to find any (as many as the filter has to leave)."""
_STANDARD_ERRORS: Final = 2.0
"""By which both means have to differ, so that one odd answer makes no opener (chosen)."""
_KEPT: Final = 64
"""First tokens that are kept of an answer; what is less likely counts as impossible."""


@dataclass(frozen=True)
class Opening:
    """How the model begins its answer to one prompt.

    Attributes:
        judgement: What the rules say of the text.
        first: The likeliest first tokens, id to probability.
    """

    judgement: Judgement
    first: dict[int, float]


def search(
    model: ChatModel, splits: PromptSplits, stages: Stages, *, rows: int
) -> OpenerTable | None:
    """Answer the training prompts and return the table of openers.

    Args:
        model: A loaded chat model.
        splits: Its training prompts are answered.
        stages: Keeps the answers, each as soon as it has ended.
        rows: Prompts that are answered at once.

    Returns:
        None where the model refuses, or answers, too few prompts to tell anything.
    """
    return table_of(openings(model, splits, stages, rows=rows), text_of(model))


def openings(model: ChatModel, splits: PromptSplits, stages: Stages, *, rows: int) -> list[Opening]:
    """Return how the model begins its answers to the training prompts, both classes."""
    prompts = {
        f"{name} {number}": row
        for name, texts in splits.train.items()
        for number, row in enumerate(model.render_all(texts, what=f"{name} prompt"))
    }
    keys = list(prompts)

    def answer(todo: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
        wanted = {keys.index(key) for key in todo}
        requests = requests_for(
            model,
            list(prompts.values()),
            [None],
            Sampling(max_new_tokens=OPENING_TOKENS),
            rows=rows,
            wanted=wanted,
        )
        for chunk, found in answered(model, requests, rows=rows):
            texts = found.written.kept(model.template)
            likeliest = found.first.softmax(-1).topk(min(_KEPT, found.first.shape[-1]))
            first = zip(likeliest.indices.tolist(), likeliest.values.tolist(), strict=True)
            for place, text, pairs in zip(chunk, texts, first, strict=True):
                if place in wanted:
                    likely = list(zip(*pairs, strict=True))
                    yield keys[place], {"text": asdict(text), "first": likely}

    chunks = chunks_of(model, list(prompts.values()), 1, rows=rows)
    groups = [[keys[index] for index in chunk] for chunk in chunks]
    kept = stages.streamed(f"openings of {OPENING_TOKENS} tokens", keys, answer, groups=groups)
    return [
        Opening(KeptText(**entry["text"]).judgement, {int(token): p for token, p in entry["first"]})
        for entry in kept
    ]


def table_of(found: Sequence[Opening], text: Callable[[int], str]) -> OpenerTable | None:
    """Return the tokens that open refusals most more often than answers.

    Taken is what is likelier by a factor of 2, by two standard errors, and not rare; texts that
    hedge, evade or cannot be judged count on neither side.

    Args:
        found: How the model begins its answers.
        text: Returns what a token writes.

    Returns:
        None with fewer than 8 refusals or 8 answers.
    """
    refusing = [each.first for each in found if each.judgement.refused]
    answering = [each.first for each in found if each.judgement.verdict == "answered"]
    if min(len(refusing), len(answering)) < FEWEST:
        return None
    tokens = dict.fromkeys(token for each in refusing for token in each)
    rows = [_opener(token, text(token), refusing, answering) for token in tokens]
    rows.sort(key=lambda row: (row.answered - row.refused, row.token))
    leading = tuple(row for row in rows[:TABLE_ROWS] if row.refused > row.answered)
    return OpenerTable(leading, len(refusing), len(answering))


def _opener(
    token: int,
    text: str,
    refusing: Sequence[dict[int, float]],
    answering: Sequence[dict[int, float]],
) -> Opener:
    sides = [[each.get(token, 0.0) for each in side] for side in (refusing, answering)]
    refused, answered_ = map(statistics.fmean, sides)
    error = math.sqrt(sum(statistics.variance(side) / len(side) for side in sides))
    taken = (
        refused >= LIKELIER * answered_
        and refused >= LEAST_SHARE
        and refused - answered_ > _STANDARD_ERRORS * error
    )
    # Rounding may lift a probability above 1.
    return Opener(token, text, min(refused, 1.0), min(answered_, 1.0), taken)


def text_of(model: ChatModel) -> Callable[[int], str]:
    """Return what turns a token of a model into its text."""
    return lambda token: str(model.tokenizer.decode([token]))
