"""The request: its field and buttons, example requests, and what is said under it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import gradio as gr

from steering.data.prompts import Label, prompt_set
from steering.serving.engine import Engine
from steering.ui import drawers, explanation, text
from steering.ui.templates import static, template


@dataclass(frozen=True)
class RequestBar:
    """The components that events are about."""

    request: gr.Textbox
    run: gr.Button
    stop: gr.Button
    reset: gr.Button
    live: gr.Checkbox
    follow: gr.Checkbox
    note: gr.HTML
    examples: Sequence[tuple[str, gr.Button]]


REQUEST: Final = "Type a request, or take an example"
FOLLOWS: Final = "Your next message to every card"
"""What the empty field says, of a new request and of a follow-up."""
RUN: Final = "Run"
SEND: Final = "Send"
"""What the button says, of the same two."""
EXAMPLE_LABELS: Final[Mapping[Label, tuple[str, str]]] = {
    "harmful": ("Harmful", "A safe model should refuse these."),
    "harmless": ("Harmless", "A model should simply answer these."),
    "borderline": ("Borderline", "These only sound harmful; a model should answer them."),
}
EXAMPLES_EACH: Final = 3
"""Examples of each label on the page: enough to compare, few enough to see at a glance (chosen)."""
LINK: Final = static(
    '<div class="menu sharing"><button type="button" class="opener" data-link data-drawer="link" '
    'aria-expanded="false" title="Copies a link that opens the page with this request and these '
    'settings"><span class="copy" data-word="Link">Link</span></button>'
    '<div class="drawer"><p class="quiet">The link that was copied holds the request and the '
    "settings. Whoever opens it can run it anew.</p>"
    '<button type="button" class="opener" data-saves="link" title="Whoever opens it sees these '
    'answers at once, marked as shared by you"><span class="copy" '
    'data-word="Copy a link with these answers">Copy a link with these answers</span></button>'
    '<p class="said quiet" role="status"></p></div></div>'
)
"""Copies the page's address with all that is set; assets/page/link.js writes it. Its menu offers
the answers as well, see assets/run/index.js."""
_COMPARING = template(
    '<label class="tick" data-tip="Tints the words that the baseline does not say in the same '
    'place."><input type="checkbox" data-compares="words"><span>Differences</span></label>'
    '<label class="tick" data-tip="Answers that are longer than their card scroll together.">'
    '<input type="checkbox" data-compares="places"><span>Scroll together</span></label>'
    '<label class="tick" data-tip="What the baseline refuses and an edit lets the model say is '
    'seen up to its first sentence; the rest is blurred until you press for it.">'
    '<input type="checkbox" data-safe{% if safe %} checked{% endif %}><span>Veil</span></label>'
)
"""Ways to look at the answers; assets/page/compare.js and veil.js do them."""
_MEANING = template('<p class="quiet">{{ words }}</p>')
_TOPICS: Final[Mapping[Label, tuple[str, ...]]] = {
    "harmful": ("phishing_identity_theft", "fraud_scams", "malware_hacking"),
    "harmless": ("poisons_pathogens", "fraud_scams", "malware_hacking"),
    "borderline": ("safe_targets", "medicine_and_science", "technical_homonyms"),
}
"""Topics that can be shown to any audience, used where nothing is recorded (chosen)."""


def examples(engine: Engine) -> dict[Label, list[str]]:
    """Return the example requests by label: the recorded ones, then some of the test split."""
    chosen: dict[Label, list[str]] = {}
    for label, topics in _TOPICS.items():
        taken = [each["prompt"] for each in engine.recordings if each.get("label") == label]
        found = prompt_set(label, "test")
        shipped = [next(p.text for p in found if p.category == topic) for topic in topics]
        chosen[label] = list(dict.fromkeys([*taken, *shipped]))[:EXAMPLES_EACH]
    return chosen


def request_bar(engine: Engine, *, safe: bool = False) -> RequestBar:
    """Lay the bar out; to be called inside a `gr.Blocks`.

    Args:
        engine: Has the recordings, whose requests are the first examples.
        safe: Whether the safe display is on at first.
    """
    first = next(iter(engine.recordings), None)
    with gr.Column(elem_id="ask"):
        with gr.Row(elem_id="request-row"):
            request = gr.Textbox(
                value=first["prompt"] if first else "",
                label="Your request to the model",
                placeholder=REQUEST,
                lines=1,
                max_lines=6,
                elem_id="request",
                scale=1,
            )
            with gr.Row(elem_id="buttons"):
                run = gr.Button(RUN, variant="primary", elem_id="run", min_width=88)
                stop = gr.Button("Stop", interactive=False, elem_id="stop", min_width=72)
                reset = gr.Button("Reset", variant="secondary", elem_id="reset", min_width=72)
                gr.HTML(
                    drawers.opener("settings", "Settings", "Length, system prompt, model"),
                    elem_id="more",
                )
                gr.HTML(LINK, elem_id="link")
        with gr.Row(elem_id="under-request"):
            buttons = _examples(engine)
            note = gr.HTML(text.note(explanation.welcome(engine)), elem_id="note")
            follow = gr.Checkbox(
                value=False,
                interactive=False,
                label="Follow up",
                info="what you send next goes on with the conversation of every card",
                container=False,
                elem_id="follow",
                min_width=0,
            )
            live = gr.Checkbox(
                value=True,
                # Only the browser reads it, so Gradio would take it for an output.
                interactive=True,
                label="Live",
                info="run again when a slider rests",
                container=False,
                elem_id="live",
                min_width=0,
            )
            gr.HTML(_COMPARING(safe=safe), elem_id="comparing")
    return RequestBar(request, run, stop, reset, live, follow, note, buttons)


def _examples(engine: Engine) -> list[tuple[str, gr.Button]]:
    made = []
    with gr.Row(elem_id="examples"):
        for label, prompts in examples(engine).items():
            name, meaning = EXAMPLE_LABELS[label]
            with gr.Column(elem_classes=f"menu group-{label}", min_width=0):
                gr.HTML(drawers.opener("examples", name, f"Example requests. {meaning}"))
                with gr.Column(elem_classes="drawer", min_width=0):
                    gr.HTML(_MEANING(words=meaning))
                    for prompt in prompts:
                        button = gr.Button(prompt, size="sm", elem_classes="example", min_width=0)
                        made.append((prompt, button))
    return made
