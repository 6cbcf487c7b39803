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
_ONCE_SEEN = "window.steering.onceSeen(element.closest('.tab-panel'), () => trigger('select'));"
"""What the sections show is asked for when the tab is seen, not by every page that is opened."""


@dataclass(frozen=True)
class AnatomySection:
    """The sections of the tab.

    Attributes:
        head: Tells that the tab is seen.
        harm: Harm is not refusal.
        patching: Where it is decided.
        wordings: Other languages and wordings.
        shown: Names the directions and documents that are shown to this visitor; empty before the
            tab is seen.
    """

    head: gr.HTML
    harm: harm_section.HarmSection
    patching: patch_section.PatchSection
    wordings: wording_section.WordingSection
    shown: gr.State


def section() -> AnatomySection:
    """Lay the tab out, empty; to be called inside a `gr.Blocks`."""
    return AnatomySection(
        head=gr.HTML(_HEAD(names=SECTIONS), js_on_load=_ONCE_SEEN),
        harm=harm_section.section(),
        patching=patch_section.section(),
        wordings=wording_section.section(),
        shown=gr.State(""),
    )


def anew(made: AnatomySection, engine: Engine, shown: str) -> dict[Any, Any]:
    """Return what shows the present directions, or nothing where they are shown.

    A visitor's own request and pair go with what they were measured of.

    Args:
        made: The components.
        engine: Knows the directions, which any visitor may have changed.
        shown: What `made.shown` holds.
    """
    with engine.still():
        present = f"{engine.maps_id} {engine.measured_id}"
        if shown == present:
            return {made.shown: gr.skip()}
        return {
            **harm_section.anew(made.harm, engine),
            **patch_section.anew(made.patching, engine),
            **wording_section.anew(made.wordings, engine),
            made.shown: present,
        }


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
        events: After which the present model is shown, where the tab was seen.
        inputs: What `read` needs.
        read: Turns the values of the page into a request and cards.
    """

    def show_first(shown: str) -> dict[Any, Any]:
        return anew(made, engine, shown)

    def show_again(shown: str) -> dict[Any, Any]:
        return anew(made, engine, shown) if shown else {made.shown: gr.skip()}

    harm, patching, wordings = made.harm, made.patching, made.wordings
    outputs = [harm.board, harm.numbers, harm.below, harm.said, made.shown]
    outputs += [patching.board, patching.found, patching.progress.said]
    outputs += [wordings.rates, wordings.board, wordings.below, wordings.said]
    quiet: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    first = made.head.select(show_first, inputs=made.shown, outputs=outputs, **quiet)
    # What has come has moved the section that a link names.
    first.then(js="() => window.steering.tabs.arrive()", **quiet)
    for event in events:
        event(show_again, inputs=made.shown, outputs=outputs, **quiet)
    harm_section.wire(harm, engine, inputs, read)
    patch_section.wire(patching, engine)
    wording_section.wire(wordings, engine, inputs, read)
