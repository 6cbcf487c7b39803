"""What libraries raise at a model's files, in one sentence that names the folder and the reason.

Most faults are found before, by `checkpoint`. What is left are settings and weights that do not fit
each other, which only the library that puts them together can see.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType

from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError

from steering.errors import SteeringError
from steering.system import disk_space

_FAULTS: tuple[type[BaseException], ...] = (
    OSError,
    ValueError,  # JSON and Unicode errors among them
    LookupError,
    TypeError,
    AttributeError,
    ImportError,
    RuntimeError,
    AssertionError,
    ArithmeticError,  # heads: 0
    MemoryError,
    SafetensorError,
    StrictDataclassError,  # a setting of the wrong type
)
"""What transformers, safetensors and torch raise while they read a model."""

_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")


class explained:
    """Turn what libraries raise at the files of a folder into one sentence.

    Only calls of such libraries belong inside: a mistake of our own would be told as the folder's.

    Raises:
        SteeringError: In place of an error of a known kind; others stay what they are.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> None:
        """Nothing is needed before."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Raise the sentence in place of the error."""
        # The tokenizers library raises nothing but plain `Exception`.
        if error is not None and (kind is Exception or isinstance(error, _FAULTS)):
            raise _sentence(self._folder, error) from error


def require_whole(
    folder: Path,
    missing: Iterable[str],
    mismatched: Iterable[tuple[str, Sequence[int], Sequence[int]]] = (),
) -> None:
    """Refuse weights that lack tensors, which transformers draws at random.

    Args:
        folder: Where the weights are.
        missing: Names of the tensors that the network has and the files have not.
        mismatched: Names of those of another shape, with the files' shape and the network's.

    Raises:
        SteeringError: Names some of them.
    """
    other = "they belong to another model than config.json, or are not all there"
    if shapes := sorted(mismatched, key=lambda entry: entry[0]):
        name, found, expected = shapes[0]
        raise SteeringError(
            f"{len(shapes)} tensors in {folder} have another shape than config.json says, for "
            f"example {name}: {tuple(found)}, expected {tuple(expected)}; {other}"
        )
    if names := sorted(missing):
        raise SteeringError(
            f"the weights in {folder} lack {len(names)} of the network's tensors, which would be "
            f"random: {', '.join(names[:4])}{', ...' if len(names) > 4 else ''}; {other}"
        )


def _sentence(folder: Path, error: BaseException) -> SteeringError:
    if disk_space.is_full(error):
        return disk_space.full(folder, None)
    said = " ".join(str(error).split())
    if isinstance(error, MemoryError) or any(words in said.lower() for words in _MEMORY):
        return SteeringError(
            f"the model in {folder} does not fit in memory ({said[:200]}); close other programs, "
            "choose the quantization nf4 or int8, or a smaller model"
        )
    return SteeringError(
        f"the model in {folder} cannot be loaded: {type(error).__name__}: "
        f"{said[:400] or 'no reason given'}; check its files or get them again"
    )
