"""Exact or fast products, for everybody who uses a page: loaded behind it, then served.

Visitors go on with the model that is there until the other one is loaded.
"""

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from steering.errors import SteeringError
from steering.formatting import sentence

if TYPE_CHECKING:
    from steering.models.chat_model import ChatModel
    from steering.serving.engine import Engine


@dataclass(frozen=True)
class Switch:
    """How far a change of products is.

    Attributes:
        to: What is being loaded, `exact` or `fast`; empty while nothing is.
        said: Why the last change did not come about; empty where it did.
    """

    to: str = ""
    said: str = ""


def speed_of(model: "ChatModel") -> str:
    """Return whether a model's products are `exact` or `fast` ones."""
    return "fast" if model.number_format.parts else "exact"


def can(engine: "Engine") -> bool:
    """Whether there is a choice: somebody may make it, and the model is whole and on a CPU."""
    model = engine.model
    if engine.supply.at_speed is None or model is None:
        return False
    return model.device.type == "cpu" and model.number_format.quantization == "none"


def start(engine: "Engine", speed: str) -> None:
    """Load the model with other products in the background, and serve it then.

    Does nothing while another change is under way, or where that is how it is served.
    """
    with engine.still():
        model = engine.model
        if model is None or not can(engine) or engine.switch.to:
            return
        if speed == speed_of(model):
            return
        engine.switch = switch = Switch(to=speed)
    thread = threading.Thread(target=_run, args=(engine, model, switch), name="load", daemon=True)
    thread.start()


def _run(engine: "Engine", before: "ChatModel", switch: Switch) -> None:
    from steering.serving import machine_fit

    assert engine.supply.at_speed is not None
    done = Switch(said="Loading ended with an error that is in the server's log.")
    found = None
    try:
        loaded = engine.supply.at_speed(before.name, switch.to)
        if engine.supply.hold is not None:
            engine.supply.hold(loaded, lambda: _mode_of(engine, before) is not None)
        with engine.still():
            mode = _mode_of(engine, before)
            # Another model was chosen meanwhile, which has a switch of its own.
            if mode is None:
                done = Switch()
                return
            found = loaded if loaded.template.mode.thinking == mode else loaded.in_mode(mode)
            engine.take_instead(found)
            done = Switch()
    except SteeringError as error:
        done = Switch(said=sentence(str(error)))
    finally:
        with engine.still():
            if engine.switch is switch:
                engine.switch = done
    if found is not None:
        machine_fit.look(engine, found)


def _mode_of(engine: "Engine", model: "ChatModel") -> str | None:
    """Return in which mode a model is served; None if another one is by now."""
    served = engine.model
    same = served is not None and served.network is model.network
    return served.template.mode.thinking if served is not None and same else None
