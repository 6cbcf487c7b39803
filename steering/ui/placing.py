"""Where a visitor's request lies, on the page's map: what changed is run again, without logits."""

from collections.abc import Mapping, Sequence

from steering.comparison import check_length
from steering.errors import SteeringError
from steering.ui import atlas, figures
from steering.ui.atlas import Atlas
from steering.ui.cards import Setting
from steering.ui.engine import Engine

_PATIENCE_SECONDS = 20.0
"""How long a placing waits for a run that is under way; its end shows the places anyway."""


def located(
    made: Atlas,
    engine: Engine,
    prompt: str,
    chosen: Mapping[str, Setting],
    answers: Sequence[Sequence[int]] | None = None,
    *,
    system: str = "",
) -> str | None:
    """Return the map's value for a request, or None if the model was busy for too long.

    Args:
        made: The map section.
        engine: The model, its directions and maps; without them the map shows its cloud alone,
            and without maps that fit the model it says so.
        prompt: The request.
        chosen: The cards that take part, by slot.
        answers: Token ids of what was written on each card; None places the request alone.
        system: A system prompt; blank leaves the template's own.

    Raises:
        SteeringError: If the request or a card does not fit.
    """
    if engine.model is None or engine.maps is None or not prompt.strip():
        return atlas.empty(engine)
    tracer = engine.tracer
    if tracer is None:
        return atlas.empty(engine, fits=False)
    check_length(prompt, system)
    panels = [setting.panel(tracer.directions) for setting in chosen.values()]
    if not engine.reading.acquire(timeout=_PATIENCE_SECONDS):
        return None
    try:
        seen = tracer.trace(prompt, panels, answers=answers, system=system)
    finally:
        engine.reading.release()
    size = len(tracer.model.render(prompt, system=system))
    request = figures.Request(prompt, size, tuple(chosen))
    return made.show(tracer.maps, seen, request, tracer.directions)


def placed_or_kept(
    made: Atlas,
    engine: Engine,
    prompt: str,
    chosen: Mapping[str, Setting],
    answers: Sequence[Sequence[int]] | None = None,
    *,
    system: str = "",
) -> str | None:
    """Return the same as `located`, or None where the request or a card does not fit.

    The card or the note says what is wrong; the map keeps the last place that was right.
    """
    try:
        return located(made, engine, prompt, chosen, answers, system=system)
    except SteeringError:
        return None
