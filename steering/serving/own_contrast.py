"""Contrasts of visitors' own two lists; served to everybody only if `Engine.play` is told."""

from collections.abc import Generator
from typing import TYPE_CHECKING

from steering.serving.own_work import OwnWork

if TYPE_CHECKING:
    from steering.contrasts.contrast_fit import Contrast, ContrastSettings
    from steering.contrasts.text_lists import TextLists
    from steering.serving.engine import Engine
    from steering.system.progress import Step


class OwnContrasts(OwnWork):
    """The fits of one process."""

    def __init__(self, engine: "Engine") -> None:
        """Begin without any.

        Args:
            engine: Its model reads the texts.
        """
        super().__init__(engine, "another contrast is being fitted")

    def fit(
        self, visitor: str, texts: "TextLists", settings: "ContrastSettings"
    ) -> "Generator[Step, None, Contrast | None]":
        """Fit a contrast, as `OwnWork.one` does a piece.

        Args:
            visitor: Whose it is, for `stop`.
            texts: The two lists.
            settings: Layers and position.

        Raises:
            SteeringError: If no model is there, another fit is under way, the model is changed
                meanwhile, or the lists or layers do not fit it.
        """
        from steering.contrasts.contrast_fit import fit_contrast

        model = self.behind(self.loaded())
        return (yield from self.one(visitor, lambda: fit_contrast(model, texts, settings)))
