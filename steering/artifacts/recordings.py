"""Example requests with every panel's answer, which the app plays while the model is not there."""

import json
from dataclasses import asdict
from typing import Any, Final, cast

from steering import defaults
from steering.artifacts.manifest_document import SamplingEntry
from steering.artifacts.recording_document import RecordedAnswer, Recording
from steering.artifacts.resumable import Stages
from steering.data import prompts
from steering.inference.comparison import compare
from steering.inference.generation import Sampling
from steering.interventions.outline import Facts, start_of
from steering.interventions.panel import Panel, parse, usual
from steering.maps.steerable_model import SteerableModel

RECORDED_CATEGORIES = {
    "harmful": (
        "fraud_scams",
        "theft_burglary",
        "disinformation",
        "sabotage_vandalism",
    ),
    "harmless": ("fraud_scams", "theft_burglary", "weapons_explosives"),
    "borderline": ("technical_homonyms", "figures_of_speech"),
}
"""Whose first test prompt is recorded: fixed beforehand, not picked by the outcome. The
harmless one beside weapons asks for a soup, which the tour lets be refused."""
MOST_RANKS: Final = 8
"""Ranks from 1 on that are recorded of flipping, whose smallest working one is looked for (chosen):
a recording stays small where INLP starts with many directions."""


def recorded_panels(directions: Facts) -> list[Panel]:
    """Return what is recorded of each example: what the page starts with, and the tour's settings.

    These are, beside the defaults: each rank of flipping up to its start, and the same ranks and
    twice the start of nullspace projection; alpha 1, half way to flipping's mirror; activation
    addition towards refusing at three strengths; ablation at one layer only; and the control of
    flipping, a random subspace of as many directions.

    Args:
        directions: The model's; what it does not have is left out.
    """
    wanted = [parse(text) for text in usual(directions)]
    strengths = dict.fromkeys((0.5, 1.0, directions.default_c))
    wanted += [Panel("actadd", c=c) for c in strengths]
    wanted.append(Panel("ablation", where="source"))
    if directions.inlp_ranks:
        starts = {name: start_of(directions, name) for name in ("flip", "nullspace")}
        most = {name: directions.inlp_ranks[start.point] for name, start in starts.items()}
        ranks = range(1, min(starts["flip"].k, MOST_RANKS) + 1)
        wanted += [Panel("flip", k=k) for k in ranks]
        wanted.append(Panel("flip", alpha=1.0))
        more = min(2 * starts["nullspace"].k, most["nullspace"])
        wanted += [Panel("nullspace", k=k) for k in (*ranks, more) if k <= most["nullspace"]]
        wanted.append(Panel("flip", basis="random"))
    found: dict[Panel, Panel] = {}
    for panel in wanted:  # one that equals a default is the default, which comes first
        found.setdefault(panel.resolved(directions), panel)
    return list(found.values())


def record(steerable: SteerableModel, stages: Stages) -> list[Recording]:
    """Return one recording an example, as lines of `recordings.jsonl`."""
    examples = {
        f"{label}/{category}": (label, next(p.text for p in found if p.category == category))
        for label, categories in RECORDED_CATEGORIES.items()
        for found in [prompts.prompt_set(label, "test")]  # type: ignore[arg-type]
        for category in categories
    }
    wanted = recorded_panels(steerable.directions)
    panels = [panel.resolved(steerable.directions) for panel in wanted]
    names = [str(panel) for panel in panels]
    # The length that the app starts with, so that Run gives a recording again.
    sampling = Sampling(max_new_tokens=defaults.TOKENS)

    def answer(key: str) -> dict[str, Any]:
        label, prompt = examples[json.loads(key)[0]]
        *_, answers = compare(steerable, prompt, panels, sampling=sampling)
        found: Recording = {
            "prompt": prompt,
            "label": label,
            "panels": [str(panel) for panel in wanted],
            "sampling": cast(SamplingEntry, asdict(sampling)),
            "answers": [cast(RecordedAnswer, answer.as_dict()) for answer in answers],
        }
        return dict(found)

    keys = [[key, names, sampling.max_new_tokens] for key in examples]
    found = stages.lines("recordings", list(map(json.dumps, keys)), answer)
    return cast(list[Recording], found)
