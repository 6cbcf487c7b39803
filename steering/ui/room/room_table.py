"""What a room tried, as the table of its presenter, as pinned rows on every screen, and as CSV."""

from collections.abc import Iterable, Sequence
from typing import Final

from markupsafe import Markup

from steering.serving.room import Tried
from steering.system import flat_tables
from steering.ui.playground.answer_html import VERDICTS
from steering.ui.templates import template
from steering.ui.text import written

_ROWS = template(
    '<ol class="tried">{% for row in rows %}'
    '<li class="{{ row.state }}" data-row="{{ row.number }}">{{ row.request }}'
    '<ul>{% for name, word, panel in row.outcomes %}<li><code translate="no">{{ panel }}</code> '
    '<span class="chip {{ name }}">{{ word }}</span></li>{% endfor %}</ul>'
    '{% if led %}<p class="marks">'
    '{% for mark, word, tip in row.marks %}<button type="button" class="opener" '
    'data-mark="{{ mark }}" title="{{ tip }}">{{ word }}</button>{% endfor %}</p>{% endif %}'
    "</li>{% endfor %}</ol>"
)
_MARKS: Final = {
    "pin": ("Pin", "Everybody sees this row"),
    "unpin": ("Unpin", "Only you see this row again"),
    "hide": ("Hide", "Nobody sees this row, and the file leaves it out"),
    "show": ("Bring back", "The row is in the table again"),
}
_FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the beginning of a formula, and may run."""


def table(rows: Iterable[Tried], *, led: bool) -> Markup:
    """Return rows as HTML: the pinned ones first, then the latest.

    Args:
        rows: In time.
        led: Whether it is the presenter's, with buttons; hidden rows are in no other.
    """
    shown = [row for row in rows if led or not row.hidden]
    shown.sort(key=lambda row: (row.hidden, not row.pinned, -row.number))
    return _ROWS(rows=[_row(each) for each in shown], led=led)


def _row(row: Tried) -> dict[str, object]:
    marks = ["show"] if row.hidden else ["unpin" if row.pinned else "pin", "hide"]
    return {
        "number": row.number,
        "state": "hidden-row" if row.hidden else "pinned" if row.pinned else "",
        "request": written(row.request, tag="div"),
        "outcomes": [_outcome(panel, verdict) for panel, verdict in row.outcomes],
        "marks": [(mark, *_MARKS[mark]) for mark in marks],
    }


def _outcome(panel: str, verdict: str) -> tuple[str, str, str]:
    known = VERDICTS.get(verdict)
    return (f"verdict {verdict}", known.word, panel) if known else ("quiet", "No verdict", panel)


def as_csv(rows: Sequence[Tried]) -> str:
    """Return rows as CSV, a line a panel; what looks like a formula begins with an apostrophe."""
    return flat_tables.as_csv(
        {
            "run": row.number,
            "seconds": round(row.seconds),
            "request": f"'{row.request}" if row.request.startswith(_FORMULAS) else row.request,
            "panel": panel,
            "verdict": verdict,
            "pinned": row.pinned,
        }
        for row in rows
        for panel, verdict in row.outcomes
    )
