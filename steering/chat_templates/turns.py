"""What was said before a request: the turns of a conversation, as plain data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from steering.errors import SteeringError


@dataclass(frozen=True)
class Exchange:
    """A request and the answer to it.

    Attributes:
        request: What was asked.
        answer: What was answered, without its thinking: that is what a template gives back to a
            model of its own earlier answers.
    """

    request: str
    answer: str


def messages_of(turns: Sequence[Exchange]) -> list[Mapping[str, str]]:
    """Return turns as messages of a chat template, first to last."""
    return [
        {"role": role, "content": content}
        for turn in turns
        for role, content in (("user", turn.request), ("assistant", turn.answer))
    ]


def size_of(turns: Sequence[Exchange]) -> int:
    """Return how many characters turns have together."""
    return sum(len(turn.request) + len(turn.answer) for turn in turns)


def too_long(name: str, size: str, length: int, turns: Sequence[Exchange]) -> SteeringError:
    """Return the error of a request, or of a conversation, that a model cannot read.

    Args:
        name: The model's.
        size: How long it is, in words.
        length: Tokens that the model reads.
        turns: What was said before the request.
    """
    what, remedy = ("request", "shorten it")
    if turns:
        what, remedy = ("conversation", "begin anew with a new request")
    return SteeringError(
        f"the {what} is too long: {size}; {name} reads {length:,} tokens of {what} and answer "
        f"together; {remedy}"
    )
