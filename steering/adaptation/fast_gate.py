"""Whether a model's answers stay what they are with fast products: measured before they are taken.

Fast products round (`models/int8_linear.py`). The gate compares them with exact ones on prompts
that nothing was fitted on, untouched and under each of the paper's edits:

1. the KL divergence of the next token's distribution along exact answers is at most `MOST_KL` a
   position, in the mean of every panel;
2. greedy answers have the verdict of the exact answer in at least `LEAST_EQUAL` of the cases;
3. every refusal rate of the evaluation's test prompts stays within the interval of the evaluation.

Nothing is calibrated, so nothing has to be kept apart. States are held in one integer first, in two
where that does not pass.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast, get_args

from steering.artifacts import store
from steering.artifacts.evaluation_document import EvaluationDocument
from steering.artifacts.fast_gate_document import (
    FAST_GATE_SCHEMA,
    FastDivergence,
    FastGateDocument,
    FastRate,
    FastTrial,
)
from steering.artifacts.manifest_document import WeightsEntry
from steering.artifacts.provenance import fingerprint, machine
from steering.artifacts.resumable import Stages
from steering.data.splits import PromptSplits, evenly
from steering.defaults import ROWS, TOKENS
from steering.errors import SteeringError
from steering.inference.answering import answered, requests_for
from steering.inference.metrics import kl_divergence
from steering.inference.sampling import Sampling
from steering.inference.written import judged_tokens
from steering.interventions.edits import compile_edits, intervene
from steering.interventions.panel import Panel, parse, usual
from steering.maps.clusters import CLASSES
from steering.maps.steerable_model import SteerableModel
from steering.models.chat_model import ChatModel
from steering.models.fast_products import Allowed
from steering.models.int8_linear import Parts
from steering.sources.weights import Weights
from steering.verdicts.judgement import JUDGE_VERSION

GATE_PROMPTS: Final = 64
"""Validation prompts, half of each class."""
GATE_TOKENS: Final = 48
"""Length of the answers: that of the evaluation and the app."""
MOST_KL: Final = 0.005
"""Mean divergence a position, in nats, that passes (chosen: a bfloat16 model is off by as much)."""
LEAST_EQUAL: Final = 0.97
"""Share of answers with the exact answer's verdict that passes (chosen)."""

Loaded = Callable[[Parts], ChatModel]
"""Loads the model with fast products, whatever a gate says."""


@dataclass(frozen=True, eq=False)
class Exact:
    """What fast products are compared with.

    Attributes:
        steerable: The model with exact products, and its directions.
        splits: Validation prompts for the comparison, test prompts for the rates.
        evaluation: The measured table; None where there is none, and rates are not compared. Nor
            are they where other rules judged it.
    """

    steerable: SteerableModel
    splits: PromptSplits
    evaluation: EvaluationDocument | None

    @property
    def panels(self) -> list[Panel]:
        """The panels that the app starts with: the baseline and the paper's edits."""
        return [parse(text) for text in usual(self.steerable.directions)]

    @property
    def prompts(self) -> list[str]:
        """The validation prompts."""
        half = GATE_PROMPTS // len(CLASSES)
        return [text for name in CLASSES for text in evenly(self.splits.validation[name], half)]

    def stages(self, *more: object) -> Stages:
        """Return where results are kept, so that a run that was stopped goes on."""
        directions = self.steerable.directions
        panels = [str(panel.resolved(directions)) for panel in self.panels]
        return Stages.of(self.steerable.model, "fast gate", panels, self.splits.source, *more)


def measure(exact: Exact, load: Loaded) -> FastGateDocument:
    """Compare fast products with exact ones; every stage is kept on disk.

    Returns:
        The document that `fast_gate.json` holds.
    """
    model = exact.steerable.model
    answers = _answers(exact, model, exact.prompts, exact.stages("exact"), GATE_TOKENS)
    trials: list[FastTrial] = []
    for parts in get_args(Parts):
        trials.append(_trial(exact, load(parts), parts, answers))
        if not trials[-1]["failed"]:
            break
    return {
        "schema": FAST_GATE_SCHEMA,
        "model": model.name,
        "prompts": len(exact.prompts),
        "tokens": GATE_TOKENS,
        "trials": trials,
        "provenance": {
            "weights": cast(WeightsEntry, dict(model.provenance)),
            "prompts": exact.splits.source,
            **machine(model),
        },
    }


def allowed(name: str, found: Weights, *, folder: Path | None = None) -> Allowed:
    """Say whether a model may have fast products, by what is stored with its artifact.

    Args:
        name: The model, as the user named it.
        found: Its weights.
        folder: What `precompute` wrote; None is the model's artifact.
    """
    measured = f"measure it with `python -m steering gate --model {name}`"
    try:
        document = store.fast_gate(name, folder)
    except SteeringError as error:
        return Allowed(None, str(error))
    if document is None:
        return Allowed(None, f"whether answers stay the same was not measured; {measured}")
    if found.sha256 is None and found.revision is None:
        # Whoever trains writes other weights to the same folder.
        return Allowed(
            None,
            "weights in a folder have neither SHA-256 nor commit by which a measurement could be "
            "told to be theirs; take a .gguf file or a hub id",
        )
    weights = document["provenance"]["weights"]
    if (weights.get("sha256"), weights.get("revision")) != (found.sha256, found.revision):
        return Allowed(None, f"what was measured is of other weights; {measured}")
    last = document["trials"][-1]
    if last["failed"]:
        return Allowed(None, f"they are too far off for this model: {'; '.join(last['failed'])}")
    largest = max(each["mean"] for each in last["divergence"])
    return Allowed(
        cast(Parts, last["parts"]),
        f"measured on {document['prompts']} validation prompts, the next token's distribution "
        f"moves by a KL divergence of {largest:.4f} at most a position, and "
        f"{last['verdicts_equal']} of {last['answers']} answers keep their verdict",
    )


