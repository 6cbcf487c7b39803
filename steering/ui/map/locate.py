"""Where a visitor's request lies, on the page's map: what changed is run again, without logits."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager

from steering.errors import SteeringError
from steering.inference.comparison import check_length
from steering.serving.engine import Engine
from steering.ui.map import map_data, map_section
from steering.ui.map.map_section import Atlas
from steering.ui.playground import card_settings
from steering.ui.playground.asked import Asked

_PATIENCE_SECONDS = 20.0
"""How long a placing waits for its turn, more than a pass takes; a run's end shows it anyway."""


@contextmanager
def placing(engine: Engine) -> Generator[bool]:
    """Take the model for passes that place a request; yields whether it came free in time."""
    with engine.asked():
        free = engine.reading.acquire(timeout=_PATIENCE_SECONDS)
        try:
            yield free
        finally:
            if free:
                engine.reading.release()


def located(
    made: Atlas, engine: Engine, asked: Asked, answers: Sequence[Sequence[int]] | None = None
) -> str | None:
    """Return the map's value for a request, or None if the model was busy for too long.

    Args:
        made: The map section.
        engine: The model, its directions and maps; without them the map shows its cloud alone,
            and without maps that fit the model it says so.
        asked: The request and the cards, of which those that are on take part.
        answers: Token ids of what was written on each card that takes part; None places the
            request alone.

    Raises:
        SteeringError: If the request or a card does not fit.
    """
    prompt, system, chosen = asked.prompt, asked.system, asked.chosen
    if engine.model is None or engine.maps is None or not prompt.strip():
        return recalled(made, engine, asked) or map_section.empty(engine)
    with engine.still():
        tracer, maps_id = engine.tracer, engine.maps_id
    if tracer is None:
        return map_section.empty(engine, fits=False)
    check_length(prompt, system)
    panels = [setting.panel(tracer.directions) for setting in chosen.values()]
    with placing(engine) as free:
        if not free:
            return None
        seen = tracer.trace(prompt, panels, answers=answers, system=system)
    # A card whose edit overflows says so itself; it has no place on the map.
    slots = tuple(slot for slot, fine in zip(chosen, seen.finite, strict=True) if fine)
    if not slots:
        return map_section.empty(engine)
    size = len(tracer.model.render(prompt, system=system))
    request = map_data.Request(prompt, size, slots)
    return made.show(tracer.maps, seen.of_finite(), request, tracer.directions, maps_id)


def recalled(made: Atlas, engine: Engine, asked: Asked) -> str | None:
    """Return the map's value for a recorded request, or None if there is none on these maps.

    Recordings were made without a system prompt: with one, there are none.

    Raises:
        SteeringError: If a card does not fit.
    """
    with engine.still():
        points, outline, maps_id = engine.points, engine.outline, engine.maps_id
    recording = engine.recording(asked.prompt, asked.system)
    if recording is None or points is None or outline is None:
        return None
    panels = {slot: setting.panel(outline) for slot, setting in asked.chosen.items()}
    landed = card_settings.landed(recording, panels, outline, maps=points.digest)
    return made.recall(points, asked.prompt, landed, outline, maps_id) if landed else None


def placed_or_kept(
    made: Atlas, engine: Engine, asked: Asked, answers: Sequence[Sequence[int]] | None = None
) -> str | None:
    """Return the same as `located`, or None where the request or a card does not fit.

    The card or the note says what is wrong; the map keeps the last place that was right.
    """
    try:
        return located(made, engine, asked, answers)
    except SteeringError:
        return None
