"""For programs that use the package: a model, its directions, and a fit of one's own.

Everything else that a program needs it takes from where it is; `steering` names it all.
"""

import threading
from collections.abc import Generator, Sequence
from functools import partial
from pathlib import Path

from steering.adaptation import fast_gate, format_trial, loaded, quick_fit
from steering.artifacts import store
from steering.data.splits import PromptSplits
from steering.errors import SteeringError
from steering.inference import comparison
from steering.inference.comparison import Answer
from steering.inference.sampling import Sampling
from steering.interventions.directions import Directions
from steering.interventions.panel import Panel
from steering.maps.steerable_model import SteerableModel
from steering.models import loading
from steering.models.chat_model import ChatModel, Quantization
from steering.models.fast_products import SpeedChoice
from steering.models.number_formats import Dtype
from steering.sources import catalog
from steering.system.progress import Report


def load(  # noqa: PLR0913 - what a user may ask of a machine, all of it named
    name: str = catalog.DEFAULT_MODEL,
    *,
    quantization: Quantization | None = None,
    dtype: Dtype | None = None,
    device: str | None = None,
    thinking: str = "auto",
    speed: SpeedChoice = "exact",
    report: Report | None = None,
) -> ChatModel:
    """Fetch a chat model if need be, and load it in a number format that this machine can hold.

    Args:
        name: Catalog name, hub id, folder or .gguf file.
        quantization: `none`, `nf4` or `int8`; None chooses by the machine.
        dtype: `auto`, `float32`, `bfloat16` or `float16`; None is `auto`, which chooses by the
            machine.
        device: A torch device; None takes the GPU if there is one.
        thinking: `on`, `off` or `auto`, which is off where the chat template allows it.
        speed: `exact`, `fast` or `auto`, which takes fast products on a CPU where `gate` measured
            that answers stay the same.
        report: Called with the progress of download and conversion.

    Raises:
        SteeringError: If the weights cannot be had, do not fit, or the model cannot be steered.
    """
    return loading.load(
        name,
        quantization=quantization,
        dtype=dtype,
        device=device,
        thinking=thinking,
        report=report,
        trial=format_trial.trial,
        speed=speed,
        gate=partial(fast_gate.allowed, name),
    )


def load_directions(model: ChatModel | str, folder: Path | str | None = None) -> Directions:
    """Return the directions of a model.

    Args:
        model: A loaded model, for which a fit made on this machine in its number format comes
            before the shipped one; or a model's name.
        folder: What `precompute`, `fit` or `import` wrote; None looks for it.

    Raises:
        SteeringError: If there are none, or they are broken.
    """
    asked = Path(folder) if folder is not None else None
    if isinstance(model, str):
        return store.load(model, asked)
    return store.load(model.name, loaded.folder_for(model, asked))


def compare(  # noqa: PLR0913 - what is asked, of whom, and how
    model: ChatModel,
    directions: Directions,
    prompt: str,
    panels: Sequence[Panel],
    *,
    sampling: Sampling,
    stop: threading.Event | None = None,
    system: str = "",
    begin: Sequence[int] | str = (),
) -> Generator[tuple[Answer, ...]]:
    """Answer one request under every panel at once.

    Args:
        model: A loaded chat model.
        directions: Its directions.
        prompt: The request.
        panels: What is done to the model, a batch row each; the baseline always runs beside them.
        sampling: How tokens are chosen.
        stop: Ends the answers when it is set, from another thread.
        system: A system prompt; blank leaves the template's own.
        begin: What every answer begins with, as tokens or text: it is read as if the panel had
            written it, and is part of the answer.

    Returns:
        The panels' answers, in their order, again and again while they grow; the last ones have
        verdicts and perplexities. See `comparison.compare`, which this is for a pair.

    Raises:
        SteeringError: If the directions are another model's or of another mode; while answers are
            taken, if the request, a panel or the sampling does not fit.
    """
    steerable = SteerableModel(model, directions)
    return comparison.compare(
        steerable, prompt, panels, sampling=sampling, stop=stop, system=system, begin=begin
    )


def fit(
    model: ChatModel,
    harmful: Path | str | None = None,
    harmless: Path | str | None = None,
    *,
    out: Path | str | None = None,
) -> Directions:
    """Fit directions and maps of a model in minutes, and write them.

    Args:
        model: A loaded chat model.
        harmful: File of harmful prompts (.json, .jsonl, .csv or .txt); None takes the project's
            own prompts, and places and settings that are shipped for this model.
        harmless: File of harmless prompts, with `harmful`.
        out: Folder to write; None keeps the fit in the cache, where `load_directions` finds it.

    Raises:
        SteeringError: If one file is given without the other, or the model or the prompts do not
            allow it; nothing is written then.
    """
    folder = Path(out) if out is not None else None
    if harmful is not None and harmless is not None:
        return quick_fit.quick(model, PromptSplits.of_files(Path(harmful), Path(harmless)), folder)
    if harmful is not None or harmless is not None:
        given, missing = ("harmful", "harmless") if harmless is None else ("harmless", "harmful")
        raise SteeringError(
            f"{given}={harmful or harmless} was given without {missing}; give both files, or "
            "neither for the project's own prompts"
        )
    return quick_fit.quick(model, PromptSplits.own(), folder, taken_over=quick_fit.known(model))
