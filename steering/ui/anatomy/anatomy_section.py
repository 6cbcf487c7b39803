"""The tab *Anatomy*: its introduction, and its sections, a module each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import gradio as gr

from steering.serving.engine import Engine
from steering.ui.anatomy import harm_section, patch_section, wording_section
from steering.ui.playground.asked import Asked, Values
from steering.ui.templates import template

SECTIONS: Final[Mapping[str, str]] = {
    "harm": "Harm is not refusal",
    "patching": "Where it is decided",
    "wordings": "Other languages and wordings",
}
"""The sections from first to last: the id of the element, and its name."""
_HEAD = template(
    '<header class="anatomy-about"><h2>Anatomy</h2>'
    "<p>What goes on inside the model before it refuses.</p>"
    '{% if names|length > 1 %}<nav aria-label="Sections">{% for name, title in names.items() %}'
    '<a href="#{{ name }}">{{ title }}</a>{% endfor %}</nav>{% endif %}</header>'
)


@dataclass(frozen=True)
class AnatomySection:
    """The sections of the tab."""

    harm: harm_section.HarmSection
    patching: patch_section.PatchSection
    wordings: wording_section.WordingSection


def section(engine: Engine) -> AnatomySection:
    """Lay the tab out; to be called inside a `gr.Blocks`."""
    gr.HTML(_HEAD(names=SECTIONS))
    return AnatomySection(
        harm=harm_section.section(engine),
        patching=patch_section.section(engine),
        wordings=wording_section.section(engine),
    )


def wire(
    made: AnatomySection,
    engine: Engine,
    events: list[Callable[..., Any]],
    inputs: set[Any],
    read: Callable[[Values], Asked],
) -> None:
    """Connect the sections.

    Args:
        made: The components.
        engine: Knows the model, which any visitor may have changed.
        events: `Blocks.load` and the like, after which the present model is shown.
        inputs: What `read` needs.
        read: Turns the values of the page into a request and cards.
    """
    harm_section.wire(made.harm, engine, events, inputs, read)
    patch_section.wire(made.patching, engine, events)
    wording_section.wire(made.wordings, engine, events, inputs, read)
