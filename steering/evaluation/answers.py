"""Answers of a model to sets of prompts under several panels, kept prompt by prompt."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from steering.artifacts.resumable import Stages
from steering.defaults import ROWS as ROWS
from steering.errors import SteeringError
from steering.inference.answering import Answered, answered, chunks_of, requests_for
from steering.inference.generation import Sampling, answer_perplexity
from steering.inference.metrics import kl_divergence, refusal_score
from steering.interventions.edits import Edit, compile_edits, intervene
from steering.interventions.panel import Panel
from steering.maps.steerable_model import SteerableModel
from steering.models import overflow
from steering.models.chat_model import ChatModel
from steering.verdicts.judgement import NOT_FINISHED, Judgement
from steering.verdicts.rules import judge


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

    All panels of a prompt are in one request, and a prompt is kept when all answers of its request
    have ended. Which prompts share a request depends on the arguments alone, not on what is done
    already, so refusal scores, divergences and, of the same texts, perplexities are the same to the
    last bit however often a run was stopped. Texts come from steps that are shared with whoever is
    in the loop, which does depend on it: they are the same but for tokens between which rounding
    decides.

    Returns:
        All rows, ordered by set, length of the prompt, then panel; and the seconds that they took,
        whenever that was.

    Raises:
        SteeringError: If the first panel is not the baseline, or a panel does not fit the model.
    """
    if not panels or panels[0].name != "baseline":
        raise SteeringError("the first panel must be `baseline`: differences are measured from it")
    full = [[str(panel), str(panel.resolved(steerable.directions))] for panel in panels]
    edits = [panel.edit(steerable.directions) for panel in panels]
    asked: dict[str, _Prompt] = {}
    keys = []
    for group, texts in sets.items():
        rendered = steerable.model.render_all(texts, what=f"{group} prompt")
        for text, ids in sorted(zip(texts, rendered, strict=True), key=lambda pair: len(pair[1])):
            keys.append(json.dumps([group, text, asdict(sampling), full]))
            asked[keys[-1]] = _Prompt(group, text, ids)
    work = _Work(steerable.model, panels, edits, list(asked.values()), sampling, rows_per_batch)
    places = {key: place for place, key in enumerate(asked)}

    def run(todo: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
        began = time.monotonic()
        missing = {places[key]: key for key in todo}
        for place, rows in work.answers(missing.keys()):
            now = time.monotonic()
            yield missing[place], {"rows": [asdict(row) for row in rows], "seconds": now - began}
            began = now

    found = stages.streamed("answers", keys, run, groups=work.together(list(asked)))
    rows = [AnswerRow(**row) for entry in found for row in entry["rows"]]
    return rows, sum(entry["seconds"] for entry in found)


@dataclass(frozen=True)
class _Prompt:
    group: str
    text: str
    ids: list[int]


@dataclass(frozen=True, eq=False)
class _Work:
    """What is done to every prompt."""

    model: ChatModel
    panels: Sequence[Panel]
    edits: Sequence[Edit | None]
    prompts: Sequence[_Prompt]
    sampling: Sampling
    rows: int

    def together(self, keys: Sequence[str]) -> list[list[str]]:
        """Return which of the prompts' keys share a request."""
        ids = [prompt.ids for prompt in self.prompts]
        chunks = chunks_of(self.model, ids, len(self.panels), rows=self.rows)
        return [[keys[index] for index in chunk] for chunk in chunks]

    def answers(self, wanted: AbstractSet[int]) -> Iterator[tuple[int, list[AnswerRow]]]:
        """Yield the rows of each wanted prompt, ordered by panel, as they are finished."""
        prompts = self.prompts
        requests = requests_for(
            self.model,
            [prompt.ids for prompt in prompts],
            self.edits,
            self.sampling,
            rows=self.rows,
            wanted=wanted,
        )
        for chunk, found in answered(self.model, requests, rows=self.rows):
            if any(found.written.overflowed):
                raise self._overflow(found)
            perplexities = self._perplexities([prompts[index] for index in chunk], found)
            replies = found.written.replies(self.model.template)
            scores = refusal_score(found.first, self.model.opener_ids).tolist()
            n = len(self.panels)
            baseline = found.first[::n].repeat_interleave(n, dim=0)
            kls = kl_divergence(baseline, found.first).tolist()
            for place, index in enumerate(chunk):
                if index not in wanted:
                    continue
                yield (
                    index,
                    [
                        AnswerRow(
                            group=prompts[index].group,
                            prompt=prompts[index].text,
                            panel=str(self.panels[row % n]),
                            text=replies[row].answer,
                            ended=found.written.ended[row],
                            refusal_score=scores[row],
                            kl=kls[row],
                            perplexity=perplexities[row],
                            thinking=replies[row].thinking,
                            is_answered=replies[row].is_answered,
                        )
                        for row in range(place * n, (place + 1) * n)
                    ],
                )

    def _perplexities(self, prompts: Sequence[_Prompt], found: Answered) -> list[float | None]:
        """Measure what the baseline said, as text that each edited model has to predict.

        On harmful prompts that would be refusals, which edits are meant to make unlikely.
        """
        n = len(self.panels)
        request = found.request
        harmless = [prompt.group == "harmless" for prompt in prompts for _ in self.panels]
        reference = [
            found.written.tokens[row - row % n] if harmless[row] else []
            for row in range(len(request.rows))
        ]
        return answer_perplexity(
            self.model, request.rows, reference, edits=request.edits, read=request.every_read
        )

    def _overflow(self, found: Answered) -> SteeringError:
        """Return the error of the first row whose edit left no finite numbers."""
        row = found.written.overflowed.index(True)
        read = [*found.request.rows[row], *found.written.tokens[row]]
        program = compile_edits([found.request.edits[row]], device=self.model.device)
        with intervene(self.model, program):
            panel = str(self.panels[row % len(self.panels)])
            return overflow.error(self.model, [read], 0, panel=panel)


def as_rows(rows: Sequence[AnswerRow]) -> list[dict[str, Any]]:
    """Return rows with their verdicts as JSON types."""
    return [
        {**asdict(row), **asdict(row.judgement), "refused": row.judgement.refused} for row in rows
    ]
