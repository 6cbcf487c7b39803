"""Answers of a model to sets of prompts under several panels, in batches that survive a kill."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np

from steering.artifacts.resumable import Stages
from steering.defaults import ROWS as ROWS
from steering.errors import SteeringError
from steering.inference.generation import Sampling, answer_perplexity, generate
from steering.inference.metrics import kl_divergence, refusal_score
from steering.inference.written import Written
from steering.interventions.edits import Edit, compile_edits, intervene
from steering.interventions.panel import Panel
from steering.maps.steerable_model import SteerableModel
from steering.models import overflow
from steering.models.chat_model import ChatModel
from steering.verdicts.rules import NOT_FINISHED, Judgement, judge


@dataclass(frozen=True)
class AnswerRow:
    """One prompt under one panel: plain data.

    Attributes:
        group: Name of the prompt set, for example `harmful`.
        prompt: The request.
        panel: The panel's text form.
        text: The answer, without its thinking.
        ended: Whether it ended by itself.
        refusal_score: Of the first token, in nats.
        kl: KL divergence of the first token from the baseline's, in nats.
        perplexity: Of the baseline's answer to this prompt under this panel's edit; None if the
            prompt is not harmless, or the answer empty.
        thinking: What the model thought before; None if it does not think.
        is_answered: Whether the thinking had ended, or there was none.
    """

    group: str
    prompt: str
    panel: str
    text: str
    ended: bool
    refusal_score: float
    kl: float
    perplexity: float | None
    thinking: str | None = None
    is_answered: bool = True

    @cached_property
    def judgement(self) -> Judgement:
        """What the rules say of the answer; not stored, so that better rules judge old texts."""
        return judge(self.text, ended=self.ended) if self.is_answered else NOT_FINISHED


def answer_resumably(
    steerable: SteerableModel,
    sets: Mapping[str, Sequence[str]],
    panels: Sequence[Panel],
    stages: Stages,
    *,
    sampling: Sampling,
    rows_per_batch: int = ROWS,
) -> tuple[list[AnswerRow], float]:
    """Answer every prompt of every set under every panel; a run that was stopped goes on.

    All panels of a prompt are in one batch, so that they are compared under the same rounding;
    the baseline must be the first panel. Every finished batch is kept. Which prompts share a batch
    depends on the arguments alone, not on what is done already: the rows of a run that was stopped
    are those of one that was not, to the last bit.

    Returns:
        All rows, ordered by prompt, then panel, batch after batch; and the seconds that their
        batches took, whenever that was.

    Raises:
        SteeringError: If the first panel is not the baseline, or a panel does not fit the model.
    """
    full = [[str(panel), str(panel.resolved(steerable.directions))] for panel in panels]
    facts = [asdict(sampling), full]
    batches = {
        json.dumps([batch.prompts, *facts, index]): batch
        for index, batch in enumerate(_batches(steerable, sets, panels, rows_per_batch))
    }

    def run(key: str) -> dict[str, Any]:
        began = time.monotonic()
        rows = [asdict(row) for row in batches[key].run(steerable.model, sampling)]
        return {"rows": rows, "seconds": time.monotonic() - began}

    found = stages.lines("answers", list(batches), run)
    rows = [AnswerRow(**row) for entry in found for row in entry["rows"]]
    return rows, sum(entry["seconds"] for entry in found)


def _batches(
    steerable: SteerableModel,
    sets: Mapping[str, Sequence[str]],
    panels: Sequence[Panel],
    rows_per_batch: int,
) -> "list[_Batch]":
    if not panels or panels[0].name != "baseline":
        raise SteeringError("the first panel must be `baseline`: differences are measured from it")
    model = steerable.model
    edits = [panel.edit(steerable.directions) for panel in panels]
    prompts = [(group, prompt) for group, texts in sets.items() for prompt in texts]
    groups = {group: index for index, group in enumerate(sets)}
    ids = [
        row
        for group, texts in sets.items()
        for row in model.render_all(texts, what=f"{group} prompt")
    ]
    sizes = list(map(len, ids))
    order = sorted(range(len(prompts)), key=lambda index: (groups[prompts[index][0]], sizes[index]))
    width = model.together(max(1, rows_per_batch // len(panels)))
    chunks = [order[start : start + width] for start in range(0, len(order), width)]
    return [
        _Batch([prompts[i] for i in chunk], [ids[i] for i in chunk], panels, edits)
        for chunk in chunks
    ]


@dataclass(frozen=True, eq=False)
class _Batch:
    """A few prompts, each under all panels; rows are ordered by prompt, then panel."""

    prompts: list[tuple[str, str]]
    ids: list[list[int]]
    panels: Sequence[Panel]
    edits: Sequence[Edit | None]

    def run(self, model: ChatModel, sampling: Sampling) -> list[AnswerRow]:
        n = len(self.panels)
        rows = [row for row in self.ids for _ in self.panels]
        edits = list(self.edits) * len(self.ids)
        program = compile_edits(edits, device=model.device)
        written = Written(len(rows))
        scores = kls = np.zeros(len(rows))
        for column in generate(model, rows, edits, sampling):
            if column.logits is not None:
                scores = refusal_score(column.logits, model.opener_ids).numpy()
                baseline = column.logits[::n].repeat_interleave(n, dim=0)
                kls = kl_divergence(baseline, column.logits).numpy()
            if any(column.overflowed):
                index = column.overflowed.index(True)
                with intervene(model, program):
                    read = _as_read(model, rows, written.tokens)
                    raise overflow.error(model, read, index, panel=str(self.panels[index % n]))
            written.add(column)
        # What the baseline said, as reference text that each edited model has to predict. On
        # harmful prompts that would be refusals, which edits are meant to make unlikely.
        harmless = [group == "harmless" for group, _ in self.prompts for _ in self.panels]
        reference = [
            written.tokens[row - row % n] if harmless[row] else [] for row in range(len(rows))
        ]
        perplexities = answer_perplexity(model, rows, reference, program=program)
        replies = written.replies(model.template)
        return [
            AnswerRow(
                group=self.prompts[row // n][0],
                prompt=self.prompts[row // n][1],
                panel=str(self.panels[row % n]),
                text=replies[row].answer,
                ended=written.ended[row],
                refusal_score=float(scores[row]),
                kl=float(kls[row]),
                perplexity=perplexities[row],
                thinking=replies[row].thinking,
                is_answered=replies[row].is_answered,
            )
            for row in range(len(rows))
        ]


def _as_read(
    model: ChatModel, rows: Sequence[Sequence[int]], tokens: Sequence[Sequence[int]]
) -> list[list[int]]:
    """Return what the model has read of prompts and answers.

    Rows that ended earlier are filled at their end, as they were while others went on: padding on
    the left is more than every model can read.
    """
    longest = max(map(len, tokens))
    end = min(model.end_ids, default=0)
    return [
        [*row, *answer, *[end] * (longest - len(answer))]
        for row, answer in zip(rows, tokens, strict=True)
    ]


def as_rows(rows: Sequence[AnswerRow]) -> list[dict[str, Any]]:
    """Return rows with their verdicts as JSON types."""
    return [{**asdict(row), **asdict(row.judgement)} for row in rows]
