"""Looks into the tokens of an answer: how likely each was, what else was likely, how surprising.

Two passes read the request with the whole answer (teacher forcing), one under the edit and one
without: nothing is measured while an answer is written. A pass over many positions sums in another
order than the steps in which the answer was written, so its numbers agree with those to rounding:
about 1e-5 in float32, a few percent of a probability in bfloat16.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import torch
from jaxtyping import Float
from torch import Tensor

from steering.chat_templates.turns import Exchange
from steering.errors import SteeringError
from steering.inference.decode_request import require_tokens
from steering.inference.metrics import answer_log_probabilities, likeliest_tokens
from steering.inference.next_token import ReadRows
from steering.interventions.panel import Panel
from steering.maps.steerable_model import SteerableModel
from steering.models import overflow
from steering.models.chat_model import ChatModel

_LIKELIEST: Final = 5
"""How many tokens are listed at each place, as of an answer's first (chosen)."""
_BEFORE: Final = 8
"""Tokens before a token that are decoded to see what it adds: more than a character has."""


@dataclass(frozen=True)
class Alternative:
    """A token that might have been written.

    Attributes:
        token_id: Its id.
        text: What it would have added to the text; bytes of an unfinished character as `⟨E7⟩`.
        probability: Under the panel, before temperature and top-p, from 0 to 1.
    """

    token_id: int
    text: str
    probability: float


@dataclass(frozen=True)
class AnswerToken:
    """One token of an answer.

    Attributes:
        token_id: Its id.
        text: What it adds to the text; bytes of an unfinished character as `⟨E7⟩`.
        shown: Its part of the answer's text, as a card shows it; empty for thinking, control
            tokens, and a character that a later token completes.
        probability: Under the panel, before temperature and top-p, from 0 to 1: what the model
            gave it, not how often sampling would have drawn it.
        surprise: Negative log-probability under the unedited model, in nats; infinite for a token
            that it rules out.
        alternatives: The likeliest tokens at its place under the panel, likeliest first; it may
            be among them.
    """

    token_id: int
    text: str
    shown: str
    probability: float
    surprise: float
    alternatives: tuple[Alternative, ...]


@dataclass(frozen=True)
class AnswerEnd:
    """The place after an answer's last token.

    Attributes:
        probability: That the answer ends there under the panel: of all end tokens together.
        surprise: Negative log of the same under the unedited model, in nats.
        alternatives: The likeliest tokens there, end tokens among them.
    """

    probability: float
    surprise: float
    alternatives: tuple[Alternative, ...]


@dataclass(frozen=True)
class AnswerTokens:
    """An answer, token by token.

    Attributes:
        panel: Text form of the panel that it was read under.
        tokens: In order. An end token is among them only if it was given: none is kept of what a
            panel writes.
        end: The place after them; None for a model without end tokens, and where the numbers
            overflow there.
    """

    panel: str
    tokens: tuple[AnswerToken, ...]
    end: AnswerEnd | None

    @property
    def perplexity(self) -> float | None:
        """Of the answer under the unedited model; None if it is empty."""
        if not self.tokens:
            return None
        mean = sum(token.surprise for token in self.tokens) / len(self.tokens)
        return math.exp(mean) if mean < 700 else math.inf  # where exp overflows

    def as_dict(self) -> dict[str, Any]:
        """Return everything as JSON types, surprises in bits beside those in nats."""
        return {
            "panel": self.panel,
            "perplexity": self.perplexity,
            "tokens": [_as_dict(token) for token in self.tokens],
            "end": None if self.end is None else _as_dict(self.end),
        }


def _as_dict(place: AnswerToken | AnswerEnd) -> dict[str, Any]:
    return {**asdict(place), "bits": place.surprise / math.log(2)}


