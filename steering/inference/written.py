"""What the rows of a batch have written, and what the rules say of it."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from steering.verdicts.judgement import NOT_FINISHED, OVERFLOWED, Judgement
from steering.verdicts.rules import judge

if TYPE_CHECKING:  # recorded answers are shown before there is a model, and without torch
    from steering.chat_templates.chat_template import ChatTemplate
    from steering.chat_templates.thinking import Reply
    from steering.inference.decode_request import Column


@dataclass(frozen=True)
class KeptText:
    """An answer as results keep it, so that better rules judge it without a new answer.

    Attributes:
        text: The answer, without its thinking.
        ended: Whether it ended by itself.
        is_answered: Whether the thinking had ended, or there was none.
        overflowed: Whether the edit left no finite numbers.
    """

    text: str
    ended: bool
    is_answered: bool = True
    overflowed: bool = False

    @property
    def judgement(self) -> Judgement:
        """What the rules say of it."""
        if self.overflowed:
            return OVERFLOWED
        return judge(self.text, ended=self.ended) if self.is_answered else NOT_FINISHED


class Written:
    """The growing answers of one batch.

    Attributes:
        tokens: Of each row, its beginning and what it has written, thinking and control tokens
            included.
        ended: Of each row, whether an end-of-text token or an overflow has ended it.
        overflowed: Of each row, whether its edit left no finite numbers.
    """

    def __init__(self, rows: int, begin: Sequence[int] = ()) -> None:
        """Begin with answers that hold the tokens of `begin`, none as a rule."""
        self.tokens: list[list[int]] = [list(begin) for _ in range(rows)]
        self.ended: Sequence[bool] = [False] * rows
        self.overflowed: Sequence[bool] = [False] * rows

    def add(self, column: "Column") -> None:
        """Take one step's tokens."""
        for row, token in zip(self.tokens, column.tokens, strict=True):
            if token is not None:
                row.append(token)
        self.ended, self.overflowed = column.ended, column.overflowed

    def take(self, rows: Sequence[int], other: "Written") -> None:
        """Have the whole answers of another batch as these rows."""
        ended, overflowed = list(self.ended), list(self.overflowed)
        for row, tokens, end, over in zip(
            rows, other.tokens, other.ended, other.overflowed, strict=True
        ):
            self.tokens[row], ended[row], overflowed[row] = tokens, end, over
        self.ended, self.overflowed = ended, overflowed

    def replies(self, template: "ChatTemplate") -> "list[Reply]":
        """Return each row as thinking and answer."""
        return [template.split(tokens) for tokens in self.tokens]

    def kept(self, template: "ChatTemplate") -> list["KeptText"]:
        """Return each row as what is kept of it."""
        return [
            KeptText(reply.answer, ended, reply.is_answered, overflowed)
            for reply, ended, overflowed in zip(
                self.replies(template), self.ended, self.overflowed, strict=True
            )
        ]

    def judgements(self, template: "ChatTemplate") -> list[Judgement]:
        """Return what the rules say of each row."""
        return [each.judgement for each in self.kept(template)]

    def token_at(self, template: "ChatTemplate", row: int, character: int) -> int:
        """Return the place, among a row's tokens, of the one that writes a character of its answer.

        The whole answer must have more characters than that.
        """
        tokens = self.tokens[row]

        def is_written(place: int) -> bool:
            reply = template.split(tokens[: place + 1])
            return reply.is_answered and len(reply.answer) > character

        return bisect_left(range(len(tokens) - 1), True, key=is_written)


def judged_tokens(
    template: "ChatTemplate", kept: Sequence[Mapping[str, Any]], limit: int
) -> list[Judgement]:
    """Return what the rules say of answers that were kept as tokens.

    Args:
        template: Tells thinking from answer.
        kept: Entries with `tokens` of several answers, and whether each `overflowed`.
        limit: Tokens at most; a shorter answer ended by itself.
    """
    found = []
    for entry in kept:
        # Earlier runs did not keep which edits overflowed.
        overflowed = entry.get("overflowed") or [False] * len(entry["tokens"])
        for tokens, over in zip(entry["tokens"], overflowed, strict=True):
            reply = template.split(tokens)
            text = KeptText(reply.answer, len(tokens) < limit, reply.is_answered, over)
            found.append(text.judgement)
    return found
