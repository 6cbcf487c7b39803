"""Fit format by run format: do directions and maps of one number format serve in another?

For every pair: how alike the directions are when they are fitted in both, how far the training
prompts land from where the fit format puts them, and how many harmful validation prompts are still
refused under directional ablation and flipping. Every run format answers with the directions of
every fit format in one batch, so that rates are paired over prompts and fits.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from jaxtyping import Float
from torch import Tensor

from steering.adaptation import drift, layer_drift
from steering.adaptation.refit import agreement, refit
from steering.artifacts.evaluation_document import TestedDifference
from steering.artifacts.manifest_document import WeightsEntry
from steering.artifacts.provenance import machine
from steering.artifacts.resumable import Stages
from steering.artifacts.transfer_document import (
    TRANSFER_SCHEMA,
    TransferBaseline,
    TransferDocument,
    TransferPair,
    TransferProvenance,
    TransferRate,
)
from steering.data.splits import PromptSplits, evenly
from steering.defaults import ROWS, TRANSFER_PROMPTS
from steering.errors import SteeringError
from steering.inference.activations import capture
from steering.inference.answering import answered, requests_for
from steering.inference.sampling import Sampling
from steering.intervals import IntervalEntry, paired_difference, wilson
from steering.interventions.directions import Directions
from steering.interventions.edits import Edit
from steering.interventions.panel import parse
from steering.maps.clusters import CLASSES
from steering.maps.layer_map import LayerMap
from steering.maps.model_maps import Maps
from steering.models.chat_model import ChatModel
from steering.models.number_formats import Format
from steering.verdicts.judgement import JUDGE_VERSION
from steering.verdicts.rules import judge

PANELS: Final = ("ablation", "flip")
"""The paper's two strongest edits, with the settings of the directions in use."""
TRANSFER_TOKENS: Final = 20
"""Length of an answer: whole refusals of the models shipped here fit in it."""


Load = Callable[[Format], ChatModel]
"""Loads the model in a format; it is called twice for each, and only one is in memory at a time."""


@dataclass(frozen=True, eq=False)
class Fit:
    """What was fitted in one format.

    Attributes:
        directions: Difference in means and INLP at the points of the shipped ones.
        chart: The maps at INLP's layer.
        kept: Training prompts a class behind the difference in means.
        shipped: Whether it is the shipped artifact itself.
    """

    directions: Directions
    chart: LayerMap
    kept: dict[str, int]
    shipped: bool


@dataclass(frozen=True, eq=False)
class Shipped:
    """The artifact that the formats are measured against.

    Attributes:
        directions: Say the points, the rank and the model.
        maps: Its maps, whose calibration prompts are run in every format.
        format: The format that both were fitted in.
        kept: Training prompts a class behind the difference in means.
        source: The prompts that both were fitted on, as `PromptSplits.source` names them; None
            where that is not known.
    """

    directions: Directions
    maps: Maps
    format: Format
    kept: dict[str, int]
    source: str | None


def transfer(
    load: Load,
    shipped: Shipped,
    splits: PromptSplits,
    chosen: Sequence[Format],
    *,
    prompts: int = TRANSFER_PROMPTS,
) -> TransferDocument:
    """Measure the table; every stage is kept on disk, so that a run that was stopped goes on.

    The format of the shipped artifact is not fitted again: its fit is the shipped one.

    Args:
        load: Loads the model in a format.
        shipped: The shipped directions and maps.
        splits: Training prompts to fit on, harmful validation prompts to answer.
        chosen: The formats, each of which is fitted in and run in.
        prompts: How many prompts are answered.

    Returns:
        The document that `transfer.json` holds.

    Raises:
        SteeringError: If the shipped artifact was fitted on other prompts, or with the chat
            template in another mode than the model is loaded in.
    """
    directions = shipped.directions
    _require_prompts(shipped, splits)
    fits = {each: fit(load, shipped, splits, each) for each in chosen}
    asked = evenly(splits.validation["harmful"], prompts)
    pairs: list[TransferPair] = []
    baselines: list[TransferBaseline] = []
    facts: TransferProvenance | None = None
    for run in chosen:
        model = _loaded(load, shipped, run)
        facts = {
            "weights": cast(WeightsEntry, dict(model.provenance)),
            **machine(model),
            "prompts": splits.source,
        }
        states = landed(model, shipped, splits.source)
        verdicts = refused(model, run, fits, asked, splits.source)
        del model
        baselines.append({"run": run.name, "refused": _rate(verdicts["baseline"])})
        labels = [label for label in shipped.maps.labels if label in CLASSES]
        pairs += [_pair((each, run), fits, (states, labels), verdicts) for each in chosen]
    document: TransferDocument = {
        "schema": TRANSFER_SCHEMA,
        "judge_version": JUDGE_VERSION,
        "model": directions.model,
        "n": len(asked),
        "n_train": {name: len(splits.train[name]) for name in CLASSES},
        "tokens": TRANSFER_TOKENS,
        "dim_place": list(directions.dim_point),
        "inlp_place": list(directions.inlp_point),
        "formats": [
            {
                "device": each.device,
                "quantization": each.quantization,
                "dtype": each.dtype,
                "name": each.name,
                "kept": found.kept,
                "shipped": found.shipped,
                "inlp_rank": found.directions.inlp_rank,
            }
            for each, found in fits.items()
        ],
        "baseline": baselines,
        "pairs": pairs,
    }
    if facts:
        document["provenance"] = facts
    return document


