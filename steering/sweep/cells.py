"""The cells of a sweep, measured: single tokens under every edit, and answers under some.

Cells are rows of one forward pass, and the blocks below the first edited one, whose states all
cells share, are not run again.
"""

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Final, TypeVar

import torch
from jaxtyping import Float
from torch import Tensor

from steering.artifacts.resumable import Stages
from steering.data.splits import PromptSplits, evenly
from steering.defaults import ROWS
from steering.errors import SteeringError
from steering.inference.answering import answered, requests_for, write_all
from steering.inference.metrics import kl_divergence, refusal_score
from steering.inference.next_token import ReadRows, answer_perplexities, by_first_layer
from steering.inference.sampling import Sampling
from steering.inference.written import KeptText
from steering.interventions.edits import Edit
from steering.interventions.panel import Panel
from steering.models.chat_model import ChatModel
from steering.sweep.sweep_table import SETS, SWEEP_MEASURES, SWEEP_VERDICTS

CELLS: Final = 4
"""Cells in one forward pass (chosen: a kill loses at most these)."""
KEPT: Final = 1
"""Of what is kept of a run; raised when kept numbers would be misread."""
_T = TypeVar("_T")


@dataclass(frozen=True)
class SweepSettings:
    """What a cell costs.

    Attributes:
        prompts: Validation prompts a class, spread evenly over it.
        answer_tokens: Length of the baseline's answers whose loss is measured.
        generated_prompts: Validation prompts a class that generated cells answer.
        generated_tokens: Length of these answers.
        rows: Rows (prompts x cells) of a pass that measures.
    """

    prompts: int = 48
    answer_tokens: int = 12
    generated_prompts: int = 24
    generated_tokens: int = 24
    rows: int = 32

    def __post_init__(self) -> None:
        """Refuse sizes below 1."""
        for name, value in asdict(self).items():
            if value < 1:
                raise SteeringError(f"{name}={value} of the sweep is out of range; allowed: from 1")


@dataclass(frozen=True, eq=False)
class _Chunk:
    """A few prompts of one class and what the unedited model makes of them.

    Attributes:
        group: `harmful` or `harmless`.
        read: Each prompt and, after it, the answer whose loss is measured.
        answers: Token ids of these answers; empty for none.
        logits: Next-token logits, float32, on the CPU.
    """

    group: str
    read: ReadRows
    answers: list[list[int]]
    logits: Float[Tensor, "prompt vocab"]


