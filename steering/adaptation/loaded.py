"""Which directions and maps a loaded model is served with, and how well the maps hold for it."""

import logging
from pathlib import Path

from steering.adaptation import drift, quick_fit, refit
from steering.adaptation.drift import Check
from steering.artifacts import store
from steering.artifacts.evaluation_document import AgreementEntry
from steering.contrasts import contrast_bundle
from steering.data.splits import PromptSplits
from steering.interventions.directions import Directions
from steering.maps.model_maps import Maps
from steering.models.chat_model import ChatModel

_logger = logging.getLogger(__name__)


def folder_for(model: ChatModel, asked: Path | None = None) -> Path | None:
    """Return the folder of directions and maps that was asked for, or one fitted on this machine.

    None is the shipped artifact; a fit in the very number format of the model comes before it.

    Args:
        model: A loaded chat model.
        asked: What the user named.

    Raises:
        SteeringError: If it is a contrast that was fitted on other weights.
    """
    if asked is not None:
        contrast_bundle.require_weights(asked, model)
        return asked
    found = quick_fit.find(model)
    if found is not None:
        _logger.info("directions and maps are those fitted on this machine, %s", found)
    return found


def agreement(
    model: ChatModel, directions: Directions, folder: Path | None, *, measured: bool = True
) -> AgreementEntry | None:
    """Return how alike directions are to a fit in the model's number format.

    Args:
        model: A loaded chat model.
        directions: Those in the folder.
        folder: What `folder_for` returned.
        measured: Whether to fit them again; else what was found before is told.

    Returns:
        What `refit.check_directions` returns; None, too, for directions that were fitted on other
        prompts than the project's own: a fit on these would differ by its prompts.
    """
    splits = PromptSplits.own()
    if not fitted_on_own_prompts(model, folder):
        return None
    look = refit.check_directions if measured else refit.known_agreement
    return look(model, directions, splits)


def fitted_on_own_prompts(model: ChatModel, folder: Path | None) -> bool:
    """Whether the manifest of the directions in a folder names the project's own prompts."""
    fitted = store.manifest(model.name, folder).get("prompts")
    return bool(fitted == PromptSplits.own().source)


def checked_maps(model: ChatModel, folder: Path | None) -> tuple[Maps, Check] | None:
    """Return a model's maps as they serve in its number format, and how well; None without maps."""
    maps = store.read_maps(model.name, folder)
    if maps is None:
        return None
    found = drift.check(model, maps)
    return found.applied(maps), found
