"""The cells of a sweep, measured: single tokens under every edit, and answers under some.

Cells are rows of one forward pass, and the blocks below the first edited one, whose states all
cells share, are not run again.
"""

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Final, TypeVar

import torch
from jaxtyping import Float
from torch import Tensor

from steering.artifacts.resumable import Stages
from steering.data.splits import PromptSplits
from steering.errors import SteeringError
from steering.inference.comparison import OVERFLOWED
from steering.inference.generation import Sampling, generate
from steering.inference.metrics import kl_divergence, perplexity, refusal_score
from steering.interventions.edits import Edit, compile_edits, intervene
from steering.interventions.panel import Panel
from steering.models.chat_model import ChatModel, TokenBatch, reading
from steering.models.partial_passes import starting_at
from steering.sweep.sweep_table import SETS, SWEEP_MEASURES, SWEEP_VERDICTS
from steering.verdicts.rules import NOT_FINISHED, Judgement, judge

CELLS: Final = 4
"""Cells in one forward pass (chosen: a kill loses at most these)."""
T = TypeVar("T")


@dataclass(frozen=True)
class SweepSettings:
    """What a cell costs.

    Attributes:
        prompts: Validation prompts a class, spread evenly over it.
        answer_tokens: Length of the baseline's answers whose loss is measured.
        generated_prompts: Validation prompts a class that generated cells answer.
        generated_tokens: Length of these answers.
        rows: Rows (prompts x cells) of a forward pass.
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
        rows: Token ids of each prompt and, after it, of the answer whose loss is measured.
        lengths: Tokens of each answer; 0 for none.
        states: The residual stream of each prompt at the layers where edits begin.
        logits: Next-token logits, float32, on the CPU.
    """

    group: str
    rows: list[list[int]]
    lengths: list[int]
    states: Mapping[int, Float[Tensor, "prompt position d_model"]]
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
        active: dict[int, list[Panel]] = {}
        for cell, edit in self.edits.items():
            if edit is not None and not edit.is_identity:
                active.setdefault(_first_layer(edit), []).append(cell)
        # Fixed groups, whatever is done already: rounding depends on who shares the pass.
        groups: list[tuple[int | None, list[Panel]]] = [(None, [])]
        for layer, cells in sorted(active.items()):
            groups += [(layer, part) for part in _parts(cells, CELLS)]
        keys = [json.dumps([str(cell) for cell in cells]) for _, cells in groups]
        todo = dict(zip(keys, groups, strict=True))
        found = self.stages.lines("sweep", keys, lambda key: self._measure(*todo[key]))
        result = dict.fromkeys(self.edits, found[0]["cells"][0])
        for (_, cells), values in zip(groups[1:], found[1:], strict=True):
            result.update(zip(cells, values["cells"], strict=True))
        return result

    def judged(self, cells: Sequence[Panel]) -> dict[Panel, dict[str, Any]]:
        """Return the verdict rates of the cells that answer."""
        groups = _parts(cells, CELLS)
        keys = [json.dumps([str(cell) for cell in group]) for group in groups]
        todo = dict(zip(keys, groups, strict=True))
        found = self.stages.lines("sweep, answers", keys, lambda key: self._judge(todo[key]))
        return {
            cell: rates
            for group, entry in zip(groups, found, strict=True)
            for cell, rates in zip(group, entry["cells"], strict=True)
        }

    @cached_property
    def chunks(self) -> list[_Chunk]:
        """The validation prompts with what the unedited model makes of them, short ones first."""
        layers = {_first_layer(edit) for edit in self.edits.values() if edit is not None}
        width = self.model.together(max(1, self.settings.rows // CELLS))
        chunks = []
        for group in SETS:
            prompts = sorted(self._prompts(group, self.settings.prompts), key=len)
            for part in _parts(prompts, width):
                answers = self._answers(part) if group == "harmless" else [[] for _ in part]
                rows = [[*prompt, *answer] for prompt, answer in zip(part, answers, strict=True)]
                lengths = list(map(len, answers))
                with torch.inference_mode(), reading(self.model, sorted(layers)) as states:
                    logits = self._forward(self.model.batch(rows), max(lengths) + 1)
                first = _next_token(logits, lengths).float().cpu()
                chunks.append(_Chunk(group, rows, lengths, dict(states), first))
        return chunks

    def _prompts(self, group: str, n: int) -> list[list[int]]:
        texts = self.splits.validation[group]
        size = min(n, len(texts))
        chosen = [texts[index * len(texts) // size] for index in range(size)]
        return self.model.render_all(chosen, what=f"{group} prompt")

    def _answers(self, prompts: Sequence[list[int]]) -> list[list[int]]:
        sampling = Sampling(max_new_tokens=self.settings.answer_tokens)
        columns = list(generate(self.model, prompts, {}, sampling))
        rows = zip(*(column.tokens for column in columns), strict=True)
        return [[token for token in row if token is not None] for row in rows]

    def _measure(self, layer: int | None, cells: Sequence[Panel]) -> dict[str, Any]:
        """Measure cells whose edits begin at `layer`; no cells measure the unedited model."""
        edits = [self.edits[cell] for cell in cells] or [None]
        result: list[dict[str, list[float | None]]]
        result = [{name: [] for name in SWEEP_MEASURES} for _ in edits]
        for chunk in self.chunks:
            start = max(chunk.states, default=0) if layer is None else layer
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
        batch = self.model.batch([row for row in chunk.rows for _ in edits])
        lengths = [length for length in chunk.lengths for _ in edits]
        longest = max(lengths)
        program = compile_edits(list(edits) * len(chunk.rows), device=self.model.device)
        states = chunk.states[layer].repeat_interleave(n, dim=0) if layer else None
        with (
            torch.inference_mode(),
            starting_at(self.model, layer, states),
            intervene(self.model, program),
        ):
            logits = self._forward(batch, longest + 1)
        first = _next_token(logits, lengths).float().cpu()
        scores = refusal_score(first, self.model.opener_ids)
        if chunk.group == "harmful":
            return {"harmful_score": scores}
        points = torch.arange(longest, 0, -1)[None]
        mask = (points <= torch.tensor(lengths)[:, None]).to(self.model.device)
        tokens = batch.tokens[:, batch.tokens.shape[1] - longest :]
        return {
            "harmless_score": scores,
            "kl": kl_divergence(chunk.logits.repeat_interleave(n, dim=0), first),
            "loss": perplexity(logits[:, :-1], tokens, mask).log().cpu(),
        }

    def _forward(self, batch: TokenBatch, keep: int) -> Float[Tensor, "row position vocab"]:
        output = self.model.network(
            input_ids=batch.tokens,
            attention_mask=batch.mask,
            position_ids=batch.positions,
            logits_to_keep=keep,
            use_cache=False,
        )
        return output.logits  # type: ignore[no-any-return]

    def _judge(self, cells: Sequence[Panel]) -> dict[str, Any]:
        """Answer prompts of both classes under every cell and count the verdicts."""
        rates: list[dict[str, Any]] = [{} for _ in cells]
        for group in SETS:
            prompts = sorted(self._prompts(group, self.settings.generated_prompts), key=len)
            judgements: list[list[Judgement]] = [[] for _ in cells]
            width = self.model.together(max(1, self.settings.rows // len(cells)))
            for part in _parts(prompts, width):
                for row, judgement in enumerate(self._answered(part, cells)):
                    judgements[row % len(cells)].append(judgement)
            for entry, found in zip(rates, judgements, strict=True):
                counts = Counter(judgement.verdict for judgement in found)
                entry["n_answered"] = len(found)
                for verdict in SWEEP_VERDICTS:
                    entry[f"{group}_{verdict}"] = counts[verdict] / len(found)
                entry[f"{group}_looping"] = sum(each.looping for each in found) / len(found)
        return {"cells": rates}

    def _answered(self, prompts: Sequence[list[int]], cells: Sequence[Panel]) -> list[Judgement]:
        rows = [prompt for prompt in prompts for _ in cells]
        edits = [self.edits[cell] for cell in cells] * len(prompts)
        program = compile_edits(edits, device=self.model.device)
        sampling = Sampling(max_new_tokens=self.settings.generated_tokens)
        columns = list(generate(self.model, rows, program, sampling))
        texts = zip(*(column.tokens for column in columns), strict=True)
        replies = [self.model.template.split([t for t in text if t is not None]) for text in texts]
        return [
            OVERFLOWED
            if overflowed
            else judge(reply.answer, ended=ended)
            if reply.is_answered
            else NOT_FINISHED
            for reply, ended, overflowed in zip(
                replies, columns[-1].ended, columns[-1].overflowed, strict=True
            )
        ]


def _next_token(
    logits: Float[Tensor, "row position vocab"], lengths: Sequence[int]
) -> Float[Tensor, "row vocab"]:
    """Return the logits at the end of each prompt, that many tokens before the last position."""
    last = logits.shape[1] - 1
    points = torch.tensor([last - length for length in lengths], device=logits.device)
    return logits[torch.arange(len(lengths), device=logits.device), points]


def _first_layer(edit: Edit) -> int:
    return min(layer for layer, _ in edit.sites)


def _parts(items: Sequence[T], size: int) -> list[list[T]]:
    return [list(items[start : start + size]) for start in range(0, len(items), size)]
