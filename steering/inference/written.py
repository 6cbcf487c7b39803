"""What the rows of a batch have written, and what the rules say of it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from steering.verdicts.rules import NOT_FINISHED, OVERFLOWED, Judgement, judge

if TYPE_CHECKING:  # recorded answers are shown before there is a model, and without torch
    from steering.chat_templates.chat_template import ChatTemplate
    from steering.chat_templates.thinking import Reply
    from steering.inference.decode_request import Column


class Written:
    """The growing answers of one batch.

    Attributes:
        tokens: Of each row, what it has written, thinking and control tokens included.
        ended: Of each row, whether an end-of-text token or an overflow has ended it.
        overflowed: Of each row, whether its edit left no finite numbers.
    """

    def __init__(self, rows: int) -> None:
        """Begin with empty answers."""
        self.tokens: list[list[int]] = [[] for _ in range(rows)]
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

    def judgements(self, template: "ChatTemplate") -> list[Judgement]:
        """Return what the rules say of each row."""
        return [
            OVERFLOWED
            if overflowed
            else judge(reply.answer, ended=ended)
            if reply.is_answered
            else NOT_FINISHED
            for reply, ended, overflowed in zip(
                self.replies(template), self.ended, self.overflowed, strict=True
            )
        ]
