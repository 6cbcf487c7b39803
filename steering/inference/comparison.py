"""The same request under several panels at once: texts as they grow, and what is measured on them.

What goes in and comes out is plain data, so that the work can run in another process or machine.
"""

import threading
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from steering.data.input_text import MAX_CHARACTERS, require_clean
from steering.errors import SteeringError
from steering.inference.sampling import Sampling
from steering.inference.written import Written
from steering.interventions.panel import Panel
from steering.verdicts.judgement import REFUSALS

if TYPE_CHECKING:
    from torch import Tensor

    from steering.chat_templates.turns import Exchange
    from steering.inference.decode_request import Column
    from steering.maps.steerable_model import SteerableModel
    from steering.models.chat_model import ChatModel

Decode = Callable[..., Generator["Column"]]
"""What continues rows under edits, as `generation.generate` does."""
_UPDATE_SECONDS = 0.1
"""Least time between two updates: at 50 a second a browser's Stop click was starved (measured)."""
_LIKELIEST = 5
"""How many first tokens an answer lists."""


@dataclass(frozen=True)
class Answer:
    """One panel's state: plain data, as the page, the command line and recordings show it.

    Attributes:
        panel: The panel's text form.
        text: The answer so far, without its thinking; never ends in half a character.
        finished: Whether the row has ended, by itself, by the limit or by a stop.
        ended: Whether it ended by itself, with an end-of-text token.
        verdict: What the rules say of the text; None until finished.
        reason: The rule that decided; None until finished.
        looping: Whether the text repeats itself; None until finished.
        gibberish: Whether the text stops being language; None until finished.
        degenerate_from: The first character of the text from which on it does either.
        degenerate_from_token: The place among `token_ids` of the token that writes it.
        refusal_score: Log-odds that the first token opens a refusal, in nats; None where the
            numbers overflowed before it, and where the first token was given.
        p_refusal: The same as a probability.
        first_tokens: The likeliest first tokens with their probabilities; of an answer whose
            beginning was given, those of the first token behind it.
        kl: KL divergence of that token's distribution from the baseline's, in nats; None where
            the numbers overflowed before it, and where the baseline has read other words.
        perplexity: Of what the panel wrote, under the unedited model; None until measured, or if
            it wrote nothing.
        tokens: Length of the answer in tokens, its beginning included.
        seconds: Time from the start to this panel's last token.
        thinking: What the model thought before it answered; None if it does not think.
        token_ids: The whole answer, thinking and control tokens included.
        begun: How many of them were given as its beginning, not written by this panel.
    """

    panel: str
    text: str = ""
    finished: bool = False
    ended: bool = False
    verdict: str | None = None
    reason: str | None = None
    looping: bool | None = None
    gibberish: bool | None = None
    degenerate_from: int | None = None
    degenerate_from_token: int | None = None
    refusal_score: float | None = 0.0
    p_refusal: float | None = 0.0
    first_tokens: tuple[tuple[str, float], ...] = ()
    kl: float | None = 0.0
    perplexity: float | None = None
    tokens: int = 0
    seconds: float = 0.0
    thinking: str | None = None
    token_ids: tuple[int, ...] = ()
    begun: int = 0

    @property
    def refused(self) -> bool | None:
        """Whether its verdict is a refusal; None until finished."""
        return None if self.verdict is None else self.verdict in REFUSALS

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON types."""
        return asdict(self)


def compare(  # noqa: PLR0913 - what is asked, of whom, and how
    steerable: "SteerableModel",
    prompt: str,
    panels: Sequence[Panel],
    *,
    sampling: Sampling,
    stop: threading.Event | None = None,
    system: str = "",
    decode: "Decode | None" = None,
    begin: Sequence[int] | str = (),
    histories: "Sequence[Sequence[Exchange]]" = (),
) -> Generator[tuple[Answer, ...]]:
    """Answer one request under every panel at once.

    `decode` takes the place of `generation.generate`: a server's shares its steps among visitors.
    The baseline runs wherever KL divergence can be measured from it, which is where it reads the
    same; it is shown only if it is among the panels.

    `begin` is what every answer begins with: token ids, thinking included, as `Answer.token_ids`
    has them, or a text. It is read like the request, and every edit acts on all its positions. So
    a panel goes on from the very states it would have, had it chosen these tokens itself: of
    whoever wrote them only the words are left. The other way, to leave the states of the panel that
    wrote them in the cache, would mix two edits in one answer. The random stream begins, and
    `max_new_tokens` counts, where the panel begins to write.

    `histories` holds, a panel, what was said before: a conversation of its own, which no other
    panel reads. It is read under the panel's edit, whoever wrote it. A panel that has read other
    words than the baseline has no `kl`: the two would differ by their words, not by the edit.

    Yields:
        The panels' answers, in their order, at most ten times a second while they grow; then with
        verdicts; last with perplexities. After a stop the texts so far are judged and measured.

    Raises:
        SteeringError: If the request, a panel, the sampling, the beginning or a conversation does
            not fit this model.
        ValueError: If there are histories, and not one a panel.
    """
    # Recorded answers are shown before there is a model, and without waiting for torch.
    from steering.inference import request_rows
    from steering.inference.generation import answer_perplexity, generate

    check_length(prompt, system)
    model, shown = steerable.model, len(panels)
    if histories and len(histories) != shown:
        raise ValueError(f"{len(histories)} histories for {shown} panels")
    given = request_rows.beginning(model, begin)
    rows = request_rows.rows_of(model, prompt, system, histories or [()] * shown, given)
    if any(histories):
        request_rows.require_conversation_room(model, rows, sampling)
    alike = all(row == rows[0] for row in rows)
    if alike and not any(panel.name == "baseline" for panel in panels):
        panels, rows = [*panels, Panel("baseline")], [*rows, rows[0]]
    run = _Run(model, panels, rows, given)
    last = 0.0
    for column in (decode or generate)(
        model,
        rows,
        [panel.edit(steerable.directions) for panel in panels],
        sampling,
        stop=stop,
    ):
        run.add(column)
        if time.monotonic() - last >= _UPDATE_SECONDS:
            last = time.monotonic()
            yield run.answers()[:shown]
    judged = run.judged()[:shown]
    yield judged
    written = [tokens[len(given) :] for tokens in run.written.tokens[:shown]]
    found = answer_perplexity(model, rows[:shown], written)
    yield tuple(
        replace(answer, perplexity=value) for answer, value in zip(judged, found, strict=True)
    )


def check_length(prompt: str, system: str = "") -> None:
    """Refuse a request, or a system prompt, that no model can read or nobody would wait for.

    Raises:
        SteeringError: If the request is empty, or one of both has more than `MAX_CHARACTERS`, or
            holds half a character or a control character.
    """
    if not prompt.strip():
        raise SteeringError("the request is empty; write a sentence for the model to answer")
    if len(prompt) > MAX_CHARACTERS:
        raise SteeringError(
            f"the request is too long: {len(prompt):,} characters; at most {MAX_CHARACTERS:,} are "
            "answered here; shorten it"
        )
    if len(system) > MAX_CHARACTERS:
        raise SteeringError(
            f"the system prompt is too long: {len(system):,} characters; at most "
            f"{MAX_CHARACTERS:,} are read here; shorten it"
        )
    require_clean(prompt, "the request")
    require_clean(system, "the system prompt")


class _Run:
    """The growing answers of one batch."""

    def __init__(
        self,
        model: "ChatModel",
        panels: Sequence[Panel],
        rows: Sequence[Sequence[int]],
        begin: Sequence[int],
    ) -> None:
        self.model = model
        self.rows = rows
        self.started = time.monotonic()
        self.first = [Answer(panel=str(panel), begun=len(begin)) for panel in panels]
        names = [panel.name for panel in panels]
        self.baseline = names.index("baseline") if "baseline" in names else None
        self.written = Written(len(panels), begin)
        self.seconds = [0.0] * len(panels)

    def add(self, column: "Column") -> None:
        """Take one step's tokens."""
        if column.logits is not None:
            self._measure_first_token(column.logits)
        elapsed = time.monotonic() - self.started
        self.seconds = [
            before if ended else elapsed
            for before, ended in zip(self.seconds, self.written.ended, strict=True)
        ]
        self.written.add(column)

    def answers(self) -> tuple[Answer, ...]:
        """Return the answers so far."""
        written = self.written
        replies = written.replies(self.model.template)
        return tuple(
            replace(
                answer,
                text=replies[row].answer,
                thinking=replies[row].thinking,
                token_ids=tuple(written.tokens[row]),
                finished=written.ended[row],
                ended=written.ended[row] and not written.overflowed[row],
                tokens=len(written.tokens[row]),
                seconds=self.seconds[row],
            )
            for row, answer in enumerate(self.first)
        )

    def judged(self) -> tuple[Answer, ...]:
        """Return the answers as finished, with their verdicts."""
        judgements = self.written.judgements(self.model.template)
        return tuple(
            replace(
                answer,
                finished=True,
                degenerate_from_token=self._token_at(row, answer.text, judgement.degenerate_from),
                **asdict(judgement),
            )
            for row, (answer, judgement) in enumerate(zip(self.answers(), judgements, strict=True))
        )

    def _token_at(self, row: int, text: str, character: int | None) -> int | None:
        if character is None or character >= len(text):  # an overflow may have left no text
            return None
        return self.written.token_at(self.model.template, row, character)

    def _measure_first_token(self, logits: "Tensor") -> None:
        from steering.inference.metrics import kl_divergence, refusal_probability, refusal_score
        from steering.models import overflow

        openers = self.model.opener_ids
        score = refusal_score(logits, openers)
        probability = refusal_probability(logits, openers)
        base = self.baseline
        kl = None if base is None else kl_divergence(logits[base].expand_as(logits), logits)
        same = [base is not None and row == self.rows[base] for row in self.rows]
        fine = overflow.readable_rows(logits).tolist()
        likeliest = logits.softmax(-1).topk(_LIKELIEST)
        self.first = [
            _unmeasured(answer)
            if not fine[row]
            else replace(
                answer,
                # What opens a refusal opens none in the middle of an answer.
                refusal_score=None if answer.begun else float(score[row]),
                p_refusal=None if answer.begun else float(probability[row]),
                kl=float(kl[row]) if kl is not None and same[row] else None,
                first_tokens=tuple(
                    (cast(str, self.model.tokenizer.decode([int(token)])), float(value))
                    for token, value in zip(
                        likeliest.indices[row], likeliest.values[row], strict=True
                    )
                ),
            )
            for row, answer in enumerate(self.first)
        ]


def _unmeasured(answer: Answer) -> Answer:
    return replace(answer, refusal_score=None, p_refusal=None, kl=None)
