"""One request traced, and nothing kept."""

from steering.maps.residual_trace import Trace, Tracer


def trace(model, directions, maps, prompt, panels, **options) -> Trace:
    return Tracer(model, directions, maps).trace(prompt, panels, **options)