def _require_prompts(shipped: Shipped, splits: PromptSplits) -> None:
    """Refuse prompts that the artifact was not fitted on: other prompts move directions, too."""
    if shipped.source != splits.source:
        model = shipped.directions.model
        on = shipped.source or "prompts that their manifest does not name"
        raise SteeringError(
            f"the directions and maps of {model} were fitted on {on}, and would be compared with "
            f"fits on {splits.source}: more than number formats would differ; give a folder that "
            "was fitted on these with --directions, or make one with `python -m steering "
            f"precompute --quick --model {model} --out FOLDER`"
        )


def _loaded(load: Load, shipped: Shipped, wanted: Format) -> ChatModel:
    model = load(wanted)
    fitted = shipped.directions.rendering
    fitted.require(model.template.rendering, what="directions", model=model.name)
    return model


def fit(load: Load, shipped: Shipped, splits: PromptSplits, wanted: Format) -> Fit:
    """Return the fit in one format, reading the training prompts in it if need be."""
    if wanted == shipped.format:
        chart = shipped.maps.at(shipped.directions.inlp_layer)
        return Fit(shipped.directions, chart, shipped.kept, shipped=True)
    model = _loaded(load, shipped, wanted)
    stages = Stages.of(model, splits.source, "refit")
    found = refit(model, shipped.directions, splits, stages)
    return Fit(found.directions, found.chart, found.kept, shipped=False)


def landed(model: ChatModel, shipped: Shipped, source: str) -> Float[Tensor, "prompt d_model"]:
    """Return the calibration prompts' states at INLP's point, kept on disk."""
    maps, (position, layer) = shipped.maps, shipped.directions.inlp_point
    rows = [model.render(maps.texts[index]) for index in drift.calibration(maps.labels)]
    stages = Stages.of(model, source, "refit")
    return stages.tensors(
        f"calibration {position} {layer} {maps.digest[:16]}",
        lambda: {"states": capture(model, rows, layers=[layer], positions=[position])[:, 0, 0]},
    )["states"]


def edits_of(fits: Mapping[Format, Fit]) -> dict[str, Edit | None]:
    """Return what is done to every prompt in every format, by `baseline` or `fit name/panel`."""
    edits: dict[str, Edit | None] = {"baseline": None}
    for each, found in fits.items():
        for panel in PANELS:
            edits[f"{each.name}/{panel}"] = parse(panel).edit(found.directions)
    return edits


def refused(
    model: ChatModel,
    run: Format,
    fits: Mapping[Format, Fit],
    asked: Sequence[str],
    source: str,
) -> dict[str, list[bool]]:
    """Return whether each prompt is refused under every edit; answers are kept on disk."""
    edits = edits_of(fits)
    digests = [found.directions.digest for found in fits.values()]
    stages = Stages.of(model, source, "transfer", run.name, list(edits), digests, TRANSFER_TOKENS)
    sampling = Sampling(max_new_tokens=TRANSFER_TOKENS)

    def answer(todo: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
        rows = [model.render(text) for text in todo]
        requests = requests_for(model, rows, list(edits.values()), sampling, rows=ROWS)
        for chunk, found in answered(model, requests, rows=ROWS):
            texts = [reply.answer for reply in found.written.replies(model.template)]
            each = list(zip(texts, found.written.ended, strict=True))
            for place, index in enumerate(chunk):
                start = place * len(edits)
                yield todo[index], {"texts": each[start : start + len(edits)]}

    answers = stages.streamed(f"answers in {run.name}", sorted(asked, key=len), answer)
    flat = [text for entry in answers for text in entry["texts"]]
    judged = [judge(text, ended=ended) for text, ended in flat]
    found = [each.refused or each.verdict == "hedged" for each in judged]
    return {name: found[index :: len(edits)] for index, name in enumerate(edits)}


def _pair(
    pair: tuple[Format, Format],
    fits: Mapping[Format, Fit],
    calibration: tuple[Float[Tensor, "prompt d_model"], Sequence[str]],
    verdicts: Mapping[str, list[bool]],
) -> TransferPair:
    fit, run = pair
    there, here = fits[fit], fits[run]
    states, labels = calibration
    moved = layer_drift.compare(there.chart, states, drift.calibration(labels), labels).as_dict()
    rates: dict[str, TransferRate] = {
        panel: {
            **_rate(verdicts[f"{fit.name}/{panel}"]),
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
        "layer": moved["layer"],
        "t_rms": moved["t_rms"],
        "t_share": moved["t_share"],
        "spread_share": moved["spread_share"],
        "t_share_left": moved["t_share_left"],
        "spread_share_left": moved["spread_share_left"],
        "n": moved["n"],
        "verdict": moved["verdict"],
        "refused": rates,
    }


def _rate(refused: Sequence[bool]) -> IntervalEntry:
    return wilson(sum(refused), len(refused)).entry(len(refused))


def _difference(one: Sequence[bool], other: Sequence[bool]) -> TestedDifference:
    found = paired_difference(one, other)
    return {**found.difference.entry(found.n), "p_value": found.p_value}
