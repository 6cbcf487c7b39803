"""What is timed: decoding, reading a request, and the hooks, on one loaded model."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from steering.bench import row_edits
from steering.bench.peers import STREAMS, PeerTask, peers
from steering.bench.rounds import Contender
from steering.inference.comparison import compare
from steering.inference.generation import generate
from steering.inference.sampling import Sampling
from steering.interventions.directions import Directions
from steering.interventions.edits import Edit
from steering.interventions.panel import Panel, parse, usual
from steering.maps.steerable_model import SteerableModel
from steering.models.chat_model import ChatModel

PROMPT: Final = "How do I pick the lock of my own front door?"
"""A short request, on which every panel writes until it is cut."""
READ_TOKENS: Final = 200
"""Length of the request that is read."""


@dataclass(frozen=True)
class Timed:
    """One comparison of two contenders.

    Attributes:
        name: What is timed.
        base: What it is compared with.
        goal: The ratio is meant to be at most this; None where there is no goal.
    """

    name: str
    base: str
    goal: float | None = None


@dataclass(frozen=True)
class Suite:
    """What runs in turn, and what is compared.

    Attributes:
        contenders: By name.
        timed: The comparisons, in the order of the table.
        missing: What should run as well and cannot here, with the reason.
    """

    contenders: Mapping[str, Contender]
    timed: tuple[Timed, ...]
    missing: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Subject:
    """What a suite is run on.

    Attributes:
        steerable: The model as the app loads it, with its directions.
        plain: The same weights as transformers has them, for its own `generate`.
        tokens: How long answers are.
        gguf: The same weights for llama.cpp; None looks for a file that the cache still has.
        fast: The model with fast products; None where it may not have them.
        why_not_fast: Says why, in a sentence.
    """

    steerable: SteerableModel
    plain: ChatModel
    tokens: int
    gguf: Path | None = None
    fast: SteerableModel | None = None
    why_not_fast: str = ""

    @property
    def model(self) -> ChatModel:
        """The model as the app loads it."""
        return self.steerable.model

    @property
    def directions(self) -> Directions:
        """Its directions."""
        return self.steerable.directions


def decode(subject: Subject) -> Suite:
    """Time whole runs: texts, first tokens and perplexities of several panels on one request.

    Beside them stand the peers that are installed: plain `generate` of transformers, llama.cpp on
    the same weights, and what other programs take to add one vector at one layer.
    """
    panels = _panels(subject)
    six = [*panels, parse("actadd:c=1")]
    n = len(panels)
    ids = subject.model.render(PROMPT)
    added = f"one added vector a row, {n} rows"
    batched = f"continuous batching, {n} rows"
    sampling = Sampling(max_new_tokens=subject.tokens)
    vectors = row_edits.additions(subject.model, n)
    others, missing = peers(PeerTask(subject.plain, ids, n, subject.tokens, subject.gguf))

    fast, timed_fast = _fast(subject, panels, six)
    if not fast:
        missing = {**missing, "fast products": subject.why_not_fast}

    return Suite(
        {
            **_runs(subject.steerable, subject, panels, six, ""),
            **fast,
            f"generate, {n} rows": row_edits.plain_generate(
                subject.plain, [ids] * n, subject.tokens
            ),
            batched: row_edits.continuous_batching(subject.plain, [ids] * n, subject.tokens),
            added: lambda: list(
                generate(row_edits.endless(subject.model), [ids] * n, vectors, sampling)
            ),
            **others,
        },
        (
            Timed(f"{n} panels", f"generate, {n} rows", 0.55),
            Timed(f"{len(six)} panels", "1 panel", 1.6),
            Timed(f"{n} panels", "1 panel"),
            *timed_fast,
            Timed(f"{n} panels", batched),
            Timed(added, f"generate, {n} rows"),
            Timed(added, batched),
            *(Timed(_like(name, n, added), name) for name in others),
            *_fast_beside_llama_cpp(fast, others, n),
        ),
        missing,
    )


def _runs(
    steerable: SteerableModel, subject: Subject, panels: list[Panel], six: list[Panel], how: str
) -> dict[str, Contender]:
    """Return whole runs of all panels, of one more, and of one alone, by name."""
    chosen = {f"{len(panels)} panels{how}": panels, f"{len(six)} panels{how}": six}
    chosen[f"1 panel{how}"] = panels[:1]
    return {
        name: partial(_exhaust, steerable, each, subject.tokens) for name, each in chosen.items()
    }


def _fast(
    subject: Subject, panels: list[Panel], six: list[Panel]
) -> tuple[dict[str, Contender], list[Timed]]:
    """Return the same runs with fast products, where the model may have them."""
    if subject.fast is None:
        return {}, []
    n, more = len(panels), len(six)
    return _runs(subject.fast, subject, panels, six, ", fast"), [
        Timed(f"{n} panels, fast", f"generate, {n} rows", 0.25),
        Timed(f"{more} panels, fast", "1 panel, fast", 1.3),
        Timed(f"{n} panels, fast", f"{n} panels"),
    ]


def _fast_beside_llama_cpp(
    fast: Mapping[str, Contender], others: Mapping[str, Contender], n: int
) -> list[Timed]:
    """Compare fast products with the same number of streams, where both are there."""
    streams = f"llama.cpp, {STREAMS} streams"
    here = fast and streams in others and n == STREAMS
    return [Timed(f"{n} panels, fast", streams, 1.0)] if here else []


def _like(peer: str, n: int, added: str) -> str:
    """Return what of ours does the work that a peer does."""
    if peer.startswith("llama.cpp"):
        return "1 panel" if peer.endswith("1 stream") else f"{n} panels"
    return added


def reading(subject: Subject) -> Suite:
    """Time reading a request of 200 tokens under several panels and without any."""
    ids = _long_request(subject.model)
    edits = [panel.edit(subject.directions) for panel in _panels(subject)]
    n = len(edits)
    first = Sampling(max_new_tokens=1)

    def read(chosen: list[Edit | None]) -> Contender:
        return lambda: list(generate(subject.model, [ids] * len(chosen), chosen, first))

    return Suite(
        {f"read under {n} panels": read(edits), "read once": read([None])},
        (Timed(f"read under {n} panels", "read once", 3.0),),
    )


def hooks(subject: Subject) -> Suite:
    """Time steps of rows that are edited at every site of every block, and at none.

    The edited rows differ in strength, so that none is spared as a copy of another.
    """
    n = len(_panels(subject))
    ids = subject.model.render(PROMPT)
    strengths = [0.01 * (row + 1) for row in range(n)]
    everywhere = [Panel("ablation", alpha=each).edit(subject.directions) for each in strengths]
    # Another strength at the last block only: hooks at one site, and rows that differ as well.
    top = subject.model.n_layers - 1
    nowhere = [
        Panel("flip", basis="dim", alpha=each, layer=top).edit(subject.directions)
        for each in strengths
    ]
    sampling = Sampling(max_new_tokens=subject.tokens)

    def steps(edits: list[Edit | None]) -> Contender:
        return lambda: list(generate(subject.model, [ids] * n, edits, sampling))

    return Suite(
        {"edited everywhere": steps(everywhere), "edited at the last block": steps(nowhere)},
        (Timed("edited everywhere", "edited at the last block", 1.1),),
    )


SUITE_BY_NAME: Final[Mapping[str, Callable[[Subject], Suite]]] = {
    "decode": decode,
    "prefill": reading,
    "hooks": hooks,
}
"""By the name that the command line has for them."""


def _panels(subject: Subject) -> list[Panel]:
    """Return what the app starts with, as far as the model has directions for it."""
    return [parse(text) for text in usual(subject.directions)]


def _exhaust(steerable: SteerableModel, panels: list[Panel], tokens: int) -> None:
    for _ in compare(steerable, PROMPT, panels, sampling=Sampling(max_new_tokens=tokens)):
        pass


def _long_request(model: ChatModel) -> list[int]:
    """Return the token ids of a request of `READ_TOKENS` tokens, or of the most that fit."""
    words = PROMPT
    longest = min(READ_TOKENS, model.context_length - 2)
    while len(model.render(f"{words} {PROMPT}")) <= longest:
        words = f"{words} {PROMPT}"
    return model.render(words)
