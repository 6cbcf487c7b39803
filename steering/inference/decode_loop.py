"""The decode loop: rows of many requests, one token each a step, each under its own edit.

A request joins between two steps and leaves between two steps; a row that has ended leaves at
once. Between steps the model is clean: hooks are on it only while a pass runs. A step, as
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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from jaxtyping import Float
from torch import Tensor

from steering.errors import SteeringError
from steering.inference.prefill import prefill
from steering.inference.sampling import Sampling
from steering.inference.token_choice import TokenChoice
from steering.interventions.edits import Edit, Program, alike, compile_edits, intervene
from steering.models import overflow
from steering.models.chat_model import ChatModel
from steering.models.forward import TokenBatch
from steering.models.row_cache import RowCache


@dataclass(frozen=True, eq=False)
class Column:
    """One step of a request.

    Attributes:
        tokens: The next token of every row; None where the row has ended.
        logits: Next-token logits that the tokens were chosen from, float32, on the CPU; kept
            for the first column only, None after it.
        ended: Whether each row has ended, by an end-of-text token in this column or before.
        overflowed: Whether each row was ended since its edit left no finite numbers.
    """

    tokens: tuple[int | None, ...]
    logits: Float[Tensor, "batch vocab"] | None
    ended: tuple[bool, ...]
    overflowed: tuple[bool, ...]


@dataclass(eq=False)
class DecodeRequest:
    """Rows that one caller wants continued.

    Attributes:
        rows: Token ids of each prompt.
        edits: What is done to each row; None leaves it as it is.
        sampling: How tokens are chosen, and how many at most.
        same: Of each row, the first row with the same prompt and edit: it alone is computed.
        written: What each computed row has been given so far, by row.
        ended: Whether each row has ended.
        overflowed: Whether that was since its edit left no finite numbers.
        steps: How many columns there are.
        over: Whether no more columns come.
    """

    rows: Sequence[Sequence[int]]
    edits: Sequence[Edit | None]
    sampling: Sampling
    same: list[int] = field(init=False)
    written: dict[int, list[int]] = field(init=False)
    ended: list[bool] = field(init=False)
    overflowed: list[bool] = field(init=False)
    choose: TokenChoice = field(init=False)
    steps: int = 0
    over: bool = False

    def __post_init__(self) -> None:
        """Find the rows that are alike."""
        if len(self.rows) != len(self.edits):
            raise ValueError(f"{len(self.edits)} edits for {len(self.rows)} rows")
        self.same = [_first_alike(self, row) for row in range(len(self.rows))]
        self.written = {row: [] for row in sorted(set(self.same))}
        self.ended = [False] * len(self.rows)
        self.overflowed = [False] * len(self.rows)
        self.choose = TokenChoice(self.sampling)


Outcome = tuple[DecodeRequest, Column | SteeringError]
"""What a step has for a request: its next column, or why there is none."""


class DecodeLoop:
    """Continues rows of many requests together; not for two threads at once."""

    def __init__(self, model: ChatModel) -> None:
        """Begin without requests."""
        self.model = model
        self.waiting: deque[DecodeRequest] = deque()
        self._readers: list[_Reader] = []

    @property
    def idle(self) -> bool:
        """Whether there is nothing to do."""
        return not self.waiting and not self._readers

    def join(self, request: DecodeRequest) -> None:
        """Take a request in, from the next step on.

        Raises:
            SteeringError: If a prompt and its answer would not fit in the model's context.
        """
        _require_room(self.model, request.rows, request.sampling)
        self.waiting.append(request)

    def leave(self, request: DecodeRequest) -> None:
        """Let a request go, before the next pass."""
        request.over = True

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
                outcomes.append(self._outcome(reader, request, rows, logits[members]))
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
            reader = _JoinedRows(self.model) if joins else _RowsApart(self.model)
        try:
            logits = reader.take(request)
        except SteeringError as error:
            request.over = True
            return request, error
        if reader not in self._readers:
            self._readers.append(reader)
        return self._outcome(reader, request, list(request.written), logits)

    def _outcome(
        self,
        reader: "_Reader",
        request: DecodeRequest,
        rows: Sequence[int],
        logits: Float[Tensor, "row vocab"],
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
        reader.give(request, tokens)
        for row, same in enumerate(request.same):
            request.ended[row] = request.ended[same]
            request.overflowed[row] = request.overflowed[same]
        first = request.steps == 0
        request.steps += 1
        request.over = all(request.ended) or request.steps == request.sampling.max_new_tokens
        return request, Column(
            tuple(None if request.ended[same] else tokens[same] for same in request.same),
            logits[[rows.index(same) for same in request.same]] if first else None,
            tuple(request.ended),
            tuple(request.overflowed),
        )

    def _unreadable(self, request: DecodeRequest, row: int) -> SteeringError:
        """Return the error of an unedited row: its numbers are not the edit's fault."""
        return overflow.error(self.model, [[*request.rows[row], *request.written[row]]], 0)


