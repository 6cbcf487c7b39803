"""One request traced, and nothing kept."""

from steering.maps.residual_trace import Trace, Tracer
from steering.maps.steerable_model import SteerableModel


def trace(model, directions, maps, prompt, panels, **options) -> Trace:
    return Tracer(SteerableModel(model, directions, maps)).trace(prompt, panels, **options)
