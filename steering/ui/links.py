"""The address of a page that holds what a visitor has set, and what it says.

It stands behind the `#`, so that no server and no log gets it: first the tab, then the parts as in
a query, `#playground&request=...&panel=flip:k=3&own=actadd:c=2&seed=1`. assets/page/link.js writes
it and takes the map's part of it; the rest is read here. A link with answers has `run=` in place of
all but the map's part: a whole run, packed.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl

from steering.artifacts.saved_runs import SavedRun
from steering.errors import SteeringError
from steering.interventions.outline import Facts
from steering.interventions.panel import Panel, parse
from steering.ui.playground import card_settings, packed_run, typed_numbers
from steering.ui.playground.card_settings import Brought

_PARTS: Final = 64
"""Parts that an address may have: several times what a page writes (chosen)."""
NUMBERS: Final = ("tokens", "temperature", "top_p", "seed")
"""Parts that are numbers: how answers are drawn."""


@dataclass(frozen=True)
class Link:
    """What an address says.

    Attributes:
        request: To the model.
        system: System prompt; empty leaves the template's own.
        model: Name of the model that the link was made with; empty where it says none.
        panels: Of the cards that take part, in their order; None leaves the cards as they are.
        own: Of the card whose edit can be any; None where it takes no part.
        numbers: How answers are drawn, by name (see `NUMBERS`).
        run: Answers that were shared with all that made them, which is all that counts then.
    """

    request: str = ""
    system: str = ""
    model: str = ""
    panels: tuple[Panel, ...] | None = None
    own: Panel | None = None
    numbers: Mapping[str, float] = field(default_factory=dict)
    run: SavedRun | None = None

    def cards(self, directions: Facts | None) -> dict[str, Brought]:
        """Return the cards that take part, beside the baseline, and how they are set.

        Raises:
            SteeringError: If the model cannot do it, or two panels need the same card.
        """
        found: dict[str, Brought] = {}
        for panel in self.panels or ():
            if panel.name == "baseline":
                continue
            brought = card_settings.bring(panel, directions)
            slot = "own" if brought.slot in found else brought.slot
            if slot in found or (slot == "own" and self.own is not None):
                raise SteeringError(
                    f"the link has more panels like {panel} than there are cards for them; "
                    "run it by command line"
                )
            found[slot] = brought
        if self.own is not None:
            found["own"] = card_settings.bring(self.own, directions)
        return found


def read(address: str) -> Link | None:
    """Return what an address says, or None if it holds no more than a tab.

    Args:
        address: All that stands behind the `#`, as a browser has it.

    Raises:
        SteeringError: If a panel, a number or a shared run cannot be read.
    """
    _, _, query = address.partition("&")
    try:
        parts = parse_qsl(query, max_num_fields=_PARTS)
    except ValueError as error:
        raise SteeringError(f"the link has more than {_PARTS} parts; copy it anew") from error
    if not parts:
        return None
    said = dict(parts)
    if "run" in said:
        return Link(run=packed_run.unpacked(said["run"]))
    return Link(
        request=said.get("request", ""),
        system=said.get("system", ""),
        model=said.get("model", ""),
        panels=tuple(parse(text) for key, text in parts if key == "panel") or None,
        own=parse(said["own"]) if said.get("own") else None,
        numbers={name: _number(name, said[name]) for name in NUMBERS if name in said},
    )


def _number(name: str, text: str) -> float:
    """Return a number; `nan` and `inf` are none, which a field and its JSON could not hold."""
    found: float | None = None
    with suppress(ValueError):
        found = typed_numbers.finite(float(text))
    if found is None:
        raise SteeringError(f"the link has {name}={text[:40]!r}, which is no number; copy it anew")
    return found
