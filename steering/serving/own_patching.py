"""Patching between two requests of a visitor."""

from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

from steering.defaults import PATCHED_STEP
from steering.errors import SteeringError
from steering.serving.own_work import OwnWork
from steering.system.generators import retold
from steering.system.progress import Step

if TYPE_CHECKING:
    from steering.maps.steerable_model import SteerableModel
    from steering.serving.engine import Engine

LEAST_GAP: Final = 0.5
"""Nats between the two refusal scores below which shares of them say nothing (chosen)."""


@dataclass(frozen=True)
class PatchedRequests:
    """What patching found between two requests.

    Attributes:
        donor: Refusal score of the request whose states were put in, in nats.
        receiver: That of the other one.
        layers: Block inputs.
        columns: The tokens of each column, counted from the end.
        tokens: What each column's token says in the donor and in the receiver.
        basis: Of U: `inlp`, or `dim` where INLP was not fitted.
        restored: By part, layer and column: the share of the difference that came back.
    """

    donor: float
    receiver: float
    layers: list[int]
    columns: list[list[int]]
    tokens: list[tuple[str, str]]
    basis: Literal["inlp", "dim"]
    restored: dict[str, list[list[float]]]


class OwnPatches(OwnWork):
    """The patching of one process."""

    def __init__(self, engine: "Engine") -> None:
        """Begin without any.

        Args:
            engine: Its model reads the requests.
        """
        super().__init__(engine, "another pair is being patched")

    def measure(
        self, visitor: str, donor: str, receiver: str
    ) -> Generator[Step, None, PatchedRequests | None]:
        """Patch a pair, as `OwnWork.one` does a piece.

        Args:
            visitor: Whose it is, for `stop`.
            donor: The request whose states are put in.
            receiver: The request in whose run they are.

        Raises:
            SteeringError: If no model is there, another pair is being patched, the model is changed
                meanwhile, or the requests do not serve.
        """
        with self.engine.still():
            self.loaded()
            found = self.engine.steerable()
            if found is None:
                raise SteeringError("the directions are not there yet; wait until they are ready")
            quiet = replace(found[0], model=self.behind(found[0].model))
        return (yield from self.one(visitor, lambda: _cells(quiet, donor, receiver)))


def _cells(
    quiet: "SteerableModel", donor: str, receiver: str
) -> Generator[Step, None, PatchedRequests]:
    from steering.anatomy import pair_grid
    from steering.anatomy.pair_grid import MAIN_PARTS, GridShape

    model = quiet.model
    shape = GridShape.of(model, quiet.directions, step=PATCHED_STEP)
    yield Step("Reading both requests", 0, 0, "")
    ids = [model.render(text) for text in (donor, receiver)]
    requests = pair_grid.read_pair(model, ids[1], ids[0], shape)
    if abs(requests.gap) < LEAST_GAP:
        raise SteeringError(
            f"the refusal scores of the two requests are {abs(requests.gap):.1f} nats apart, "
            f"and {LEAST_GAP} are needed to speak of shares; take two of which the model "
            "begins to refuse one, and not the other"
        )
    work = pair_grid.grid(quiet, shape, requests, MAIN_PARTS)
    scores = yield from retold(work, lambda far: Step("Patching", *far, "run"))
    texts = [model.template.texts(each) for each in ids]
    return PatchedRequests(
        donor=requests.donor.score,
        receiver=requests.receiver.score,
        layers=list(shape.layers),
        columns=[list(column) for column in shape.columns],
        tokens=[
            (texts[0][column[0]], texts[1][column[0]]) if len(column) == 1 else ("", "")
            for column in shape.columns
        ],
        basis="inlp" if quiet.directions.inlp else "dim",
        restored={
            part: ((values - requests.receiver.score) / requests.gap).tolist()
            for part, values in scores.items()
        },
    )
