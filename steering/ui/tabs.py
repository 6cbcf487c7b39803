"""The page's tabs: a bar of its own and the panels it shows, one at a time.

Gradio's own tabs have no arrow keys, no address and no name for their panels, and fold away on a
phone. Here every panel stays in the page, so a plot keeps its zoom; the rest is in
assets/page/tabs.js.
"""

from collections.abc import Mapping
from typing import Final

import gradio as gr

from steering.ui.templates import template

NAMES: Final[Mapping[str, str]] = {
    "playground": "Playground",
    "dose": "Dose and response",
    "results": "Results",
    "anatomy": "Anatomy",
    "contrast": "Contrast",
}
"""The tabs from first to last: the hash in the page's address, and the name on the tab."""
_BAR = template(
    '<nav aria-label="Parts of this page"><div role="tablist">'
    "{% for name, title in names.items() %}"
    '<a role="tab" id="tab-{{ name }}" href="#{{ name }}" data-tab="{{ name }}" '
    'aria-controls="panel-{{ name }}">{{ title }}</a>{% endfor %}</div></nav>'
)


def bar() -> gr.HTML:
    """Lay out the bar; to be called inside a `gr.Blocks`."""
    # Who is selected, and what a panel is called, is said by assets/page/tabs.js.
    return gr.HTML(
        _BAR(names=NAMES),
        elem_id="tabs",
        js_on_load="window.steering.tabs.tell();",
    )


def panel(name: str) -> gr.Column:
    """Return the column, to be used in a `with`, that is shown while tab `name` is selected."""
    return gr.Column(elem_id=f"panel-{name}", elem_classes="tab-panel", min_width=0)
