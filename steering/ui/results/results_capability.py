"""What edits cost in knowledge: the questions' table, with the front of capability and refusal."""

from typing import Final

from markupsafe import Markup

from steering.artifacts.capability_document import CapabilityDocument, CapabilityRate
from steering.formatting import between, plain, signed, signed_between
from steering.intervals import IntervalEntry
from steering.ui.templates import NOTHING, template

WORDS: Final = (
    "What is lost: how many multiple-choice questions each edited model answers rightly (general "
    "knowledge, arithmetic, reading, code), how often it finds the right end of a small function "
    "the likeliest, and beside it how many harmful requests it refuses. Choices are compared by "
    "likelihood, so that a refusal is no wrong answer. A check marks the front: no other setting "
    "refuses as little and knows more, or knows as much and refuses less."
)
_COLUMNS: Final = (
    *("Setting", "Questions right", "Change from baseline", "Code right", "Harmful refused"),
    "Front",
)
_DETAILS = template(
    '<details class="formats fit"><summary>What edits cost in knowledge</summary>'
    '<p>{{ words }}</p><div class="scroll" tabindex="0" role="region" '
    'aria-label="What edits cost in knowledge"><table><thead><tr>'
    '{% for name in columns %}<th scope="col">{{ name }}</th>{% endfor %}</tr></thead><tbody>'
    '{% for row in rows %}<tr><td><code translate="no">{{ row[0] }}</code></td>'
    "{% for cell in row[1:] %}<td>{{ cell }}</td>{% endfor %}</tr>{% endfor %}"
    "</tbody></table></div></details>"
)


def capability(document: CapabilityDocument | None) -> Markup:
    """Return the section's HTML; empty where nothing was measured."""
    if document is None or not document["panels"]:
        return NOTHING
    rows = [
        (
            row["panel"],
            _rate(row["questions"]),
            _change(row["questions"]),
            _rate(row["completions"]),
            _rate(row["refused"]),
            "✓" if row["on_front"] else "",
        )
        for row in document["panels"]
    ]
    return _DETAILS(words=WORDS, columns=_COLUMNS, rows=rows)


def _rate(found: IntervalEntry | None) -> str:
    if found is None:
        return plain(None)
    return f"{plain(found['estimate'])} {between(found['low'], found['high'])}"


def _change(found: CapabilityRate | None) -> str:
    change = found["difference"] if found else None
    if change is None:
        return plain(None)
    return f"{signed(change['estimate'])} {signed_between(change['low'], change['high'])}"
