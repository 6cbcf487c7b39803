"""Example requests with every panel's answer, which the app plays while the model is not there."""

import json
from dataclasses import asdict
from typing import Any, cast

from steering import defaults
from steering.artifacts.manifest_document import SamplingEntry
from steering.artifacts.recording_document import RecordedAnswer, Recording
from steering.artifacts.resumable import Stages
from steering.data import prompts
from steering.inference.comparison import compare
from steering.inference.generation import Sampling
from steering.interventions.panel import DEFAULT_PANELS, parse
from steering.maps.steerable_model import SteerableModel

RECORDED_CATEGORIES = {
    "harmful": (
        "fraud_scams",
        "theft_burglary",
        "disinformation",
        "sabotage_vandalism",
    ),
    "harmless": ("fraud_scams", "theft_burglary"),
    "borderline": ("technical_homonyms", "figures_of_speech"),
}
"""Whose first test prompt is recorded: fixed beforehand, not picked by the outcome."""


def record(steerable: SteerableModel, stages: Stages) -> list[Recording]:
    """Return one recording an example, as lines of `recordings.jsonl`."""
    examples = {
        f"{label}/{category}": (label, next(p.text for p in found if p.category == category))
        for label, categories in RECORDED_CATEGORIES.items()
        for found in [prompts.prompt_set(label, "test")]  # type: ignore[arg-type]
        for category in categories
    }
    panels = [parse(text).resolved(steerable.directions) for text in DEFAULT_PANELS]
    names = [str(panel) for panel in panels]
    # The length that the app starts with, so that Run gives a recording again.
    sampling = Sampling(max_new_tokens=defaults.TOKENS)

    def answer(key: str) -> dict[str, Any]:
        label, prompt = examples[json.loads(key)[0]]
        *_, answers = compare(steerable, prompt, panels, sampling=sampling)
        found: Recording = {
            "prompt": prompt,
            "label": label,
            "panels": list(DEFAULT_PANELS),
            "sampling": cast(SamplingEntry, asdict(sampling)),
            "answers": [cast(RecordedAnswer, answer.as_dict()) for answer in answers],
        }
        return dict(found)

    keys = [[key, names, sampling.max_new_tokens] for key in examples]
    found = stages.lines("recordings", list(map(json.dumps, keys)), answer)
    return cast(list[Recording], found)
