"""How the directions of a model came about: refusal openers, with what they were found by."""

from typing import Final

from markupsafe import Markup

from steering.formatting import plain
from steering.interventions.openers import OpenerTable
from steering.interventions.outline import Facts
from steering.ui.templates import NOTHING, template
from steering.ui.text import isolated

OPENERS: Final = (
    "Refusal openers: the first tokens by which the refusal score tells that a refusal begins. "
    "They are those that are likelier where this model refuses a training request than where it "
    "answers one: mean probabilities of the first token."
)
_FIT = template(
    '<details class="formats fit"><summary>How the directions were fitted and chosen</summary>'
    "{{ openers }}</details>"
)
_TABLE = template(
    '<p>{{ words }}</p><div class="scroll" tabindex="0" role="region" aria-label="{{ name }}">'
    '<table><thead><tr>{% for name in columns %}<th scope="col">{{ name }}</th>{% endfor %}</tr>'
    "</thead><tbody>{% for row in rows %}<tr>{% for cell in row %}<td>{{ cell }}</td>{% endfor %}"
    "</tr>{% endfor %}</tbody></table></div>"
)


def fit(facts: Facts | None) -> Markup:
    """Return the section's HTML; empty where nothing is known.

    Args:
        facts: What there is to know of the directions; None without directions.
    """
    if facts is None or facts.openers is None:
        return NOTHING
    return _FIT(openers=_openers(facts.openers))


def _openers(table: OpenerTable) -> Markup:
    return _TABLE(
        name="Refusal openers",
        words=OPENERS,
        columns=(
            "first token",
            f"of {table.n_refused} refusals",
            f"of {table.n_answered} answers",
            "read by the score",
        ),
        rows=[
            (
                isolated(f"“{row.text}”"),
                plain(row.refused),
                plain(row.answered),
                "yes" if row.taken else "no",
            )
            for row in table.rows
        ],
    )