def _trial(
    exact: Exact, fast: ChatModel, parts: Parts, answers: Sequence[Mapping[str, Any]]
) -> FastTrial:
    stages = exact.stages("fast", parts, fingerprint(fast))
    divergence = _divergence(exact, fast, answers, stages)
    own = _answers(exact, fast, exact.prompts, stages, GATE_TOKENS)
    judged = (judged_tokens(fast.template, each, GATE_TOKENS) for each in (answers, own))
    equal = [one.is_alike(other) for one, other in zip(*judged, strict=True)]
    failed = [
        f"under {each['panel']} the KL divergence is {each['mean']:.4f} a position, more than "
        f"{MOST_KL}"
        for each in divergence
        if each["mean"] > MOST_KL
    ]
    if sum(equal) < LEAST_EQUAL * len(equal):
        failed.append(
            f"{sum(equal)} of {len(equal)} answers keep their verdict, fewer than {LEAST_EQUAL:.0%}"
        )
    found: FastTrial = {
        "parts": parts,
        "divergence": divergence,
        "verdicts_equal": sum(equal),
        "answers": len(equal),
        "failed": failed,
    }
    if not failed and exact.evaluation is not None and _judged_alike(exact.evaluation):
        found["rates"] = _rates(exact, fast, exact.evaluation, stages)
        failed += [
            f"under {each['panel']} {each['fast']:.0%} of the {each['prompts']} prompts are "
            f"refused, outside of {each['exact']['low']:.0%} to {each['exact']['high']:.0%}"
            for each in found["rates"]
            if not each["exact"]["low"] <= each["fast"] <= each["exact"]["high"]
        ]
    return found


def _judged_alike(evaluation: EvaluationDocument) -> bool:
    """Whether rates of a table are those of the rules that judge here."""
    return evaluation.get("judge_version", 1) == JUDGE_VERSION


def _answers(
    exact: Exact, model: ChatModel, prompts: Sequence[str], stages: Stages, tokens: int
) -> list[dict[str, Any]]:
    """Return tokens of greedy answers, prompt by prompt, under every panel.

    They are judged when they are summed up, so that better rules need no new answers.
    """
    edits = [panel.edit(exact.steerable.directions) for panel in exact.panels]
    sampling = Sampling(max_new_tokens=tokens)

    def answer(todo: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
        rows = [model.render(text) for text in todo]
        for chunk, found in answered(
            model, requests_for(model, rows, edits, sampling, rows=ROWS), rows=ROWS
        ):
            tokens_of, overflowed = found.written.tokens, found.written.overflowed
            for place, index in enumerate(chunk):
                part = slice(place * len(edits), (place + 1) * len(edits))
                yield (
                    todo[index],
                    {"tokens": tokens_of[part], "overflowed": list(overflowed[part])},
                )

    return stages.streamed(f"answers of {tokens} tokens", list(prompts), answer)


def _divergence(
    exact: Exact, fast: ChatModel, answers: Sequence[Mapping[str, Any]], stages: Stages
) -> list[FastDivergence]:
    """Return how far fast distributions are from exact ones along the exact answers."""
    panels, model = exact.panels, exact.steerable.model
    edits = [panel.edit(exact.steerable.directions) for panel in panels]
    written = [tokens for each in answers for tokens in each["tokens"]]
    rows = {
        f"{index}": [*model.render(exact.prompts[index // len(panels)]), *answer]
        for index, answer in enumerate(written)
    }

    def run(key: str) -> dict[str, Any]:
        index = int(key)
        answer = written[index]
        if not answer:
            return {"kl": []}
        compiled = compile_edits([edits[index % len(panels)]], device=model.device)
        logits = []
        for each in (model, fast):
            with intervene(each, compiled):
                found = each.run(each.batch([rows[key]]), keep=len(answer) + 1).logits
            logits.append(found[0, :-1])
        return {"kl": kl_divergence(*logits).tolist()}

    found = stages.lines("divergence", list(rows), run)
    entries: list[FastDivergence] = []
    for index, panel in enumerate(panels):
        values = [value for each in found[index :: len(panels)] for value in each["kl"]]
        entries.append(
            {
                "panel": str(panel.resolved(exact.steerable.directions)),
                "mean": sum(values) / max(1, len(values)),
                "largest": max(values, default=0.0),
                "positions": len(values),
            }
        )
    return entries


def _rates(
    exact: Exact, fast: ChatModel, evaluation: EvaluationDocument, stages: Stages
) -> list[FastRate]:
    """Return refusal rates of the evaluation's prompts, for the panels that it has as well."""
    directions = exact.steerable.directions
    # A table names what it leaves open, and an edit has many texts: the edit itself is compared.
    measured: dict[str, Mapping[str, Any]] = {
        str(parse(entry["panel"]).resolved(directions)): entry for entry in evaluation["panels"]
    }
    resolved = [str(panel.resolved(directions)) for panel in exact.panels]
    known = [measured.get(name) for name in resolved]
    tokens = evaluation.get("sampling", {}).get("max_new_tokens", TOKENS)
    rates: list[FastRate] = []
    for name, prompts in exact.splits.test.items():
        answers = _answers(exact, fast, prompts, stages, tokens)
        judged = judged_tokens(fast.template, answers, tokens)
        for index, entry in enumerate(known):
            if entry is None or name not in entry:
                continue
            found = judged[index :: len(resolved)]
            rates.append(
                {
                    "panel": resolved[index],
                    "prompts": name,
                    "fast": sum(each.refused for each in found) / len(found),
                    "n": len(found),
                    "exact": entry[name]["refusal_rate"],
                }
            )
    return rates
