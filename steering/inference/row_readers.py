"""Rows that share a pass: of all requests together, or of each request by itself."""

from abc import ABC, abstractmethod
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from steering.inference.decode_request import DecodeRequest
from steering.inference.prefill import prefill
from steering.interventions.edits import Program, compile_edits, intervene
from steering.models.chat_model import ChatModel
from steering.models.forward import TokenBatch
from steering.models.row_cache import RowCache


class RowReader(ABC):
    """Rows that share a pass.

    Attributes:
        members: The rows of the pass: of which request, and which of it.
    """

    def __init__(self, model: ChatModel) -> None:
        """Begin without rows."""
        self.model = model
        self.members: list[tuple[DecodeRequest, int]] = []

    @abstractmethod
    def take(self, request: DecodeRequest) -> Float[Tensor, "row vocab"]:
        """Read a request's computed rows, and have them in every pass from now on."""

    @abstractmethod
    def advance(self) -> Float[Tensor, "member vocab"]:
        """Let every member read its last token; return its next logits, on the model's device.

        Tokens are chosen there: what every row's 152 thousand numbers take off a GPU and through a
        CPU is longer than the pass itself, from some 64 rows on (docs/performance.md).
        """

    @abstractmethod
    def drop_ended(self) -> None:
        """Take rows and requests that have ended out of the pass."""

    def last(self) -> list[int]:
        """Return the token that each member was given last."""
        return [request.written[row][-1] for request, row in self.members]

    def by_request(self) -> dict[DecodeRequest, list[int]]:
        """Return which members belong to each request."""
        found: dict[DecodeRequest, list[int]] = {}
        for member, (request, _) in enumerate(self.members):
            found.setdefault(request, []).append(member)
        return found


class JoinedRows(RowReader):
    """Rows of any requests in one pass; whoever has ended costs nothing from then on."""

    def __init__(self, model: ChatModel) -> None:
        super().__init__(model)
        self.cache = RowCache()
        self.program: Program | None = None

    def take(self, request: DecodeRequest) -> Float[Tensor, "row vocab"]:
        """Read a request's computed rows, and have them in every pass from now on."""
        rows = list(request.written)
        found = prefill(
            self.model,
            [request.rows[row] for row in rows],
            [request.edits[row] for row in rows],
            begun=None if request.begun is None else [request.begun[row] for row in rows],
        )
        request.read = found if request.keeps_read else None
        self.cache.append(found.kept)
        self.members.extend((request, row) for row in rows)
        self.program = None
        return found.logits

    def advance(self) -> Float[Tensor, "member vocab"]:
        """Let every member read its last token; return its next logits."""
        model = self.model
        if self.program is None:
            edits = [request.edits[row] for request, row in self.members]
            self.program = compile_edits(edits, device=model.device)
        tokens = torch.tensor(self.last())[:, None]
        mask = self.cache.begin_step(model.dtype)
        batch = TokenBatch(tokens.to(model.device), mask, self.cache.places[:, None])
        with intervene(model, self.program):
            output = model.run(batch, keep=1, cache=self.cache, use_cache=True)
        self.cache.end_step()
        return output.logits[:, -1].float()  # type: ignore[no-any-return]

    def drop_ended(self) -> None:
        """Take rows and requests that have ended out of the pass."""
        for member in reversed(range(len(self.members))):
            request, row = self.members[member]
            if request.over or request.ended[row]:
                self.cache.remove(member)
                self.members[member] = self.members[-1]
                self.members.pop()
                self.program = None


class RowsApart(RowReader):
    """The rows of one request, by the network's own cache or without one.

    Rows that have ended stay as padding until all have: of such a cache no row can be taken out.
    """

    def __init__(self, model: ChatModel) -> None:
        super().__init__(model)
        self.cache: Any = None

    def take(self, request: DecodeRequest) -> Float[Tensor, "row vocab"]:
        """Read a request's computed rows, and have them in every pass from now on."""
        rows = list(request.written)
        self.batch = self.model.batch([request.rows[row] for row in rows])
        self.program = compile_edits([request.edits[row] for row in rows], device=self.model.device)
        logits = self._pass()
        self.members = [(request, row) for row in rows]
        return logits

    def advance(self) -> Float[Tensor, "member vocab"]:
        """Let every member read its last token; return its next logits."""
        self.batch = self.batch.followed_by(self.last(), cached=self.model.abilities.caches)
        return self._pass()

    def _pass(self) -> Float[Tensor, "member vocab"]:
        caches = self.model.abilities.caches
        with intervene(self.model, self.program):
            output = self.model.run(self.batch, keep=1, cache=self.cache, use_cache=caches)
        self.cache = output.cache if caches else None
        return output.logits[:, -1].float()  # type: ignore[no-any-return]

    def drop_ended(self) -> None:
        """Take rows and requests that have ended out of the pass."""
        if self.members and self.members[0][0].over:
            self.members = []
