"""HTML from templates, in Jinja's language, that escape whatever is filled in.

What a template itself says is markup. What is filled in, from a model, a visitor or a file, is
text, unless it comes out of a template as well. No other module of the page makes HTML from text.
"""

from collections.abc import Callable
from functools import cache
from typing import Final

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

_ENVIRONMENT: Final = Environment(autoescape=True, undefined=StrictUndefined)
# Compiled when it is first filled: the page starts sooner.
_compiled = cache(_ENVIRONMENT.from_string)
NOTHING: Final = Markup("")
"""What stands where there is nothing to show."""


def template(source: str) -> Callable[..., Markup]:
    """Return what fills a template: it takes a value by keyword for each name in it.

    Args:
        source: Written in the code, never put together from values.
    """

    def filled(**values: object) -> Markup:
        return Markup(_compiled(source).render(values))

    return filled


def static(source: str) -> Markup:
    """Return markup that is written in the code as it stands."""
    return Markup(source)
