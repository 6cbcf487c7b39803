"""Tables: how often each panel refuses, loops, and what it costs on harmless text.

A refusal rate never stands alone: the looping rate is beside it, since broken text often holds a
refusal phrase (Rocchetti & Ferrara 2026), and every rate carries n and a 95 % Wilson interval.
"""

from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from statistics import fmean
from typing import Any

import numpy as np

from steering.comparison import readable
from steering.directions import Directions
from steering.errors import SteeringError
from steering.generation import Sampling, answer_perplexity, generate
from steering.intervention import Edit, compile_edits
from steering.judge import Judgement, contains_refusal_phrase, judge
from steering.metrics import kl_divergence, refusal_score, wilson
from steering.model import ChatModel
from steering.panel import Panel

ROWS = 32
"""Rows per batch on a CPU: beyond it a step's time grows with the rows (measured)."""


@dataclass(frozen=True)
class Row:
    """One prompt under one panel: plain data.

    Attributes:
        group: Name of the prompt set, for example `harmful`.
        prompt: The request.
        panel: The panel's text form.
        text: The answer.
        ended: Whether it ended by itself.
        refusal_score: Of the first token, in nats.
        kl: KL divergence of the first token from the baseline's, in nats.
        perplexity: Of the baseline's answer to this prompt under this panel's edit.
    """

    group: str
    prompt: str
    panel: str
    text: str
    ended: bool
    refusal_score: float
    kl: float
    perplexity: float | None

    @cached_property
    def judgement(self) -> Judgement:
        """What the rules say of the answer; not stored, so that better rules judge old texts."""
        return judge(self.text, ended=self.ended)


def answer_all(
    model: ChatModel,
    directions: Directions,
    sets: Mapping[str, Sequence[str]],
    panels: Sequence[Panel],
    *,
    sampling: Sampling,
    rows_per_batch: int = ROWS,
) -> Generator[list[Row]]:
    """Answer every prompt of every set under every panel, a batch at a time.

    All panels of a prompt are in one batch, so that they are compared under the same rounding;
    the baseline must be the first panel. Closing the generator stops the work.

    Yields:
        The rows of a batch, ordered by prompt, then panel.

    Raises:
        SteeringError: If the first panel is not the baseline, or a panel does not fit the model.
    """
    if not panels or panels[0].name != "baseline":
        raise SteeringError("the first panel must be `baseline`: differences are measured from it")
    directions.require(model.name, n_layers=model.n_layers, d_model=model.d_model)
    edits = [panel.edit(directions) for panel in panels]
    prompts = [(group, prompt) for group, texts in sets.items() for prompt in texts]
    ids = [model.render(prompt) for _, prompt in prompts]
    order = sorted(range(len(prompts)), key=lambda index: len(ids[index]))
    width = max(1, rows_per_batch // len(panels))
    for start in range(0, len(order), width):
        chunk = order[start : start + width]
        batch = _Batch([prompts[i] for i in chunk], [ids[i] for i in chunk], panels, edits)
        yield batch.run(model, sampling)


@dataclass(frozen=True, eq=False)
class _Batch:
    """A few prompts, each under all panels; rows are ordered by prompt, then panel."""

    prompts: list[tuple[str, str]]
    ids: list[list[int]]
    panels: Sequence[Panel]
    edits: Sequence[Edit | None]

    def run(self, model: ChatModel, sampling: Sampling) -> list[Row]:
        n = len(self.panels)
        rows = [row for row in self.ids for _ in self.panels]
        program = compile_edits(list(self.edits) * len(self.ids), device=model.device)
        tokens: list[list[int]] = [[] for _ in rows]
        ended = [False] * len(rows)
        scores = kls = np.zeros(len(rows))
        for column in generate(model, rows, program, sampling):
            if column.logits is not None:
                scores = refusal_score(column.logits, model.opener_ids).numpy()
                baseline = column.logits[::n].repeat_interleave(n, dim=0)
                kls = kl_divergence(baseline, column.logits).numpy()
            for row, token in enumerate(column.tokens):
                if token is not None:
                    tokens[row].append(token)
            ended = list(column.ended)
        # What the baseline said, as reference text that each edited model has to predict.
        reference = [tokens[row - row % n] for row in range(len(rows))]
        perplexities = answer_perplexity(model, rows, reference, program=program)
        return [
            Row(
                group=self.prompts[row // n][0],
                prompt=self.prompts[row // n][1],
                panel=str(self.panels[row % n]),
                text=readable(model, tokens[row]),
                ended=ended[row],
                refusal_score=float(scores[row]),
                kl=float(kls[row]),
                perplexity=perplexities[row],
            )
            for row in range(len(rows))
        ]


def table(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return one entry per panel, in order of first appearance, with its numbers on every set.

    `perplexity` is the median over harmless prompts of the perplexity that the edited model gives
    the baseline's answers, `kl` the mean KL divergence of the first token there, in nats.
    """
    entries = []
    for panel in dict.fromkeys(row.panel for row in rows):
        own = [row for row in rows if row.panel == panel]
        entry: dict[str, Any] = {"panel": panel}
        for group in dict.fromkeys(row.group for row in own):
            entry[group] = _rates([row for row in own if row.group == group])
        harmless = [row for row in own if row.group == "harmless"]
        measured = [row.perplexity for row in harmless if row.perplexity is not None]
        entry["perplexity"] = float(np.median(measured)) if measured else None
        entry["kl"] = fmean(row.kl for row in harmless) if harmless else None
        entries.append(entry)
    return entries


def _rates(rows: Sequence[Row]) -> dict[str, Any]:
    n = len(rows)
    verdicts = Counter(row.judgement.verdict for row in rows)
    interval = wilson(verdicts["refused"], n)
    return {
        "n": n,
        "refusal_rate": interval.estimate,
        "refusal_rate_ci": [interval.low, interval.high],
        "substring_rate": sum(contains_refusal_phrase(row.text) for row in rows) / n,
        "looping_rate": sum(row.judgement.looping for row in rows) / n,
        "verdicts": dict(sorted(verdicts.items())),
        "refusal_score": fmean(row.refusal_score for row in rows),
    }


def as_rows(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return rows with their verdicts as JSON types."""
    return [{**asdict(row), **asdict(row.judgement)} for row in rows]


def markdown(entries: Sequence[Mapping[str, Any]]) -> str:
    """Return a table of `table()` as Markdown: refusal rate with its interval, looping, cost."""
    groups = [name for name in ("harmful", "harmless", "borderline") if name in entries[0]]
    head = ["panel", *(f"{name} refused" for name in groups), "looping", "perplexity", "KL"]
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for entry in entries:
        cells = [f"`{entry['panel']}`"]
        for name in groups:
            cells.append(_rate_cell(entry[name]) if name in entry else "–")
        looping = max(entry[name]["looping_rate"] for name in groups if name in entry)
        cost = [entry["perplexity"], entry["kl"]]
        cells += [f"{looping:.2f}", *("–" if x is None else f"{x:.2f}" for x in cost)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _rate_cell(rates: Mapping[str, Any]) -> str:
    low, high = rates["refusal_rate_ci"]
    return f"{rates['refusal_rate']:.2f} [{low:.2f}, {high:.2f}]"
