"""Refusal openers: the first tokens by which a refusal is told before it is written.

Arditi et al. 2024 (arXiv:2406.11717, sec. 2.3) name them by hand, a token or two a model. Where
directions are fitted here, they come from the answers of the training prompts instead: the tokens
with which refusals begin more often than answers do. Directions of earlier versions have no such
table, and their scores are read with the model's own openers, those of the catalog.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from steering.models.chat_model import ChatModel


@dataclass(frozen=True)
class Opener:
    """A first token, and how much likelier it is where the model goes on to refuse.

    Attributes:
        token: Its id.
        text: What it writes.
        refused: Its mean probability as first token of the answers that refuse, from 0 to 1.
        answered: The same of those that answer.
        taken: Whether the refusal score reads it; the others are shown for comparison.
    """

    token: int
    text: str
    refused: float
    answered: float
    taken: bool

    def __post_init__(self) -> None:
        """Refuse what is no token with two probabilities."""
        if type(self.token) is not int or self.token < 0 or not isinstance(self.text, str):
            raise ValueError(f"{self.token!r} with the text {self.text!r} is no token")
        if not all(0 <= share <= 1 for share in (self.refused, self.answered)):
            raise ValueError(f"shares of {self.text!r} must lie between 0 and 1: {self}")


@dataclass(frozen=True)
class OpenerTable:
    """The likeliest openers, and how many answers they were found in.

    Attributes:
        rows: The tokens in which refusals and answers differ most, most first.
        n_refused: Training answers that refuse.
        n_answered: Training answers that answer.
    """

    rows: tuple[Opener, ...]
    n_refused: int
    n_answered: int

    @property
    def taken(self) -> tuple[Opener, ...]:
        """The openers that the refusal score reads."""
        return tuple(row for row in self.rows if row.taken)


def opened(model: "ChatModel", table: OpenerTable | None) -> "ChatModel":
    """Return a model whose refusal score reads the openers of a table.

    The model itself where there is no table, or one of which nothing was taken.
    """
    if table is None or not table.taken:
        return model
    wanted = named(table.taken)
    return model if dict(model.openers) == wanted else replace(model, openers=wanted)


def named(openers: Sequence[Opener]) -> dict[str, int]:
    """Return openers as a model has them, text to id; parts of characters may share a text."""
    found: dict[str, int] = {}
    for each in openers:
        found[each.text if each.text not in found else f"{each.text} ({each.token})"] = each.token
    return found
