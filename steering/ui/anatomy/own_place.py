"""A visitor's own request, read once for a map of the tab *Anatomy*."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from steering.errors import SteeringError
from steering.serving.engine import Engine
from steering.ui.map import locate

if TYPE_CHECKING:
    from steering.maps.steerable_model import SteerableModel

_Document = TypeVar("_Document")


def ready(
    engine: Engine, document: _Document | None, what: str
) -> "tuple[_Document, SteerableModel]":
    """Return what was measured and the model, if both are there; the caller holds `still`.

    Args:
        engine: The model and its directions.
        document: What was measured of it.
        what: What an error says is not measured.

    Raises:
        SteeringError: If one of them is not there.
    """
    if document is None:
        raise SteeringError(f"{what} are not measured for what is played now")
    found = engine.steerable()
    if found is None:
        raise SteeringError(
            "placing a request needs the model, which is not loaded here; the map shows what was "
            "measured before"
        )
    return document, found[0]


@contextmanager
def turn(engine: Engine, request: Any) -> Generator[None]:  # noqa: ANN401 - Gradio's
    """Have the model for a pass of a visitor's own, before background work.

    Raises:
        SteeringError: If this visitor has asked too often, or the model is busy.
    """
    engine.allowance.take(engine.allowance.visitor_of(request))
    with locate.placing(engine) as free:
        if not free:
            raise SteeringError("the model is busy; try again in a moment")
        yield
