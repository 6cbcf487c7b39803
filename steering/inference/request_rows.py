"""What the rows of a comparison read before they write: request, conversation, given beginning."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from steering.chat_templates.turns import Exchange
from steering.data.input_text import require_clean
from steering.errors import SteeringError
from steering.inference.decode_request import require_tokens

if TYPE_CHECKING:
    from steering.inference.sampling import Sampling
    from steering.models.chat_model import ChatModel


def rows_of(
    model: "ChatModel",
    prompt: str,
    system: str,
    histories: Sequence[Sequence[Exchange]],
    begin: Sequence[int],
) -> list[list[int]]:
    """Return the token ids that each row reads.

    Args:
        model: A loaded chat model.
        prompt: The request, the same for all.
        system: A system prompt; blank leaves the template's own.
        histories: Of each row, what was said before.
        begin: Token ids that every answer begins with.

    Raises:
        SteeringError: If the template refuses it, or it is longer than the model reads.
    """
    known: dict[tuple[Exchange, ...], list[int]] = {}
    for turns in map(tuple, histories):
        if turns not in known:
            known[turns] = [*model.render(prompt, system=system, turns=turns), *begin]
    return [known[tuple(turns)] for turns in histories]


def require_conversation_room(
    model: "ChatModel", rows: Sequence[Sequence[int]], sampling: "Sampling"
) -> None:
    """Refuse a conversation that has grown so long that its answer would not fit.

    Raises:
        SteeringError: Says how much room the longest one leaves.
    """
    room = model.context_length - max(map(len, rows))
    if room < sampling.max_new_tokens:
        raise SteeringError(
            f"the longest conversation leaves room for {max(room, 0):,} of the "
            f"{model.context_length:,} tokens that {model.name} reads, but an answer may have "
            f"{sampling.max_new_tokens:,}; ask for shorter answers, or begin anew with a new "
            "request"
        )


def beginning(model: "ChatModel", begin: Sequence[int] | str) -> list[int]:
    """Return the tokens that answers begin with.

    Raises:
        SteeringError: If one is not this model's, or would have ended the answer.
    """
    if isinstance(begin, str):
        require_clean(begin, "the beginning of the answer")
        return model.template.encode(begin)
    require_tokens(model, begin)
    end = next((place for place, token in enumerate(begin) if token in model.end_ids), None)
    if end is not None:
        raise SteeringError(
            f"the beginning of the answer ends at its token {end + 1} "
            f"({model.template.decode([begin[end]])}); allowed: tokens of an answer that goes on; "
            f"give the {end} before it"
        )
    return list(begin)
