"""Which directions and maps a loaded model is served with, and how well the maps hold for it."""

import logging
from pathlib import Path

from steering.adaptation import drift, quick_fit
from steering.adaptation.drift import Check
from steering.artifacts import store
from steering.maps.model_maps import Maps
from steering.models.chat_model import ChatModel

logger = logging.getLogger(__name__)


def folder_for(model: ChatModel, asked: Path | None = None) -> Path | None:
    """Return the folder of directions and maps that was asked for, or one fitted on this machine.

    None is the shipped artifact; a fit in the very number format of the model comes before it.

    Args:
        model: A loaded chat model.
        asked: What the user named.
    """
    if asked is not None:
        return asked
    found = quick_fit.find(model)
    if found is not None:
        logger.info("directions and maps are those fitted on this machine, %s", found)
    return found


def checked_maps(model: ChatModel, folder: Path | None) -> tuple[Maps, Check] | None:
    """Return a model's maps as they serve in its number format, and how well; None without maps."""
    maps = store.read_maps(model.name, folder)
    if maps is None:
        return None
    found = drift.check(model, maps)
    return found.applied(maps), found
