"""Layer by token: how much of a pair's difference in refusal another request's states bring back.

Two requests are read. In the run of one of them, the receiver, the residual stream at one block and
one token is replaced by the other's, the donor's: x becomes

    whole      y
    inside     x + U^T U (y - x)        the part within the span of U alone
    outside    y - U^T U (y - x)        everything but that part
    random     as inside, with a random subspace of U's rank

and the refusal score of the run is compared with those of both without patches. Tokens are counted
from the end: the template's last tokens are the same for all requests, so they match exactly; the
request's own last tokens match by their place, not by their word.

U is what INLP found at that very layer and token, all directions that it kept. Where it was not
fitted (tokens of the request, late layers) it is that of the nearest token, and of the nearest
layer, where it was.
"""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Final, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from steering.anatomy import patched_runs
from steering.anatomy.patched_runs import Patch, ReadRequest
from steering.errors import SteeringError
from steering.interventions.directions import Directions
from steering.interventions.subspace import Subspace
from steering.maps.steerable_model import SteerableModel
from steering.models.chat_model import ChatModel

PatchPart = Literal["whole", "inside", "outside", "random", "other"]
"""What of a state is replaced; `other` is the whole one, of another request of the receiver's class
(a control, for which the caller gives another donor)."""
MAIN_PARTS: Final[tuple[PatchPart, ...]] = ("whole", "inside", "outside")
"""Those that are no control."""
PARTS: Final[tuple[PatchPart, ...]] = (*MAIN_PARTS, "random")
"""Those that one donor has."""
REQUEST_TOKENS: Final = 3
"""Tokens of the request itself that are patched (chosen)."""


@dataclass(frozen=True)
class GridShape:
    """Where patches are made.

    Attributes:
        layers: Block inputs, from 1 on.
        columns: The tokens of each column, counted from the end.
    """

    layers: tuple[int, ...]
    columns: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, model: ChatModel, directions: Directions, *, step: int) -> "GridShape":
        """Return every `step`-th layer, INLP's among them, by the template's last tokens.

        Before these come the last tokens of the request; the last column is all of them at once.

        Raises:
            SteeringError: If the model has one layer alone.
        """
        layers = tuple(
            layer
            for layer in range(1, model.n_layers)
            if (layer - directions.inlp_layer) % step == 0
        )
        if not layers:
            raise SteeringError(
                f"{model.name} has {model.n_layers} layers, and states are replaced at the input "
                "of layer 1 or later; there is nothing to patch"
            )
        deepest = len(model.suffix) + REQUEST_TOKENS
        single = tuple((position,) for position in range(-deepest, 0))
        return cls(layers, (*single, tuple(range(-deepest, 0))))

    @property
    def tokens(self) -> int:
        """How many of the last tokens are patched."""
        return -min(min(column) for column in self.columns)


PatchScores = Mapping[PatchPart, Float[Tensor, "layer column"]]
"""Of each part, the refusal score of the receiver with the patch of each cell, in nats."""


@dataclass(frozen=True, eq=False)
class PairRequests:
    """Two requests that were read: whose run is patched, and whose states are put in."""

    receiver: ReadRequest
    donor: ReadRequest

    @property
    def gap(self) -> float:
        """The donor's refusal score minus the receiver's, in nats."""
        return self.donor.score - self.receiver.score


def nearest_subspace(directions: Directions, position: int, layer: int) -> Subspace:
    """Return the directions of a point, or of the nearest one that has any.

    INLP's where they were fitted anywhere, else the difference in means.
    """
    points = list(directions.inlp)
    if points:
        near = min(points, key=lambda point: _far(point, position, layer))
        return directions.inlp[near].subspace
    known = directions.points or tuple(
        (place, each)
        for place in directions.positions
        for each in range(directions.n_layers)
        if bool(directions.raw((place, each)).any())
    )
    near = min(known, key=lambda point: _far(point, position, layer))
    return directions.subspace("dim", near)


def _far(point: tuple[int, int], position: int, layer: int) -> tuple[int, int]:
    # The token first: where a token reads what it does is the same over many layers.
    return abs(point[0] - position), abs(point[1] - layer)


def mixed(
    own: Float[Tensor, " d_model"],
    given: Float[Tensor, " d_model"],
    part: PatchPart,
    basis: Float[Tensor, "rank d_model"],
) -> Float[Tensor, " d_model"]:
    """Return a state of which a part is another one's.

    Args:
        own: The receiver's, float32.
        given: The donor's, float32.
        part: Which part.
        basis: Orthonormal rows: U, or a random subspace for `random`.
    """
    if part in ("whole", "other"):
        return given
    along = basis.T @ (basis @ (given - own))
    return given - along if part == "outside" else own + along


def patches(
    directions: Directions,
    shape: GridShape,
    requests: PairRequests,
    parts: Sequence[PatchPart],
    *,
    seed: int = 0,
) -> list[Patch]:
    """Return the patch of every part, layer and column, in this order.

    Args:
        directions: Whose subspaces tell inside from outside.
        shape: Where patches are made.
        requests: Both, read at the layers of `shape`.
        parts: What is replaced.
        seed: Of the random subspaces.
    """
    own, given = _floats(requests.receiver), _floats(requests.donor)
    nearest = cache(partial(nearest_subspace, directions))
    found = []
    for part in parts:
        for layer in shape.layers:
            for column in shape.columns:
                states = []
                for position in column:
                    space = nearest(position, layer)
                    if part == "random":
                        draw = seed * 10_000 + layer * 100 - position
                        space = Subspace.random(space.rank, space, seed=draw)
                    pair = own[layer][position], given[layer][position]
                    states.append(mixed(*pair, part, space.basis))
                found.append(Patch(layer, column, torch.stack(states)))
    return found


def read_pair(
    model: ChatModel, receiver: Sequence[int], donor: Sequence[int], shape: GridShape
) -> PairRequests:
    """Read both requests at the layers of a grid.

    Raises:
        SteeringError: If one has fewer tokens than the grid.
    """
    first, second = (
        patched_runs.read(model, ids, shape.layers, tokens=shape.tokens)
        for ids in (receiver, donor)
    )
    return PairRequests(first, second)


def grid(
    steerable: SteerableModel,
    shape: GridShape,
    requests: PairRequests,
    parts: Sequence[PatchPart] = PARTS,
    *,
    seed: int = 0,
) -> Generator[tuple[int, int], None, PatchScores]:
    """Measure every cell; yields how many runs are done, and of how many.

    Args:
        steerable: The model that read the requests, with its directions.
        shape: Where patches are made.
        requests: Both, read at the layers of `shape`.
        parts: What is replaced.
        seed: Of the random subspaces.

    Returns:
        The refusal scores.
    """
    made = patches(steerable.directions, shape, requests, parts, seed=seed)
    flat = torch.empty(len(made))
    for done, (index, score) in enumerate(
        patched_runs.scores(steerable.model, requests.receiver, made), 1
    ):
        flat[index] = score
        yield done, len(made)
    whole = flat.view(len(parts), len(shape.layers), len(shape.columns))
    return dict(zip(parts, whole, strict=True))


def _floats(request: ReadRequest) -> dict[int, Float[Tensor, "_position d_model"]]:
    return {layer: states.float().cpu() for layer, states in request.own.items()}
