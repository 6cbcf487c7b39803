"""Fit format by run format: do directions and maps of one number format serve in another?

For every pair: how alike the directions are when they are fitted in both, how far the training
prompts land from where the fit format puts them, and how many harmful validation prompts are still
refused under directional ablation and flipping. Every run format answers with the directions of
every fit format in one batch, so that rates are paired over prompts and fits.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

import torch

from steering import drift
from steering.comparison import readable
from steering.defaults import TRANSFER_PROMPTS
from steering.directions import Directions
from steering.generation import Sampling, generate
from steering.intervention import Edit, compile_edits
from steering.judge import judge
from steering.landing import CLASSES
from steering.model import ChatModel
from steering.number_formats import Format
from steering.panel import parse
from steering.provenance import machine
from steering.refit import Refit, agreement, refit
from steering.splits import PromptSplits
from steering.stages import Stages
from steering.statistics import paired_difference, wilson

SCHEMA: Final = 1
PANELS: Final = ("ablation", "flip")
"""The paper's two strongest edits, with the settings of the directions in use."""
TOKENS: Final = 32
"""Length of an answer; a refusal shows early."""
ROWS: Final = 32
"""Rows per batch, about: whole prompts under all edits."""


Load = Callable[[Format], ChatModel]
"""Loads the model in a format; it is called twice for each, and only one is in memory at a time."""


def transfer(
    load: Load,
    directions: Directions,
    splits: PromptSplits,
    chosen: Sequence[Format],
    *,
    prompts: int = TRANSFER_PROMPTS,
) -> dict[str, Any]:
    """Measure the table; every stage is kept on disk, so that a run that was stopped goes on.

    Args:
        load: Loads the model in a format.
        directions: The shipped directions; say the places, rank and model.
        splits: Training prompts to fit on, harmful validation prompts to answer.
        chosen: The formats, each of which is fitted in and run in.
        prompts: How many prompts are answered.

    Returns:
        The document that `transfer.json` holds.
    """
    fits: dict[Format, Refit] = {}
    facts: dict[str, Any] = {}
    for each in chosen:
        model = load(each)
        fits[each] = refit(model, directions, splits, Stages.of(model, splits.source, "refit"))
        facts = {"weights": dict(model.provenance), **machine(model)}
        del model
    asked = _evenly(splits.validation["harmful"], prompts)
    pairs: list[dict[str, Any]] = []
    baselines: list[dict[str, Any]] = []
    for run in chosen:
        model = load(run)
        verdicts = _refused(model, run, fits, asked, splits.source)
        del model
        baselines.append({"run": run.name, "refused": _rate(verdicts["baseline"])})
        pairs += [_pair(fit, run, fits, verdicts) for fit in chosen]
    return {
        "schema": SCHEMA,
        "model": directions.model,
        "n": len(asked),
        "n_train": {name: len(splits.train[name]) for name in CLASSES},
        "tokens": TOKENS,
        "dim_place": list(directions.dim_place),
        "inlp_place": list(directions.inlp_place),
        "formats": [
            asdict(each)
            | {"name": each.name, "kept": fits[each].kept}
            | {"inlp_rank": fits[each].directions.subspace("inlp", directions.inlp_place).rank}
            for each in chosen
        ],
        "baseline": baselines,
        "pairs": pairs,
        "provenance": facts | {"prompts": splits.source},
    }


def _refused(
    model: ChatModel,
    run: Format,
    fits: Mapping[Format, Refit],
    asked: Sequence[str],
    source: str,
) -> dict[str, list[bool]]:
    """Return whether each prompt is refused, by `baseline` and by `fit name/panel`."""
    edits: dict[str, Edit | None] = {"baseline": None}
    for fit, found in fits.items():
        for panel in PANELS:
            edits[f"{fit.name}/{panel}"] = parse(panel).edit(found.directions)
    stages = Stages.of(model, source, "transfer", run.name, list(edits), TOKENS)
    width = max(1, ROWS // len(edits))
    order = sorted(asked, key=len)
    chunks = {
        "\n".join(order[start : start + width]): order[start : start + width]
        for start in range(0, len(order), width)
    }

    def answer(key: str) -> dict[str, Any]:
        rows = [model.render(text) for text in chunks[key] for _ in edits]
        program = compile_edits(list(edits.values()) * len(chunks[key]), device=model.device)
        return {"texts": _texts(model, rows, program)}

    answers = stages.lines(f"answers in {run.name}", list(chunks), answer)
    flat = [text for entry in answers for text in entry["texts"]]
    refused = [judge(text, ended=ended).verdict in ("refused", "hedged") for text, ended in flat]
    return {name: refused[index :: len(edits)] for index, name in enumerate(edits)}


def _texts(model: ChatModel, rows: Sequence[Sequence[int]], program: Any) -> list[tuple[str, bool]]:  # noqa: ANN401
    tokens: list[list[int]] = [[] for _ in rows]
    ended = [False] * len(rows)
    for column in generate(model, rows, program, Sampling(max_new_tokens=TOKENS)):
        for row, token in enumerate(column.tokens):
            if token is not None:
                tokens[row].append(token)
        ended = list(column.ended)
    return [(readable(model, each), done) for each, done in zip(tokens, ended, strict=True)]


def _pair(
    fit: Format,
    run: Format,
    fits: Mapping[Format, Refit],
    verdicts: Mapping[str, list[bool]],
) -> dict[str, Any]:
    there, here = fits[fit], fits[run]
    chart = there.chart
    states = torch.cat([here.states[name] for name in CLASSES])
    labels = [name for name in CLASSES for _ in here.states[name]]
    moved = drift.compare(chart, states, range(len(labels)), labels)
    refused = {
        panel: _rate(verdicts[f"{fit.name}/{panel}"])
        | {
            # Against the directions that were fitted in the format they run in.
            "difference": _difference(
                verdicts[f"{run.name}/{panel}"], verdicts[f"{fit.name}/{panel}"]
            ),
            "from_baseline": _difference(verdicts["baseline"], verdicts[f"{fit.name}/{panel}"]),
        }
        for panel in PANELS
    }
    return {
        "fit": fit.name,
        "run": run.name,
        **agreement(there.directions, here.directions),
        **{name: value for name, value in moved.as_dict().items() if name != "sentence"},
        "refused": refused,
    }


def _rate(refused: Sequence[bool]) -> dict[str, Any]:
    return asdict(wilson(sum(refused), len(refused)))


def _difference(one: Sequence[bool], other: Sequence[bool]) -> dict[str, Any]:
    found = paired_difference(one, other)
    return asdict(found.difference) | {"p_value": found.p_value}


def _evenly(texts: Sequence[str], n: int) -> list[str]:
    size = min(n, len(texts))
    return [texts[index * len(texts) // size] for index in range(size)]
