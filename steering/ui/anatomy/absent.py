"""What stands in a section of *Anatomy* where nothing was measured of what is played now."""

from markupsafe import Markup

from steering.ui.templates import template

_ABSENT = template(
    '<p class="absent">Nothing is shown here: this was not measured of what is played now. '
    "<code>python -m steering {{ command }} --model {{ model }}</code> measures it of the model."
    "</p>"
)


def absent(command: str, model: str) -> Markup:
    """Return the sentence; it names the command that measures what would stand here."""
    return _ABSENT(command=command, model=model)