def answer_tokens(  # noqa: PLR0913 - an answer, whose it is, and what it answers
    steerable: SteerableModel,
    prompt: str,
    panel: Panel,
    answer: Sequence[int] | str,
    *,
    system: str = "",
    likeliest: int = _LIKELIEST,
    turns: Sequence[Exchange] = (),
) -> AnswerTokens:
    """Return what a panel and the unedited model think of every token of an answer.

    Args:
        steerable: The model, in the mode and number format that the answer is to be read in.
        prompt: The request.
        panel: What is done to the model: of an answer that was written here, the panel that wrote
            it. Its edits act on every token, as they do while the model writes.
        answer: Token ids as they were written (`Answer.token_ids`), thinking and control tokens
            included. A text is tokenized, which need not give the tokens that wrote it.
        system: A system prompt; blank leaves the template's own.
        likeliest: How many alternatives are listed at each place.
        turns: What was said before the request.

    Raises:
        SteeringError: If the request, the panel or the answer does not fit this model, or the
            numbers overflow before its last token.
    """
    model = steerable.model
    request = model.render(prompt, system=system, turns=turns)
    edit = panel.edit(steerable.directions)
    ids = model.template.encode(answer) if isinstance(answer, str) else list(answer)
    _require(model, request, ids)
    row, n = [*request, *ids], len(ids)
    acts = edit is not None and not edit.is_identity
    layers = [edit.first_layer] if edit is not None and acts else []
    read, logits = ReadRows.unedited(model, [row], layers, keep=n + 1)
    overflow.require(logits[:, :-1].amax(-1).isfinite().all(-1), model, [row])
    unedited = _log_probabilities(model, logits, ids)
    if acts:
        del logits  # a long answer's are gigabytes, and the edited ones are as large
        logits = read.under([edit], layers[0], panel=str(panel))
    *edited, edited_end = _log_probabilities(model, logits, ids)
    others = _alternatives(model, logits[0], row, likeliest)
    tokens = tuple(
        AnswerToken(
            token_id=ids[place],
            text=_readable(model, row[: len(request) + place + 1]),
            shown=shown,
            probability=math.exp(edited[place]),
            surprise=-unedited[place],
            alternatives=others[place],
        )
        for place, shown in enumerate(model.template.answer_texts(ids))
    )
    end = AnswerEnd(math.exp(edited_end), -unedited[n], others[n])
    return AnswerTokens(str(panel), tokens, None if math.isnan(edited_end) else end)


def _require(model: ChatModel, request: Sequence[int], answer: Sequence[int]) -> None:
    """Refuse an answer that this model cannot have written."""
    require_tokens(model, answer)
    if len(request) + len(answer) > model.context_length:
        raise SteeringError(
            f"the request and the answer have {len(request) + len(answer):,} tokens; {model.name} "
            f"reads {model.context_length:,} together; give a shorter answer"
        )


def _log_probabilities(
    model: ChatModel, logits: Float[Tensor, "1 position vocab"], ids: Sequence[int]
) -> list[float]:
    """Return those of every token, and last of an end behind them; NaN where none can be told."""
    tokens = torch.tensor([list(ids)], dtype=torch.long)
    found = answer_log_probabilities(logits[:, :-1], tokens)[0].tolist()
    ends = sorted(model.end_ids)
    end = logits[0, -1].float().log_softmax(-1)[ends].logsumexp(0) if ends else math.nan
    return [*found, float(end)]


def _alternatives(
    model: ChatModel, logits: Float[Tensor, "position vocab"], row: Sequence[int], count: int
) -> list[tuple[Alternative, ...]]:
    """Return the likeliest tokens at each place of the answer, and behind its last token.

    Args:
        model: The model.
        logits: Of these places: what comes after each of the last tokens of `row`.
        row: The request and the answer.
        count: How many.
    """
    ids, found = likeliest_tokens(logits, count)
    first = len(row) + 1 - len(logits)
    return [
        tuple(
            Alternative(token, _readable(model, [*row[: first + place], token]), probability)
            for token, probability in zip(tokens, probabilities, strict=True)
        )
        for place, (tokens, probabilities) in enumerate(
            zip(ids.tolist(), found.exp().tolist(), strict=True)
        )
    ]


def _readable(model: ChatModel, tokens: Sequence[int]) -> str:
    """Return what the last of some tokens adds to the others."""
    return model.template.readable(tokens[-1], tokens[-1 - _BEFORE : -1])
