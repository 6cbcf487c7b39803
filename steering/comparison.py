"""The same request under several panels at once: texts as they grow, and what is measured on them.

What goes in and comes out is plain data, so that the work can run in another process or machine.
"""

import threading
import time
from collections.abc import Generator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from steering.errors import SteeringError
from steering.judge import judge
from steering.panel import Panel
from steering.sampling import Sampling

if TYPE_CHECKING:
    from torch import Tensor

    from steering.directions import Directions
    from steering.generation import Column
    from steering.model import ChatModel

MAX_CHARACTERS = 4000
"""Longest request (chosen): about 1000 tokens, which two cores read six times in a minute."""
_UPDATE_SECONDS = 0.1
"""Least time between two updates: at 50 a second a browser's Stop click was starved (measured)."""
_LIKELIEST = 5
"""How many first tokens an answer lists."""


@dataclass(frozen=True)
class Answer:
    """One panel's state: plain data, as the page, the command line and recordings show it.

    Attributes:
        panel: The panel's text form.
        text: The answer so far; never ends in half a character.
        finished: Whether the row has ended, by itself, by the limit or by a stop.
        ended: Whether it ended by itself, with an end-of-text token.
        verdict: What the rules say of the text; None until finished.
        reason: The rule that decided; None until finished.
        looping: Whether the text repeats itself; None until finished.
        refusal_score: Log-odds that the first token opens a refusal, in nats.
        p_refusal: The same as a probability.
        first_tokens: The likeliest first tokens with their probabilities.
        kl: KL divergence of the first token's distribution from the baseline's, in nats.
        perplexity: Of the answer under the unedited model; None until measured, or if empty.
        tokens: Length of the answer in tokens.
        seconds: Time from the start to this panel's last token.
    """

    panel: str
    text: str = ""
    finished: bool = False
    ended: bool = False
    verdict: str | None = None
    reason: str | None = None
    looping: bool | None = None
    refusal_score: float = 0.0
    p_refusal: float = 0.0
    first_tokens: tuple[tuple[str, float], ...] = ()
    kl: float = 0.0
    perplexity: float | None = None
    tokens: int = 0
    seconds: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON types."""
        return asdict(self)


def compare(
    model: "ChatModel",
    directions: "Directions",
    prompt: str,
    panels: Sequence[Panel],
    *,
    sampling: Sampling,
    stop: threading.Event | None = None,
) -> Generator[tuple[Answer, ...]]:
    """Answer one request under every panel at once.

    The baseline always runs, since KL divergence is measured from it; it is shown only if it is
    among the panels.

    Yields:
        The panels' answers, in their order, at most ten times a second while they grow; then with
        verdicts; last with perplexities. After a stop the texts so far are judged and measured.

    Raises:
        SteeringError: If the request, a panel or the sampling does not fit this model.
    """
    # Recorded answers are shown before there is a model, and without waiting for torch.
    from steering.generation import answer_perplexity, generate
    from steering.intervention import compile_edits

    check_length(prompt)
    directions.require(model.name, n_layers=model.n_layers, d_model=model.d_model)
    hidden = [] if any(panel.name == "baseline" for panel in panels) else [Panel("baseline")]
    shown = len(panels)
    panels = [*panels, *hidden]
    ids = model.render(prompt)
    edits = [panel.edit(directions) for panel in panels]
    run = _Run(model, panels)
    last = 0.0
    for column in generate(
        model,
        [ids] * len(panels),
        compile_edits(edits, device=model.device),
        sampling,
        stop=stop,
    ):
        run.add(column)
        if time.monotonic() - last >= _UPDATE_SECONDS:
            last = time.monotonic()
            yield run.answers()[:shown]
    judged = run.judged()[:shown]
    yield judged
    found = answer_perplexity(model, [ids] * shown, run.tokens[:shown])
    yield tuple(
        replace(answer, perplexity=value) for answer, value in zip(judged, found, strict=True)
    )


def check_length(prompt: str) -> None:
    """Refuse a request that nobody would wait for.

    Raises:
        SteeringError: If it is empty or has more than `MAX_CHARACTERS`.
    """
    if not prompt.strip():
        raise SteeringError("the request is empty; write a sentence for the model to answer")
    if len(prompt) > MAX_CHARACTERS:
        raise SteeringError(
            f"the request is too long: {len(prompt):,} characters; at most {MAX_CHARACTERS:,} are "
            "answered here; shorten it"
        )


class _Run:
    """The growing answers of one batch."""

    def __init__(self, model: "ChatModel", panels: Sequence[Panel]) -> None:
        self.model = model
        self.started = time.monotonic()
        self.first = [Answer(panel=str(panel)) for panel in panels]
        self.baseline = [panel.name for panel in panels].index("baseline")
        self.tokens: list[list[int]] = [[] for _ in panels]
        self.seconds = [0.0] * len(panels)
        self.ended = [False] * len(panels)

    def add(self, column: "Column") -> None:
        """Take one step's tokens."""
        if column.logits is not None:
            self._measure_first_token(column.logits)
        elapsed = time.monotonic() - self.started
        for row, token in enumerate(column.tokens):
            if token is not None:
                self.tokens[row].append(token)
            if not self.ended[row]:
                self.seconds[row] = elapsed
        self.ended = list(column.ended)

    def answers(self) -> tuple[Answer, ...]:
        """Return the answers so far."""
        return tuple(
            replace(
                answer,
                text=readable(self.model, self.tokens[row]),
                finished=self.ended[row],
                ended=self.ended[row],
                tokens=len(self.tokens[row]),
                seconds=self.seconds[row],
            )
            for row, answer in enumerate(self.first)
        )

    def judged(self) -> tuple[Answer, ...]:
        """Return the answers as finished, with their verdicts."""
        return tuple(_judged(answer) for answer in self.answers())

    def _measure_first_token(self, logits: "Tensor") -> None:
        from steering.metrics import kl_divergence, refusal_probability, refusal_score

        openers = self.model.opener_ids
        score = refusal_score(logits, openers)
        probability = refusal_probability(logits, openers)
        baseline = logits[self.baseline].expand_as(logits)
        kl = kl_divergence(baseline, logits)
        likeliest = logits.softmax(-1).topk(_LIKELIEST)
        self.first = [
            replace(
                answer,
                refusal_score=float(score[row]),
                p_refusal=float(probability[row]),
                kl=float(kl[row]),
                first_tokens=tuple(
                    (cast(str, self.model.tokenizer.decode([int(token)])), float(value))
                    for token, value in zip(
                        likeliest.indices[row], likeliest.values[row], strict=True
                    )
                ),
            )
            for row, answer in enumerate(self.first)
        ]


def readable(model: "ChatModel", tokens: Sequence[int]) -> str:
    """Decode tokens; a character whose bytes have not all come yet is left out."""
    text: str = model.tokenizer.decode(list(tokens), skip_special_tokens=True)
    return text.rstrip("\ufffd")


def _judged(answer: Answer) -> Answer:
    judgement = judge(answer.text, ended=answer.ended)
    return replace(
        answer,
        finished=True,
        verdict=judgement.verdict,
        reason=judgement.reason,
        looping=judgement.looping,
    )