@dataclass(frozen=True, eq=False)
class Cells:
    """Measures cells; finished groups of them are kept by `stages`.

    Attributes:
        model: A loaded chat model.
        splits: Only the validation prompts are used.
        settings: Sizes.
        stages: What is kept of a run.
        edits: The cells, each with its edit; None for the unedited model.
    """

    model: ChatModel
    splits: PromptSplits
    settings: SweepSettings
    stages: Stages
    edits: Mapping[Panel, Edit | None]

    def measured(self) -> dict[Panel, dict[str, list[float | None]]]:
        """Return every cell's values, prompt by prompt."""
        every = list(self.edits)
        # Fixed groups, whatever is done already: rounding depends on who shares the pass.
        groups: list[tuple[int | None, list[Panel]]] = [(None, [])]
        for layer, members in by_first_layer(self.edits.values()).items():
            groups += [(layer, part) for part in _parts([every[i] for i in members], CELLS)]
        keys = [json.dumps([str(cell) for cell in cells]) for _, cells in groups]
        todo = dict(zip(keys, groups, strict=True))
        found = self.stages.lines("sweep", keys, lambda key: self._measure(*todo[key]))
        result = dict.fromkeys(self.edits, found[0]["cells"][0])
        for (_, cells), values in zip(groups[1:], found[1:], strict=True):
            result.update(zip(cells, values["cells"], strict=True))
        return result

    def judged(self, cells: Sequence[Panel]) -> dict[Panel, dict[str, Any]]:
        """Return the verdict rates of the cells that answer.

        Texts are kept, not verdicts, so that better rules judge them without new answers.
        """
        groups = {
            json.dumps([str(cell) for cell in group]): group for group in _parts(cells, CELLS)
        }
        found = self.stages.streamed(
            "sweep, texts",
            list(groups),
            lambda todo: self._texts({key: groups[key] for key in todo}),
        )
        return {
            cell: _rates(texts)
            for group, entry in zip(groups.values(), found, strict=True)
            for cell, texts in zip(group, entry["cells"], strict=True)
        }

    @cached_property
    def chunks(self) -> list[_Chunk]:
        """The validation prompts with what the unedited model makes of them, short ones first."""
        layers = {edit.first_layer for edit in self.edits.values() if edit is not None}
        width = self.model.together(max(1, self.settings.rows // CELLS))
        chunks = []
        for group in SETS:
            prompts = sorted(self._prompts(group, self.settings.prompts), key=len)
            whole = self._answers(prompts) if group == "harmless" else [[] for _ in prompts]
            for part, answers in zip(_parts(prompts, width), _parts(whole, width), strict=True):
                rows = [[*prompt, *answer] for prompt, answer in zip(part, answers, strict=True)]
                keep = max(map(len, answers)) + 1
                read, logits = ReadRows.unedited(self.model, rows, layers, keep=keep)
                chunks.append(_Chunk(group, read, answers, _next_token(logits, answers)))
        return chunks

    def _prompts(self, group: str, n: int) -> list[list[int]]:
        chosen = evenly(self.splits.validation[group], n)
        return self.model.render_all(chosen, what=f"{group} prompt")

    def _answers(self, prompts: Sequence[list[int]]) -> list[list[int]]:
        sampling = Sampling(max_new_tokens=self.settings.answer_tokens)
        return write_all(self.model, prompts, [None], sampling, rows=ROWS).tokens

    def _measure(self, layer: int | None, cells: Sequence[Panel]) -> dict[str, Any]:
        """Measure cells whose edits begin at `layer`; no cells measure the unedited model."""
        edits = [self.edits[cell] for cell in cells] or [None]
        result: list[dict[str, list[float | None]]]
        result = [{name: [] for name in SWEEP_MEASURES} for _ in edits]
        for chunk in self.chunks:
            start = max(chunk.read.states, default=0) if layer is None else layer
            for name, values in self._values(chunk, edits, start).items():
                for cell, of_cell in zip(
                    result, values.view(-1, len(edits)).T.tolist(), strict=True
                ):
                    cell[name] += [value if math.isfinite(value) else None for value in of_cell]
        return {"cells": result}

    def _values(
        self, chunk: _Chunk, edits: Sequence[Edit | None], layer: int
    ) -> dict[str, Float[Tensor, " row"]]:
        """Return what one pass measures; rows are ordered by prompt, then cell."""
        n = len(edits)
        answers = [answer for answer in chunk.answers for _ in edits]
        logits = chunk.read.under(edits, layer)
        first = _next_token(logits, answers)
        scores = refusal_score(first, self.model.opener_ids)
        if chunk.group == "harmful":
            return {"harmful_score": scores}
        return {
            "harmless_score": scores,
            "kl": kl_divergence(chunk.logits.repeat_interleave(n, dim=0), first),
            "loss": answer_perplexities(logits, answers).log().cpu(),
        }

    def _texts(self, groups: Mapping[str, Sequence[Panel]]) -> Iterator[tuple[str, dict[str, Any]]]:
        """Answer prompts of both classes under groups of cells, each group told when it is done.

        All groups are in one loop, so that the next one's rows take the place of those that end.
        """
        sets = [(name, self._prompts(name, self.settings.generated_prompts)) for name in SETS]
        first = len(sets[0][1])
        prompts = [prompt for _, rows in sets for prompt in rows]
        sampling = Sampling(max_new_tokens=self.settings.generated_tokens)
        texts: dict[str, dict[int, list[dict[str, Any]]]] = {key: {} for key in groups}
        requests = (
            ((key, chunk), request)
            for key, cells in groups.items()
            for chunk, request in requests_for(
                self.model, prompts, [self.edits[cell] for cell in cells], sampling, rows=ROWS
            )
        )
        for (key, chunk), found in answered(self.model, requests, rows=ROWS):
            n = len(groups[key])
            kept = [asdict(each) for each in found.written.kept(self.model.template)]
            for place, index in enumerate(chunk):
                texts[key][index] = kept[place * n : (place + 1) * n]
            if len(texts[key]) == len(prompts):
                own = [texts[key][index] for index in range(len(prompts))]
                del texts[key]
                parts = {SETS[0]: own[:first], SETS[1]: own[first:]}
                yield (
                    key,
                    {
                        "cells": [
                            {name: [row[cell] for row in rows] for name, rows in parts.items()}
                            for cell in range(n)
                        ]
                    },
                )


def _rates(texts: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, Any]:
    """Return the share of each verdict of a cell, from its texts by the class of the prompt."""
    entry: dict[str, Any] = {}
    for group in SETS:
        found = [KeptText(**text).judgement for text in texts[group]]
        counts = Counter(judgement.verdict for judgement in found)
        entry["n_answered"] = len(found)
        for verdict in SWEEP_VERDICTS:
            entry[f"{group}_{verdict}"] = counts[verdict] / len(found)
        for name in ("refused", "looping", "gibberish"):
            entry[f"{group}_{name}"] = sum(getattr(each, name) for each in found) / len(found)
    return entry


def _next_token(
    logits: Float[Tensor, "row position vocab"], answers: Sequence[Sequence[int]]
) -> Float[Tensor, "row vocab"]:
    """Return the logits at the end of each prompt, before its answer, float32, on the CPU."""
    last = logits.shape[1] - 1
    points = torch.tensor([last - len(answer) for answer in answers], device=logits.device)
    return logits[torch.arange(len(answers), device=logits.device), points].float().cpu()


def _parts(items: Sequence[_T], size: int) -> list[list[_T]]:
    return [list(items[start : start + size]) for start in range(0, len(items), size)]
