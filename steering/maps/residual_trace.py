"""Where a request goes: its residual stream under every panel, read without writing a word.

Every panel is a forward pass of its own, of batch size 1, so where it goes does not depend on who
stands beside it, to the last bit. A pass begins at the first block that is edited, since below it
the states are the unedited model's, and ends at the last block that is read. What begins or stays
where another pass has been is not run again: `Tracer` keeps what it has seen. The numbers are those
of whole passes, bit by bit.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import torch
from jaxtyping import Float
from torch import Tensor

from steering.errors import SteeringError
from steering.interventions.edits import Edit, compile_edits, intervene
from steering.interventions.panel import Panel
from steering.maps.steerable_model import SteerableModel
from steering.maps.token_tints import relative, shifts
from steering.models import overflow
from steering.models.chat_model import reading
from steering.models.partial_passes import ending_at, starting_at

KEPT_BYTES: Final = 256 * 2**20
"""What a tracer keeps at most (chosen): 41 kB a token and 83 kB a panel of the default model, so
some 70 requests of 80 tokens; 254 kB a token of a model with 32 blocks of 4096."""


@dataclass(frozen=True, eq=False)
class Trace:
    """What forward passes under several panels show; layers are those of the maps.

    Attributes:
        panels: What was done to the model.
        states: The residual stream after the edit, at the template position of the maps, on the
            CPU in float32.
        tokens: Of each panel, the texts of the request's and the answer's tokens.
        t: Of each panel, the landing coordinate of every token at every layer: 0 at the mean of
            the harmful training prompts, 1 at that of the harmless ones. The means are those of
            one template position, so of other tokens t says the side, not the class.
        tints: The same as tokens are coloured by, see `token_tints`.
    """

    panels: tuple[Panel, ...]
    states: Float[Tensor, "panel layer d_model"]
    tokens: tuple[tuple[str, ...], ...]
    t: tuple[Float[Tensor, "_ layer"], ...]
    tints: tuple[Float[Tensor, "_ layer"], ...]

    @property
    def finite(self) -> tuple[bool, ...]:
        """Of each panel, whether its numbers are: an edit may overflow the number format."""
        return tuple(
            bool(states.isfinite().all()) and bool(t.isfinite().all())
            for states, t in zip(self.states, self.t, strict=True)
        )

    def of_finite(self) -> "Trace":
        """Return the trace of those panels alone whose numbers are finite."""
        kept = [row for row, fine in enumerate(self.finite) if fine]
        return Trace(
            panels=tuple(self.panels[row] for row in kept),
            states=self.states[kept],
            tokens=tuple(self.tokens[row] for row in kept),
            t=tuple(self.t[row] for row in kept),
            tints=tuple(self.tints[row] for row in kept),
        )


@dataclass(frozen=True, eq=False)
class _Row:
    """One panel's part of a trace."""

    states: Float[Tensor, "layer d_model"]
    t: Float[Tensor, "position layer"]


