"""Tables of what is measured beside the answers: longer answers, next tokens, ranks."""

from typing import Final

from steering.artifacts.evaluation_document import (
    LongEntry,
    NextTokensEntry,
    RankedPanel,
    rates_of,
)
from steering.formatting import plain, signed, table, with_interval

_SETS: Final = ("harmful", "harmless")


def long(found: LongEntry) -> str:
    """Return refusal and looping of the longer answers, a panel a row."""
    head = ["panel", *(f"{group} {what}" for group in _SETS for what in ("refused", "looping"))]
    lines = []
    for panel in found["panels"]:
        cells = [f"`{panel['panel']}`"]
        for group in _SETS:
            rates = rates_of(panel, group)
            refused = rates["refusal_rate"] if rates else None
            looping = rates.get("looping_rate") if rates else None
            cells += [with_interval(refused), with_interval(looping)]
        lines.append(cells)
    return table(head, lines)


def scored(found: NextTokensEntry) -> str:
    """Return the refusal scores of every arm, in nats, and what they cost."""
    head = ["panel", "what", "harmful score", "opens", "harmless score", "opens", "KL"]
    lines = []
    for panel in found["panels"]:
        cells = [f"`{panel['panel']}`", panel["label"]]
        for entry in (panel["harmful"], panel["harmless"]):
            cells += [
                with_interval(entry["refusal_score"], signed),
                plain(entry["opens"]["estimate"]),
            ]
        lines.append([*cells, plain(panel["kl"])])
    return table(head, lines)


def ranks(found: NextTokensEntry) -> str:
    """Return where each arm's refusal score lies among the seeds of its controls.

    `lower` counts seeds whose score is at most the arm's: 0 of 20 where none suppresses as much.
    """
    head = ["panel", "what", "control"]
    head += [f"{group}: {what}" for group in _SETS for what in ("lower", "net score")]
    lines = [_ranked(each) for each in found["ranks"]]
    return table(head, lines)


def _ranked(each: RankedPanel) -> list[str]:
    cells = [f"`{each['panel']}`", each["label"], each["control"]]
    for entry in (each["harmful"], each["harmless"]):
        cells += [f"{entry['lower']} of {len(entry['seeds'])}", with_interval(entry["net"], signed)]
    return cells
