"""Doses beside what edits cost in knowledge: which settings have both, and what that says.

The two are measured by different commands, on settings that differ. They are joined by what a
setting does: by its text form with every default filled in. What was asked questions but has no
measured dose is not drawn, since its refusals were counted on other requests; it is counted here.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from steering import program
from steering.artifacts.capability_document import (
    CapabilityDocument,
    CapabilityPanel,
    CapabilityRate,
)
from steering.errors import SteeringError
from steering.interventions.outline import Facts
from steering.interventions.panel import Panel, parse
from steering.interventions.panel_keys import DRAWN
from steering.ui.dose.figure_parts import percent

GUESSING: Final = 0.25
"""Share that guessing gets right: the project's questions and completions have four choices."""
KNOWLEDGE: Final = ("questions", "code")
"""What of a capability document is drawn, by its names in the figures."""
Cell = Mapping[str, Any]


@dataclass(frozen=True)
class Beside:
    """What lies beside the doses, and how it was measured.

    Attributes:
        document: What edits cost in knowledge; None where that was not measured.
        swept_in: Number format of the doses; None where it is not known.
    """

    document: CapabilityDocument | None = None
    swept_in: str | None = None

    def rows(self, directions: Facts) -> Sequence[CapabilityPanel]:
        """Return what was measured of the model whose directions these are."""
        fits = self.document is not None and self.document["model"] == directions.model
        return self.document["panels"] if self.document and fits else ()


def joined(
    panels: Sequence[Panel], rows: Sequence[CapabilityPanel], directions: Facts
) -> list[CapabilityPanel | None]:
    """Return what is known of each panel; None where it was not asked.

    Args:
        panels: Of the doses.
        rows: Of the same model.
        directions: The model's, for the defaults that a text form leaves out.
    """
    asked = {whole: row for row in rows if (whole := _whole(row["panel"], directions))}
    return [asked.get(_whole(str(panel), directions) or panel) for panel in panels]


def _whole(form: str, directions: Facts) -> Panel | None:
    try:
        return parse(form).resolved(directions)
    except SteeringError:  # written by another version, or the model lacks what it needs
        return None


def rate_of(row: CapabilityPanel | None, cost: str) -> CapabilityRate | None:
    """Return a row's share of right answers, to `questions` or of `code`; None without one."""
    if row is None:
        return None
    return row["questions"] if cost == "questions" else row["completions"]


def keeps(row: CapabilityPanel | None) -> bool:
    """Tell whether an edit is not shown to cost knowledge: the change's interval reaches 0."""
    rate = rate_of(row, "questions")
    change = rate["difference"] if rate else None
    return change is not None and change["high"] >= 0


def is_drawn_control(cell: Cell) -> bool:
    """Tell whether a cell is of directions that were drawn at random."""
    return cell["panel"].basis in DRAWN


def front(cells: Sequence[Cell], cost: str, refusal: str = "harmful_rate") -> list[int]:
    """Return the cells of which no other refuses as little and knows more, or the reverse.

    Args:
        cells: Of `dose_data.cell`.
        cost: `questions` or `code`.
        refusal: The measure of refusal.

    Returns:
        Their indices, from the one that refuses least. Estimates are compared. Random controls are
        nothing that one would choose, and are left out.
    """
    at = {
        index: (cell[refusal][0], cell[cost][0])
        for index, cell in enumerate(cells)
        if cell[cost] and cell[refusal] and not is_drawn_control(cell)
    }
    best = [
        index
        for index, (refuses, knows) in at.items()
        if not any(
            (other <= refuses and more > knows) or (other < refuses and more >= knows)
            for other, more in at.values()
        )
    ]
    return sorted(best, key=lambda index: at[index])


def sentences(cells: Sequence[Cell], beside: Beside, directions: Facts) -> dict[str, str]:
    """Return what is said of each cost in knowledge, or why there is none.

    Args:
        cells: Of `dose_data.cell`, joined with what lies beside.
        beside: What lies beside.
        directions: The model's.

    Returns:
        A text for each of `KNOWLEDGE` that can be drawn, and `missing`: why none can, else empty.
    """
    document, model = beside.document, directions.model
    again = f"{program.name()} capability --model {model}"
    if document is None:
        words = "What edits cost in knowledge has not been measured for this model yet. This "
        return {"missing": f"{words}command does it: {again}"}
    if document["model"] != model:
        words = f"The questions were asked of another model, {document['model']}. "
        return {"missing": f"{words}This command asks {model}: {again}"}
    asked = beside.rows(directions)
    found = {
        cost: " ".join(_said(cells, asked, directions, cost) + _formats(beside))
        for cost in KNOWLEDGE
        if any(is_shown(cell, cost) for cell in cells)
    }
    words = "No setting that was asked questions has a measured dose. These commands measure both: "
    more = f"{program.name()} sweep --model {model}, {again}"
    return {**found, "missing": "" if found else words + more}


def is_shown(cell: Cell, cost: str) -> bool:
    """Tell whether a cell has a position in the figure: this cost, and refusals beside it."""
    return bool(cell[cost] and cell["harmful_rate"] and cell["harmful_score"])


def _said(
    cells: Sequence[Cell], asked: Iterable[CapabilityPanel], directions: Facts, cost: str
) -> list[str]:
    drawn = [cell for cell in cells if is_shown(cell, cost)]
    own = {_whole(str(cell["panel"]), directions) for cell in drawn}
    rows = [row for row in asked if rate_of(row, cost)]
    without = sum(_whole(row["panel"], directions) not in own for row in rows)
    n = max(rate["n"] for row in rows if (rate := rate_of(row, cost)))
    parts = [
        _untouched(drawn, cost, n),
        f"{len(drawn)} of {len(cells)} measured settings are here.",
    ]
    if any(map(is_drawn_control, drawn)):
        parts.append("Faint points are random controls, one draw of each.")
    if without:
        parts.append(f"{without} more were asked but have no measured dose: see Results.")
    names = [
        f"{_name(cells[index])} (refuses {percent(cells[index]['harmful_rate'][0])}, "
        f"{percent(cells[index][cost][0])} right)"
        for index in front(cells, cost)
    ]
    if names:
        parts.append(
            f"On the front, where nothing refuses less and knows more: {', '.join(names)}."
        )
    return parts


def _name(cell: Cell) -> str:
    return f"{cell['kind']} {cell['settings']}".strip()


def _untouched(drawn: Sequence[Cell], cost: str, n: int) -> str:
    what = "questions" if cost == "questions" else "beginnings of functions"
    chance = f"guessing gets {percent(GUESSING)}"
    found = next((cell[cost] for cell in drawn if cell["panel"].name == "baseline"), None)
    if found is None:
        return f"Of {n} {what}, {chance}."
    value, low, high = map(percent, found)
    words = f"Untouched, the model gets {value} [{low}, {high}] of {n} {what} right; {chance}."
    if found[1] <= GUESSING:
        words += " It may be guessing, so there is little here that an edit could cost."
    return words


def _formats(beside: Beside) -> list[str]:
    made = beside.document.get("provenance") if beside.document else None
    asked_in = made.get("dtype") if made else None
    if not asked_in or not beside.swept_in or asked_in == beside.swept_in:
        return []
    return [f"Questions were asked in {asked_in}, doses were measured in {beside.swept_in}."]
