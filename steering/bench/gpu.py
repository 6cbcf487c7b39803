"""Rows on a GPU, from one to 256, each under an edit of its own, against unedited ones.

EasySteer's published table gives tokens a second as a share of the unsteered: one layer .89, all
layers .76, 256 different additive edits .18. The suite times the same three, as times: a share of
.89 is a ratio of 1.12 here.
"""

import gc
from collections.abc import Mapping, Sequence
from typing import Final

import torch

from steering.bench import row_edits
from steering.bench.bench_document import (
    BenchDocument,
    FigureEntry,
    RatioEntry,
    figure,
    ratios,
    timed_machine,
)
from steering.bench.random_model import LLAMA_3_8B, TINY, build
from steering.bench.rounds import Contender, Rounds, interleaved
from steering.bench.suites import Timed
from steering.errors import SteeringError
from steering.inference.generation import generate
from steering.inference.sampling import Sampling
from steering.interventions.edits import Edit
from steering.models.chat_model import ChatModel, Quantization

GPU_ROWS: Final = (1, 5, 16, 64, 256)
"""Rows of a step on a GPU."""
FEW_ROWS: Final = (1, 5)
"""Where there is none, to see that everything runs."""
_FORMATS: Final[tuple[Quantization, ...]] = ("none", "nf4")


def require_device(device: str | None) -> None:
    """Refuse to time a GPU that is not there, before anything is loaded.

    Raises:
        SteeringError: Says what is missing, and how to see that the suite runs.
    """
    if device is None and not torch.cuda.is_available():
        raise SteeringError(
            f"the suite gpu needs a CUDA GPU, and torch {torch.__version__} finds none; run it on "
            "a machine with one and a build of torch for CUDA, or add `--device cpu` to run it "
            "tiny here, whose numbers say nothing of a GPU"
        )


def measure(model: ChatModel, plain: ChatModel, tokens: int, *, rounds: int) -> BenchDocument:
    """Time the given model, then random weights in Llama-3-8B's shape, in bfloat16 and NF4.

    Args:
        model: As the app loads it.
        plain: The same weights as transformers has them, for its own `generate`.
        tokens: Length of an answer.
        rounds: How often each contender is timed.

    Raises:
        SteeringError: If there are too few rounds.
    """
    tiny = model.device.type == "cpu"
    shape, sizes = (TINY, FEW_ROWS) if tiny else (LLAMA_3_8B, GPU_ROWS)
    rows: list[RatioEntry] = []
    figures: list[FigureEntry] = []
    seconds: dict[str, float] = {}
    missing: dict[str, str] = {}
    for kind in (None, *_FORMATS):
        try:
            ours = model if kind is None else build(shape, model, kind)
        except SteeringError as error:
            missing[f"{shape.title}, {kind}"] = str(error)
            continue
        theirs = plain if kind is None else ours
        for count in sizes:
            found, most = _timed(ours, theirs, count, tokens, rounds)
            rows += ratios(found, _comparisons(ours.name, count))
            seconds |= {name: found.median(name) for name in found.seconds}
            figures += [
                figure(name, count * tokens / found.median(name), "tokens/s")
                for name in found.seconds
            ]
            figures += [figure(f"memory, {count} rows, {ours.name}", most / 1e9, "GB")] * (most > 0)
        del ours, theirs
        gc.collect()
    return {
        "suite": "gpu",
        "model": model.name,
        "number_format": model.number_format.reason,
        "tokens": tokens,
        "rounds": rounds,
        "rows": rows,
        "seconds": seconds,
        "figures": figures,
        "missing": missing,
        "machine": timed_machine(model.device.type, ["bitsandbytes"]),
    }


def _comparisons(name: str, count: int) -> list[Timed]:
    unedited = _title("unedited", count, name)
    return [
        *(Timed(_title(what, count, name), unedited) for what in _EDITED),
        Timed(unedited, _title("generate", count, name)),
    ]


def _title(what: str, count: int, name: str) -> str:
    return f"{what}, {count} row{'s' * (count > 1)}, {name}"


def _timed(
    ours: ChatModel, theirs: ChatModel, count: int, tokens: int, rounds: int
) -> tuple[Rounds, int]:
    """Time one number of rows; returns the seconds, and the most bytes of a GPU in use."""
    if ours.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    made = contenders(ours, theirs, count, tokens)
    found = interleaved({_title(what, count, ours.name): run for what, run in made.items()}, rounds)
    most = torch.cuda.max_memory_allocated() if ours.device.type == "cuda" else 0
    return found, most


def contenders(ours: ChatModel, theirs: ChatModel, count: int, tokens: int) -> dict[str, Contender]:
    """Return what is timed at one number of rows; every row has a request and an edit of its own.

    Args:
        ours: The model whose rows this program continues.
        theirs: The one whose rows transformers continues.
        count: Number of rows.
        tokens: Length of an answer; no row ends before.
    """
    model, sampling = row_edits.endless(ours), Sampling(max_new_tokens=tokens)
    rows = row_edits.requests(model, count)

    def write(edits: Sequence[Edit | None]) -> Contender:
        return lambda: list(generate(model, rows, edits, sampling))

    edited = {what: write(make(model, count)) for what, make in _EDITED.items()}
    plain = row_edits.plain_generate(theirs, rows, tokens)
    return {"unedited": write([None] * count), **edited, "generate": plain}


_EDITED: Final[Mapping[str, row_edits.RowEdits]] = {
    "ablations at one layer": row_edits.at_one_layer,
    "ablations at all layers": row_edits.at_all_layers,
    "additions at one layer": row_edits.additions,
}
