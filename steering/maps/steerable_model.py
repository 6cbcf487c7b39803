"""A model with what was fitted on it, as one value that belongs together."""

from dataclasses import dataclass

from steering.interventions.directions import Directions
from steering.interventions.openers import opened
from steering.maps.model_maps import Maps
from steering.models.chat_model import ChatModel


@dataclass(frozen=True, eq=False)
class SteerableModel:
    """A chat model with its directions and maps; whoever has one need not check them again.

    Attributes:
        model: A loaded chat model; its refusal score reads the openers that were found with the
            directions, where they have any.
        directions: Its directions.
        maps: Its maps; None where there are none, or where no places are asked for.
    """

    model: ChatModel
    directions: Directions
    maps: Maps | None = None

    def __post_init__(self) -> None:
        """Refuse what was fitted on another model, or on this one in another mode.

        Raises:
            SteeringError: Says what does not fit, and what to do.
        """
        model, directions = self.model, self.directions
        directions.require(model.name, n_layers=model.n_layers, d_model=model.d_model)
        directions.rendering.require(model.template.rendering, what="directions", model=model.name)
        if self.maps is not None:
            self.maps.require(model)
        object.__setattr__(self, "model", opened(model, directions.openers))
