"""The results' table of number formats: do directions and maps of one serve in another?"""

from typing import Final

from markupsafe import Markup

from steering import program
from steering.adaptation import transfer_table
from steering.artifacts.transfer_document import TRANSFER_SCHEMA, TransferDocument
from steering.ui import text
from steering.ui.templates import NOTHING, template

WORDS: Final = (
    "Directions and maps are fitted in one number format and used in whatever the machine computes "
    "in. Each row takes the directions and the map of its first format into a model held in its "
    "second. Cosines: 1 is the same direction, or the same subspace. rms dt: how far the training "
    "requests land from their places on that map; 1 is the distance between the class means. The "
    "differences are to directions fitted in the very format that answers, on the same prompts."
)
_FORMATS = template(
    '<details class="formats"><summary>Other number formats: do directions and maps still serve?'
    "</summary><p>{{ words }}</p>"
    '<div class="scroll" tabindex="0" role="region" aria-label="Number formats"><table><thead><tr>'
    '{% for name in columns %}<th scope="col">{{ name }}</th>{% endfor %}</tr></thead><tbody>'
    "{% for row in rows %}<tr>{% for cell in row %}<td>{{ cell }}</td>{% endfor %}</tr>"
    "{% endfor %}</tbody></table></div><p>{{ baselines }}</p>"
    '<div class="again"><span>The same numbers again:</span>{{ again }}</div></details>'
)


def formats(document: TransferDocument | None, model: str) -> Markup:
    """Return the section's HTML; empty where nothing was measured.

    Args:
        document: What `python -m steering transfer` wrote; None without it.
        model: Name of the model, as the command line takes it.
    """
    if document is None or document.get("schema") != TRANSFER_SCHEMA:
        return NOTHING
    return _FORMATS(
        words=WORDS,
        columns=transfer_table.TRANSFER_COLUMNS,
        rows=transfer_table.rows(document),
        baselines=transfer_table.baselines(document),
        again=text.form(f"{program.name()} transfer --model {model}"),
    )
