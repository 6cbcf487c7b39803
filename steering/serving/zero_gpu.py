"""A GPU that is lent for one run at a time, as ZeroGPU Spaces lend it.

There the package `spaces` takes one decorated generator to a process that is forked when a GPU is
free: what it is given and what it yields is pickled, and what it changes is lost. So a single
function is decorated, and takes and yields lists, numbers and bytes. Weights go another way: the
fork has what this process holds, which is a copy of the modules without anybody's hooks, on the
CPU; the borrower moves it to the GPU it finds.

All else stays here on the CPU and costs no quota: maps, perplexities, what a word was chosen from.
"""

import math
import os
import secrets
from collections.abc import Callable, Generator
from contextlib import closing
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final, cast

from steering.errors import SteeringError

if TYPE_CHECKING:
    from steering.models.chat_model import ChatModel
    from steering.serving.shared_steps import SharedSteps
    from steering.system.fair_lock import FairLock

Plain = dict[str, Any]
"""Text, numbers, bytes, and lists of them."""
_Decoding = Callable[[str, Plain], Generator[Plain]]
_BEGIN_SECONDS: Final = 10
"""To move a small model to the GPU and to read the request (chosen)."""
_TOKEN_SECONDS: Final = 0.06
"""A step of six rows under hooks, which are launched from Python (chosen)."""
_MOST_SECONDS: Final = 120
"""What a visitor without an account has a day; more is refused."""
_held: dict[str, "ChatModel"] = {}
"""The model that a fork finds, by its key. What else could reach it would have to be pickled."""


class NoGpuError(SteeringError):
    """No GPU was lent, or it was taken away."""


class StaleError(Exception):
    """The borrower was forked before this model was loaded."""


def is_lent() -> bool:
    """Whether this is a Space whose GPU is lent."""
    asked = os.environ.get("SPACES_ZERO_GPU", "").lower() in ("1", "t", "true")
    return asked and find_spec("spaces") is not None


def seconds(_key: str, asked: Plain) -> int:
    """Return for how long the GPU is asked for; whoever asks for little is served first."""
    tokens: int = asked["sampling"]["max_new_tokens"]
    needed = _BEGIN_SECONDS + math.ceil(_TOKEN_SECONDS * tokens)
    return min(_MOST_SECONDS, needed)


def _lent(decode: _Decoding) -> _Decoding:
    if not is_lent():
        return decode
    import spaces  # type: ignore[import-not-found,unused-ignore]

    return cast(_Decoding, spaces.GPU(duration=seconds)(decode))


@_lent
def decode(key: str, asked: Plain) -> Generator[Plain]:
    """Continue rows in the borrower's process.

    Args:
        key: Of the model, as `hold` gave it.
        asked: A request, as `plain_forms` writes it.

    Yields:
        A column a step, or a refusal, as `plain_forms` writes them; `{"stale": true}` where this
        process does not have the model: it ends, so that the next one is forked anew.
    """
    model = _held.get(key)
    if model is None:
        yield {"stale": True}
        os._exit(0)
    import torch

    from steering.inference.generation import generate
    from steering.serving import plain_forms

    if torch.cuda.is_available():
        model.network.to("cuda")
    rows, edits, sampling = plain_forms.request(asked)
    try:
        for column in generate(model, rows, edits, sampling):
            yield plain_forms.of_column(column)
    except SteeringError as error:  # Another process learns of other errors their name alone.
        yield plain_forms.of_refusal(error)


def hold(model: "ChatModel") -> str:
    """Keep a model for whoever is forked from now on, instead of the one before.

    Returns:
        Its key.
    """
    key = secrets.token_hex(8)
    _held.clear()
    _held[key] = model
    return key


def columns(key: str, asked: Plain) -> Generator[Plain]:
    """Borrow a GPU and yield what `decode` yields there.

    Raises:
        NoGpuError: If none was lent, or it was taken away.
        StaleError: If the borrower does not have the model.
    """
    try:
        with closing(decode(key, asked)) as lent:
            yield from map(_known, lent)
    except Exception as error:
        if _is_refusal(error):
            raise NoGpuError(_sentence(error)) from error
        raise


def _known(found: Plain) -> Plain:
    if "stale" in found:
        raise StaleError
    return found


def borrowed(model: "ChatModel", turn: "FairLock") -> "tuple[SharedSteps, int]":
    """Return what `shared_steps.shared` returns, for runs that each borrow a GPU.

    Args:
        model: A loaded chat model, on the CPU.
        turn: Every pass in this process takes it.
    """
    from steering.serving import borrowed_steps

    return borrowed_steps.borrowed(model, turn)


def _is_refusal(error: Exception) -> bool:
    """Whether `spaces` means a visitor by it: then it is one of Gradio's, unknown to this layer."""
    return any(base.__module__ == "gradio.exceptions" for base in type(error).__mro__)


def _sentence(error: Exception) -> str:
    title, said = (str(getattr(error, name, "")).strip() for name in ("title", "message"))
    reason = ": ".join(each.rstrip(".") for each in (title, said) if each)
    return (
        f"no GPU could be had for this run ({reason}); the examples have recorded answers, which "
        "need none"
    )