class _Reader(Protocol):
    """Rows that share a pass.

    Attributes:
        members: The rows of the pass: of which request, and which of it.
    """

    members: list[tuple[DecodeRequest, int]]

    def take(self, request: DecodeRequest) -> Float[Tensor, "row vocab"]:
        """Read a request's computed rows, and have them in every pass from now on."""

    def advance(self) -> Float[Tensor, "member vocab"]:
        """Let every member read its last token; return its next logits."""

    def give(self, request: DecodeRequest, tokens: Mapping[int, int]) -> None:
        """Take the tokens that were chosen for a request's rows."""

    def drop_ended(self) -> None:
        """Take rows and requests that have ended out of the pass."""

    def by_request(self) -> dict[DecodeRequest, list[int]]:
        """Return which members belong to each request."""


class _Members:
    def __init__(self, model: ChatModel) -> None:
        self.model = model
        self.members: list[tuple[DecodeRequest, int]] = []
        self.last: dict[tuple[DecodeRequest, int], int] = {}

    def give(self, request: DecodeRequest, tokens: Mapping[int, int]) -> None:
        self.last.update({(request, row): token for row, token in tokens.items()})

    def by_request(self) -> dict[DecodeRequest, list[int]]:
        found: dict[DecodeRequest, list[int]] = {}
        for member, (request, _) in enumerate(self.members):
            found.setdefault(request, []).append(member)
        return found


class _JoinedRows(_Members):
    """Rows of any requests in one pass; whoever has ended costs nothing from then on."""

    def __init__(self, model: ChatModel) -> None:
        super().__init__(model)
        self.cache = RowCache()
        self.program: Program | None = None

    def take(self, request: DecodeRequest) -> Float[Tensor, "row vocab"]:
        rows = list(request.written)
        found = prefill(
            self.model, [request.rows[row] for row in rows], [request.edits[row] for row in rows]
        )
        self.cache.append(found.kept)
        self.members.extend((request, row) for row in rows)
        self.program = None
        return found.logits

    def advance(self) -> Float[Tensor, "member vocab"]:
        model = self.model
        if self.program is None:
            edits = [request.edits[row] for request, row in self.members]
            self.program = compile_edits(edits, device=model.device)
        tokens = torch.tensor([[self.last[member]] for member in self.members])
        mask = self.cache.begin_step(model.dtype)
        batch = TokenBatch(tokens.to(model.device), mask, self.cache.places[:, None])
        with intervene(model, self.program):
            output = model.run(batch, keep=1, cache=self.cache, use_cache=True)
        self.cache.end_step()
        return output.logits[:, -1].float().cpu()  # type: ignore[no-any-return]

    def drop_ended(self) -> None:
        for member in reversed(range(len(self.members))):
            request, row = self.members[member]
            if request.over or request.ended[row]:
                self.cache.remove(member)
                self.members[member] = self.members[-1]
                self.members.pop()
                self.last.pop((request, row), None)  # there is none after an error
                self.program = None


class _RowsApart(_Members):
    """The rows of one request, by the network's own cache or without one.

    Rows that have ended stay as padding until all have: of such a cache no row can be taken out.
    """

    def __init__(self, model: ChatModel) -> None:
        super().__init__(model)
        self.cache: Any = None

    def take(self, request: DecodeRequest) -> Float[Tensor, "row vocab"]:
        rows = list(request.written)
        self.batch = self.model.batch([request.rows[row] for row in rows])
        self.program = compile_edits([request.edits[row] for row in rows], device=self.model.device)
        logits = self._pass()
        self.members = [(request, row) for row in rows]
        return logits

    def advance(self) -> Float[Tensor, "member vocab"]:
        tokens = [self.last[member] for member in self.members]
        self.batch = self.batch.followed_by(tokens, cached=self.model.abilities.caches)
        return self._pass()

    def _pass(self) -> Float[Tensor, "member vocab"]:
        caches = self.model.abilities.caches
        with intervene(self.model, self.program):
            output = self.model.run(self.batch, keep=1, cache=self.cache, use_cache=caches)
        self.cache = output.cache if caches else None
        return output.logits[:, -1].float().cpu()  # type: ignore[no-any-return]

    def drop_ended(self) -> None:
        if self.members and self.members[0][0].over:
            self.members = []


def _first_alike(request: DecodeRequest, row: int) -> int:
    """Return the first row that reads the same under the same edit; every number of both is one."""
    return next(
        other
        for other in range(row + 1)
        if other == row
        or (
            request.rows[other] == request.rows[row]
            and alike(request.edits[other], request.edits[row])
        )
    )


def _require_room(model: ChatModel, rows: Sequence[Sequence[int]], sampling: Sampling) -> None:
    room = model.context_length - max(len(row) for row in rows)
    if room < sampling.max_new_tokens:
        raise SteeringError(
            f"the longest request leaves room for {max(room, 0)} tokens, but max_new_tokens is "
            f"{sampling.max_new_tokens}; shorten the request or ask for fewer tokens"
        )
