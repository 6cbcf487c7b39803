"""Runs that have ended, as they are kept for whoever looks into them or saves them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import steering
from steering.artifacts.manifest_document import ManifestFacts, SamplingEntry
from steering.artifacts.recording_document import RecordedAnswer, Recording
from steering.artifacts.run_conditions import conditions, recorded_conditions
from steering.artifacts.run_document import (
    RUN_KIND,
    RUN_SCHEMA,
    RunDocument,
    RunPanelEntry,
    TurnEntry,
)
from steering.inference.comparison import Answer
from steering.inference.sampling import Sampling
from steering.interventions.outline import Facts
from steering.interventions.panel import parse
from steering.system import strict_json
from steering.ui.playground import card_settings
from steering.ui.playground.asked import Asked, EndedRun, Said

if TYPE_CHECKING:
    from steering.maps.steerable_model import SteerableModel


def ended_run(
    asked: Asked,
    answers: Sequence[Answer],
    sampling: Sampling,
    steerable: "SteerableModel",
    maps_id: str,
    before: EndedRun | None = None,
) -> EndedRun:
    """Return a run that ends now.

    Args:
        asked: What it was asked.
        answers: Of the cards that take part, in their order.
        sampling: How they were drawn.
        steerable: Who answered.
        maps_id: The engine's, of the directions.
        before: The conversation that these answers go on with; None of a new request.
    """
    talks = {
        slot: (
            *(before.talks[slot] if before else ()),
            Said(asked.prompt, answer, _resolved(answer, steerable.directions), sampling),
        )
        for slot, answer in zip(asked.chosen, answers, strict=True)
    }
    return EndedRun(
        asked, talks, maps_id, steerable.model.name, conditions(steerable), _now().isoformat()
    )


def gone_on(  # noqa: PLR0913 - the answer of a run, and how it was drawn
    before: EndedRun,
    asked: Asked,
    slot: str,
    source: str,
    answer: Answer,
    sampling: Sampling,
    steerable: "SteerableModel",
) -> EndedRun:
    """Return a run of which one card has gone on; the others are as they were.

    Args:
        before: The run.
        asked: What it was asked, with that card as it is set now.
        slot: The card.
        source: The card whose answer was kept, with the conversation before it.
        answer: What stands on it now.
        sampling: How it was drawn.
        steerable: Who answered.
    """
    said = Said(asked.prompt, answer, _resolved(answer, steerable.directions), sampling)
    talk = (*before.talks[source][:-1], said)
    return replace(
        before, asked=asked, talks={**before.talks, slot: talk}, ended=_now().isoformat()
    )


def recorded_run(
    asked: Asked,
    recording: Recording,
    outline: Facts | None,
    model: str,
    made: ManifestFacts | None,
) -> EndedRun:
    """Return a recording as a run: the cards whose panels it holds.

    Args:
        asked: The request that was recorded, and the cards.
        recording: What was recorded of it.
        outline: What there is to know of the directions.
        model: Name of the model.
        made: What the maker of the recordings says of them.

    Raises:
        SteeringError: If a card's settings do not fit.
    """
    panels = {slot: each.panel(outline) for slot, each in asked.chosen.items()}
    sampling = Sampling(**cast(dict[str, Any], recording.get("sampling", {})))
    talks = {
        slot: (Said(asked.prompt, answer, _resolved(answer, outline), sampling),)
        for slot, answer in card_settings.recorded(recording, panels, outline).items()
        if answer is not None
    }
    return EndedRun(asked, talks, model=model, conditions=recorded_conditions(made))


def document(ended: EndedRun) -> RunDocument:
    """Return a run as it is saved, in JSON types."""
    found: RunDocument = {
        "kind": RUN_KIND,
        "schema": RUN_SCHEMA,
        "version": steering.__version__,
        "model": ended.model,
        "ended": ended.ended,
        "saved": _now().isoformat(),
        "recorded": ended.ended is None,
        "prompt": next((talk[0].request for talk in ended.talks.values()), ended.asked.prompt),
        "system": ended.asked.system,
        "conditions": ended.conditions or {},
        "panels": [_panel(ended, slot) for slot in ended.asked.settings if slot in ended.talks],
    }
    return cast(RunDocument, strict_json.finite(found))


def _panel(ended: EndedRun, slot: str) -> RunPanelEntry:
    turns = [_turn(said) for said in ended.talks[slot]]
    return {"title": ended.asked.settings[slot].title, "turns": turns}


def _turn(said: Said) -> TurnEntry:
    return {
        "request": said.request,
        "panel": said.answer.panel,
        "resolved": said.resolved,
        "sampling": cast(SamplingEntry, vars(said.sampling)),
        "answer": cast(RecordedAnswer, said.answer.as_dict()),
    }


def _resolved(answer: Answer, directions: Facts | None) -> str:
    """Return the panel of an answer with every default filled in, as far as they are known."""
    panel = parse(answer.panel)
    return str(panel if directions is None else panel.resolved(directions))


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
