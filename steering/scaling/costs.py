"""What a run costs a replica, part by part, and the machines of which that was measured."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from steering.errors import SteeringError


@dataclass(frozen=True)
class Costs:
    """Seconds of one replica's time; everything but steps is of one run of `panels` rows.

    Attributes:
        steps: Rows of a step and its seconds, in order of rows; straight lines lie between, and
            beyond the last two.
        read: Reading a request under its panels.
        measure: Perplexities of what the panels wrote.
        place: The place of request and answers on the map.
        between: Whatever else keeps the replica from its next pass.
        room: Rows that are worked on at once.
        panels: Rows of a run.
    """

    steps: tuple[tuple[int, float], ...]
    read: float
    measure: float
    place: float
    between: float
    room: int
    panels: int = 5

    def __post_init__(self) -> None:
        """Refuse what nobody can have measured.

        Raises:
            SteeringError: If a time is negative or no number, or there are no steps, no room or no
                panels.
        """
        times = [self.read, self.measure, self.place, self.between, *(t for _, t in self.steps)]
        rows = [count for count, _ in self.steps]
        timed = all(0 <= each < math.inf for each in times)
        if not rows or rows != sorted(set(rows)) or not timed or min(self.room, self.panels) < 1:
            raise SteeringError(
                f"costs {self} are none; steps are [rows, seconds] with rows rising, no time is "
                "negative, and there are panels and room for a row"
            )

    def step(self, rows: int) -> float:
        """Return the seconds of a step of so many rows."""
        if len(self.steps) == 1:
            return self.steps[0][1]
        above = next((i for i, (n, _) in enumerate(self.steps) if n >= rows), len(self.steps) - 1)
        (n0, t0), (n1, t1) = self.steps[max(above, 1) - 1 : max(above, 1) + 1]
        return max(0.0, t0 + (rows - n0) * (t1 - t0) / (n1 - n0))

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "Costs":
        """Read costs from JSON types: the attributes by name.

        Raises:
            SteeringError: If one is missing, or none of them.
        """
        try:
            steps = tuple((int(rows), float(seconds)) for rows, seconds in document["steps"])
            return cls(**{**document, "steps": steps})
        except (KeyError, TypeError, ValueError) as error:
            raise SteeringError(
                f"the costs cannot be read ({error}); wanted: steps as [[rows, seconds], ...], "
                "read, measure, place and between in seconds, room and panels in rows"
            ) from error


@dataclass(frozen=True)
class Machine:
    """A kind of machine.

    Attributes:
        title: What it is, and where its costs are from.
        costs: Of a replica on it, alone on the machine.
        price: Of an hour, in dollars: an assumption, no offer; None where nobody has said one.
    """

    title: str
    costs: Costs
    price: float | None

    @classmethod
    def of(cls, document: Mapping[str, Any], *, name: str) -> "Machine":
        """Read a machine from JSON types, as `document` writes it; its price is not known.

        Args:
            document: Costs, and perhaps a `title`.
            name: Title of a machine that has none.

        Raises:
            SteeringError: If a cost is missing, or none of them.
        """
        title = document.get("title", name)
        costs = {key: value for key, value in document.items() if key != "title"}
        return cls(str(title), Costs.of(costs), None)

    @property
    def document(self) -> dict[str, object]:
        """The machine as JSON types, without its price."""
        return {"title": self.title, **vars(self.costs)}


MACHINES: Final[Mapping[str, Machine]] = {
    "cpu-2": Machine(
        "two AVX2 cores, default model, fast products, 5 panels of 48 tokens",
        # docs/performance.md: a step of 5 rows takes .074 + .026 s. Of 45 s with 30 visitors, in
        # which 4.35 runs ended, 14 s went into steps of some 65 rows (797 tokens came), 5 into
        # reading, 8 into perplexities, 7 into the map; 11 were none of these.
        Costs(
            steps=((5, 0.100), (65, 1.15)),
            read=5 / 4.35,
            measure=8 / 4.35,
            place=7 / 4.35,
            between=11 / 4.35,
            room=79,
        ),
        0.05,
    ),
    "h100": Machine(
        "one H100, 16 CPU cores, default model, bfloat16, 5 panels of 48 tokens",
        # `scaling --measure FILE --trial 30 --seconds 30` there (torch 2.11), while every step
        # still took its logits to the CPU to choose tokens.
        Costs(
            steps=((5, 0.053), (20, 0.041), (60, 0.097)),
            read=0.110,
            measure=0.066,
            place=0.235,
            between=0.0,
            room=158,
        ),
        3.00,
    ),
}
"""By name. A kind is here when somebody has measured it; others come with `--costs FILE`."""
