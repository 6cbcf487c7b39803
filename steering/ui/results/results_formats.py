"""The results' table of number formats: do directions and maps of one serve in another?"""

from html import escape
from typing import Final

from steering.adaptation import transfer_table
from steering.artifacts.transfer_document import TRANSFER_SCHEMA, TransferDocument
from steering.ui import text

WORDS: Final = (
    "Directions and maps are fitted in one number format and used in whatever the machine computes "
    "in. Each row takes the directions and the map of its first format into a model held in its "
    "second. Cosines: 1 is the same direction, or the same subspace. rms dt: how far the training "
    "requests land from their places on that map; 1 is the distance between the class means. The "
    "differences are to directions fitted in the very format that answers, on the same prompts."
)


def formats(document: TransferDocument | None, model: str) -> str:
    """Return the section's HTML; empty where nothing was measured.

    Args:
        document: What `python -m steering transfer` wrote; None without it.
        model: Name of the model, as the command line takes it.
    """
    if document is None or document.get("schema") != TRANSFER_SCHEMA:
        return ""
    head = "".join(
        f'<th scope="col">{escape(name)}</th>' for name in transfer_table.TRANSFER_COLUMNS
    )
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>"
        for row in transfer_table.rows(document)
    )
    again = text.form(f"python -m steering transfer --model {model}")
    return (
        '<details class="formats"><summary>Other number formats: do directions and maps still '
        f"serve?</summary><p>{escape(WORDS)}</p>"
        f'<div class="scroll" tabindex="0" role="region" aria-label="Number formats"><table>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
        f"<p>{escape(transfer_table.baselines(document))}</p>"
        f'<div class="again"><span>The same numbers again:</span>{again}</div></details>'
    )
