"""A link as a code that cameras read (a QR code), so that a hall takes it from the screen."""

from typing import Final

from markupsafe import Markup

from steering.errors import SteeringError
from steering.ui.templates import template

_MOST: Final = 300
"""Signs of a link (chosen: a code of more is too fine for the last row of a hall)."""
_QUIET: Final = 4
"""Modules of white around a code, as ISO/IEC 18004 wants it."""
_CODE: Final = template(
    '<svg viewBox="0 0 {{ size }} {{ size }}" role="img" aria-label="QR code of the link" '
    'shape-rendering="crispEdges"><rect width="{{ size }}" height="{{ size }}" fill="#fff"/>'
    '<path fill="#000" d="{{ path }}"/></svg>'
)
"""White stays white in the dark, too: many cameras read no code whose colours are turned."""


def code(link: str) -> Markup:
    """Return a link's code as SVG, made here: nothing is asked of other hosts.

    Args:
        link: At most 300 signs.

    Raises:
        SteeringError: If there is no link, or it is too long.
    """
    import segno  # the page starts sooner

    if not 1 <= len(link) <= _MOST:
        raise SteeringError(
            f"a link of {len(link)} signs makes no code; allowed: 1 to {_MOST}; open the page by a "
            "shorter address"
        )
    rows = segno.make(link, error="m", micro=False).matrix
    path = "".join(
        f"M{x + _QUIET} {y + _QUIET}h1v1h-1z"
        for y, row in enumerate(rows)
        for x, dark in enumerate(row)
        if dark
    )
    return _CODE(size=len(rows) + 2 * _QUIET, path=path)
