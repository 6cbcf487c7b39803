"""The decode loop: rows of many requests, one token each a step, each under its own edit.

A request joins between two steps and leaves between two steps, by its `over`; a row that has ended
leaves at once. Between steps the model is clean: hooks are on it only while a pass runs. A step, as
`DecodeLoop.step` numbers it:

1. Requests that were left go, with their rows.
2. One pass gives every row its next logits, and every request chooses its tokens from them, with
   its own random stream.
3. The request that has waited longest is read; its rows are in the passes from then on.
4. Rows and requests that have ended go.

Where a model keeps more of a text than keys and values (a window, a state), its rows cannot join
others: each request has a pass of its own then, in the same steps.
"""

from collections import deque
from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor

from steering.errors import SteeringError
from steering.inference.decode_request import Column, DecodeRequest
from steering.inference.row_readers import JoinedRows, RowReader, RowsApart
from steering.inference.sampling import Sampling
from steering.interventions.edits import alike
from steering.models import overflow
from steering.models.chat_model import ChatModel

Outcome = tuple[DecodeRequest, Column | SteeringError]
"""What a step has for a request: its next column, or why there is none."""


class DecodeLoop:
    """Continues rows of many requests together; not for two threads at once."""

    def __init__(self, model: ChatModel) -> None:
        """Begin without requests."""
        self.model = model
        self.waiting: deque[DecodeRequest] = deque()
        self._readers: list[RowReader] = []

    def join(self, request: DecodeRequest) -> None:
        """Take a request in, from the next step on.

        Raises:
            SteeringError: If a prompt and its answer would not fit in the model's context.
        """
        require_room(self.model, request.rows, request.sampling)
        self.waiting.append(request)

    def step(self) -> list[Outcome]:
        """Bring every request one column further; whose last column that was is gone after it.

        An error of one request is its outcome. Whatever is raised, out of memory for one, has
        ended all of them.
        """
        outcomes: list[Outcome] = []
        # 1.
        self._let_go()
        # 2.
        for reader in self._readers:
            logits = reader.advance()
            for request, members in reader.by_request().items():
                rows = [reader.members[member][1] for member in members]
                own = logits if len(members) == len(logits) else logits[members]
                outcomes.append(self._outcome(request, rows, own))
        # 3.
        if self.waiting:
            outcomes.append(self._admit(self.waiting.popleft()))
        # 4.
        self._let_go()
        return outcomes

    def _let_go(self) -> None:
        self.waiting = deque(request for request in self.waiting if not request.over)
        for reader in self._readers:
            reader.drop_ended()
        self._readers = [reader for reader in self._readers if reader.members]

    def _admit(self, request: DecodeRequest) -> Outcome:
        joins = self.model.abilities.joins
        reader = self._readers[0] if joins and self._readers else None
        if reader is None:
            reader = JoinedRows(self.model) if joins else RowsApart(self.model)
        try:
            logits = reader.take(request)
        except SteeringError as error:
            request.over = True
            return request, error
        if reader not in self._readers:
            self._readers.append(reader)
        return self._outcome(request, list(request.written), logits)

    def _outcome(
        self, request: DecodeRequest, rows: Sequence[int], logits: Float[Tensor, "row vocab"]
    ) -> Outcome:
        """Choose the tokens of a request's rows, and note which have ended."""
        chosen = request.choose(logits)
        readable = overflow.readable_rows(logits).tolist()
        tokens: dict[int, int] = {}
        for row, token, fine in zip(rows, chosen, readable, strict=True):
            if not fine and not request.ended[row]:
                if alike(request.edits[row], None):
                    request.over = True
                    return request, self._unreadable(request, row)
                request.overflowed[row] = True
            tokens[row] = token if fine else 0  # of NaN, any token is the likeliest
            request.written[row].append(tokens[row])
            ends = token in self.model.end_ids or request.overflowed[row]
            request.ended[row] = request.ended[row] or ends
        for row, same in enumerate(request.same):
            request.ended[row] = request.ended[same]
            request.overflowed[row] = request.overflowed[same]
        first = request.steps == 0
        request.steps += 1
        # It may have been left by another thread meanwhile.
        if request.complete:
            request.over = True
        return request, Column(
            tuple(None if request.ended[same] else tokens[same] for same in request.same),
            logits[[rows.index(same) for same in request.same]].cpu() if first else None,
            tuple(request.ended),
            tuple(request.overflowed),
        )

    def _unreadable(self, request: DecodeRequest, row: int) -> SteeringError:
        """Return the error of an unedited row: its numbers are not the edit's fault."""
        return overflow.error(self.model, [[*request.rows[row], *request.written[row]]], 0)


def require_room(model: ChatModel, rows: Sequence[Sequence[int]], sampling: Sampling) -> None:
    """Refuse rows that would not fit in the model's context with their answers.

    Raises:
        SteeringError: Says how much room the longest row leaves.
    """
    room = model.context_length - max(len(row) for row in rows)
    if room < sampling.max_new_tokens:
        raise SteeringError(
            f"the longest request leaves room for {max(room, 0)} tokens, but max_new_tokens is "
            f"{sampling.max_new_tokens}; shorten the request or ask for fewer tokens"
        )
