"""What the section *Harm is not refusal* says, as functions from plain data to HTML."""

from markupsafe import Markup

from steering.ui.templates import template

_MISSING = template(
    "<h3>Harm is not refusal</h3><p>Not measured for this model yet. "
    "<code>python -m steering anatomy harm --model {{ model }}</code> measures it.</p>"
)


def missing(model: str) -> Markup:
    """Return what stands where nothing was measured."""
    return _MISSING(model=model)