@dataclass(frozen=True, eq=False)
class _Known:
    """What has been seen of one request.

    Attributes:
        streams: Of the unedited model, the input of each block from 1 on that is read or before
            one that is, in the model's own number format, on its device; empty until it is needed.
        rows: The finished panels, with every default filled in.
    """

    streams: dict[int, Float[Tensor, "1 position d_model"]] = field(default_factory=dict)
    rows: dict[Panel, _Row] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Bytes of all tensors."""
        kept = [*self.streams.values()]
        for row in self.rows.values():
            kept += [row.states, row.t]
        return sum(each.nbytes for each in kept)


_BASELINE: Final = Panel("baseline")


class Tracer:
    """Traces requests through one model, and keeps what it has seen of the latest ones.

    One thread at a time: hooks of two passes would see each other.
    """

    def __init__(self, steerable: SteerableModel, *, limit: int = KEPT_BYTES) -> None:
        """Begin with nothing seen.

        Args:
            steerable: The model; its maps say which layers and which template position are read.
            limit: Bytes that are kept at most; the requests longest ago are forgotten first, and
                one that is larger by itself at once.

        Raises:
            ValueError: If there are no maps.
        """
        if steerable.maps is None:
            raise ValueError("requests are traced at the layers of maps, and there are none")
        self.model, self.directions = steerable.model, steerable.directions
        self.maps = steerable.maps
        self._limit = limit
        self._shifts = shifts(self.directions, self.maps)
        self._requests: OrderedDict[tuple[int, ...], _Known] = OrderedDict()

    @property
    def size(self) -> int:
        """Bytes that are kept now."""
        return sum(known.size for known in self._requests.values())

    def trace(
        self,
        prompt: str,
        panels: Sequence[Panel],
        *,
        answers: Sequence[Sequence[int]] | None = None,
        system: str = "",
    ) -> Trace:
        """Read the residual stream of a request, and of its answers if given, under every panel.

        The edits act on every token, as they do while the model writes. Nothing is kept of
        answers: each is there once.

        Args:
            prompt: The request.
            panels: What is done to the model.
            answers: Token ids of what follows the request under each panel, as they were written;
                None reads the request alone.
            system: A system prompt; blank leaves the template's own.

        Raises:
            SteeringError: If the request or a panel does not fit this model.
        """
        if not panels:
            raise SteeringError("no panels were given; give at least one, for example `baseline`")
        request = self.model.render(prompt, system=system)
        # A panel that does not fit is told before any work.
        edits = [panel.edit(self.directions) for panel in panels]
        if answers is None:
            rows = self._request(tuple(request), panels, edits)
            tokens = [self.model.template.texts(request)] * len(panels)
        else:
            ids = [[*request, *answer] for answer in answers]
            token = len(request) + self.maps.position
            rows = [
                self._pass(_Known(), each, token, edit, 0)
                for each, edit in zip(ids, edits, strict=True)
            ]
            # Apart, so that the answer's texts are the answer, also where its first blank is lost.
            texts = self.model.template.texts
            read = texts(request)
            tokens = [read + texts(answer) for answer in answers]
        return Trace(
            panels=tuple(panels),
            states=torch.stack([row.states for row in rows]),
            tokens=tuple(tokens),
            t=tuple(row.t for row in rows),
            tints=tuple(relative(row.t, len(request), self._shifts) for row in rows),
        )

    def finite(self, prompt: str, panels: Sequence[Panel]) -> Trace:
        """Return `trace`, of which all numbers are finite.

        Raises:
            SteeringError: As `trace` does, or if the numbers overflow under a panel.
        """
        found = self.trace(prompt, panels)
        if not all(found.finite):
            row = found.finite.index(False)
            panel = panels[row]
            program = compile_edits([panel.edit(self.directions)], device=self.model.device)
            with intervene(self.model, program):
                rows = [self.model.render(prompt)]
                raise overflow.error(self.model, rows, 0, panel=str(panel))
        return found

    def _request(
        self, ids: tuple[int, ...], panels: Sequence[Panel], edits: Sequence[Edit | None]
    ) -> list[_Row]:
        known = self._requests.pop(ids, None) or _Known()
        keys = [
            _BASELINE if edit is None or edit.is_identity else panel.resolved(self.directions)
            for panel, edit in zip(panels, edits, strict=True)
        ]
        for key, edit in zip(keys, edits, strict=True):
            if key not in known.rows:
                known.rows[key] = self._finish(known, ids, None if key is _BASELINE else edit)
        self._requests[ids] = known
        while self.size > self._limit:
            self._requests.popitem(last=False)
        return [known.rows[key] for key in keys]

    def _finish(self, known: _Known, ids: Sequence[int], edit: Edit | None) -> _Row:
        """Run what is not known of a panel."""
        token = len(ids) + self.maps.position
        last = self.maps.layers[-1]
        start = 0 if edit is None else min(last, edit.first_layer)
        if edit is not None and start and not known.streams:
            known.rows[_BASELINE] = self._pass(known, ids, token, None, 0)
        row = self._pass(known, ids, token, edit, start)
        if not start:
            return row
        before, below = known.rows[_BASELINE], sum(layer < start for layer in self.maps.layers)
        return _Row(
            states=torch.cat([before.states[:below], row.states]),
            t=torch.cat([before.t[:, :below], row.t], dim=1),
        )

    def _pass(
        self, known: _Known, ids: Sequence[int], token: int, edit: Edit | None, start: int
    ) -> _Row:
        """Run one pass from block `start` on; the unedited model's leaves its streams in `known`.

        Returns:
            The states at token `token` and t of every token, at the maps' layers from `start` on.
        """
        model, last = self.model, self.maps.layers[-1]
        layers = [layer for layer in self.maps.layers if layer >= start]
        read_at = range(1, last + 1) if edit is None else layers
        batch = model.batch([ids])
        program = compile_edits([edit], device=model.device)
        # The edits' hooks come first, so that what is read has been edited.
        with (
            starting_at(model, start, known.streams[start] if start else None),
            ending_at(model, last),
            intervene(model, program),
            reading(model, read_at) as read,
        ):
            model.run_blocks(batch)
        if edit is None:
            known.streams.update(read)
        streams = [read[layer][0].float().cpu() for layer in layers]
        t = [self.maps.at(layer).t(stream) for layer, stream in zip(layers, streams, strict=True)]
        return _Row(torch.stack([stream[token] for stream in streams]), torch.stack(t, dim=1))
