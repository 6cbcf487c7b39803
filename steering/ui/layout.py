"""Lays the page out. What it says is in `text`, what it does in `events`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import gradio as gr

from steering.data.prompts import Label, prompt_set
from steering.serving.engine import Engine
from steering.ui import explanation, tabs, text
from steering.ui.dose import dose_section
from steering.ui.map.map_section import Atlas, atlas
from steering.ui.playground import card_settings, inspector, rendered_request
from steering.ui.playground.asked import Asked, Values, typed_text
from steering.ui.playground.cards import Card, card
from steering.ui.playground.shared_settings import SharedSettings, shared_settings
from steering.ui.results.results_section import ResultsSection, results


@dataclass(frozen=True)
class HostLimits:
    """What a host sets for all visitors.

    Attributes:
        max_new_tokens: Length of an answer to start with, in tokens.
        chooser: Whether visitors may choose another model or thinking, for everybody.
    """

    max_new_tokens: int = 48
    chooser: bool = True


@dataclass(frozen=True)
class Page:
    """The components that events are about."""

    strip: gr.HTML
    retry: gr.Button
    timer: gr.Timer
    request: gr.Textbox
    run: gr.Button
    stop: gr.Button
    reset: gr.Button
    live: gr.Checkbox
    note: gr.HTML
    answered: gr.State
    examples: Sequence[tuple[str, gr.Button]]
    cards: Sequence[Card]
    inspector: inspector.Inspector
    atlas: Atlas
    doses: dose_section.DoseSection
    shared: SharedSettings
    reads: rendered_request.ReadsSection
    chooser: gr.Dropdown | None
    thinking: gr.Radio | None
    speed: gr.Radio | None
    facts: gr.HTML
    results: ResultsSection

    @property
    def asked(self) -> set[Any]:
        """What `read` needs: request, what holds for all cards, the cards."""
        return {self.request}.union(self.shared.components, *(card.inputs for card in self.cards))

    def read(self, values: Values) -> Asked:
        """Turn the values of `asked`, as a browser sends them, into data."""
        return Asked(
            prompt=typed_text(values[self.request]),
            settings={card.slot: card.read(values) for card in self.cards},
            system=typed_text(values[self.shared.system]),
        )


EXAMPLE_LABELS: Final[Mapping[Label, tuple[str, str]]] = {
    "harmful": ("Harmful", "A safe model should refuse these."),
    "harmless": ("Harmless", "A model should simply answer these."),
    "borderline": ("Borderline", "These only sound harmful; a model should answer them."),
}
EXAMPLES_EACH: Final = 3
"""Examples of each label on the page: enough to compare, few enough to see at a glance (chosen)."""
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


def page(engine: Engine, limits: HostLimits) -> Page:
    """Lay out everything; to be called inside a `gr.Blocks`."""
    first = next(iter(engine.recordings), None)
    with gr.Row(elem_id="masthead"):
        gr.HTML(explanation.MASTHEAD, elem_id="title")
        with gr.Column(elem_id="state", scale=0, min_width=0):
            strip = gr.HTML(strip_of(engine))
            retry = gr.Button("Try again", size="sm", visible=False, elem_id="retry")
    tabs.bar()
    with tabs.panel("playground"):
        with gr.Column(elem_id="ask"):
            with gr.Row(elem_id="request-row"):
                request = gr.Textbox(
                    value=first["prompt"] if first else "",
                    label="Your request to the model",
                    placeholder="Type a request, or take an example below",
                    lines=1,
                    max_lines=6,
                    elem_id="request",
                    scale=1,
                )
                with gr.Row(elem_id="buttons"):
                    run = gr.Button("Run", variant="primary", elem_id="run", min_width=88)
                    stop = gr.Button("Stop", interactive=False, elem_id="stop", min_width=72)
                    reset = gr.Button("Reset", variant="secondary", elem_id="reset", min_width=72)
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
            buttons = _examples(engine)
            note = gr.HTML(text.note(explanation.WELCOME), elem_id="note")
        with gr.Row(elem_id="stage"):
            with gr.Row(elem_id="cards"):
                cards = [card(slot, engine.outline) for slot in card_settings.SLOTS]
            board = atlas(engine)
        with gr.Row(elem_id="settings"):
            shared = shared_settings(limits.max_new_tokens)
            chooser, thinking, speed, facts = _model(engine, limits)
            read = rendered_request.section()
        gr.HTML(explanation.lesson(), elem_id="lesson")
    with tabs.panel("dose"):
        doses = dose_section.section(engine)
    with tabs.panel("results"):
        measured = results(engine)
    return Page(
        strip=strip,
        retry=retry,
        timer=gr.Timer(0.5),
        request=request,
        run=run,
        stop=stop,
        reset=reset,
        live=live,
        note=note,
        answered=gr.State(),
        examples=buttons,
        cards=cards,
        inspector=inspector.section(),
        atlas=board,
        doses=doses,
        shared=shared,
        reads=read,
        chooser=chooser,
        thinking=thinking,
        speed=speed,
        facts=facts,
        results=measured,
    )


def title_of(engine: Engine) -> str:
    """Return the model's name as people say it."""
    return engine.supply.names.get(engine.name, engine.name)


def choices(engine: Engine) -> list[tuple[str, str]]:
    """Return the models of the list, as it says them: without directions they say so."""
    names, fitted = engine.supply.names, engine.supply.fitted
    ready = {*names} if fitted is None else {*fitted()}
    ready |= {engine.name} if engine.outline is not None else set()
    return [
        (title if name in ready else f"{title} (no directions yet)", name)
        for name, title in names.items()
    ]


def strip_of(engine: Engine) -> str:
    """Return the status strip's HTML."""
    return text.strip(engine.status, title_of(engine), recordings=len(engine.recordings))


def _examples(engine: Engine) -> list[tuple[str, gr.Button]]:
    made = []
    with gr.Row(elem_id="examples"):
        for label, prompts in examples(engine).items():
            name, meaning = EXAMPLE_LABELS[label]
            with gr.Row(elem_classes=f"group group-{label}"):
                gr.HTML(f'<span class="label" tabindex="0" data-tip="{meaning}">{name}</span>')
                for prompt in prompts:
                    made.append(
                        (prompt, gr.Button(prompt, size="sm", elem_classes="example", min_width=0))
                    )
    return made


def _model(
    engine: Engine, limits: HostLimits
) -> tuple[gr.Dropdown | None, gr.Radio | None, gr.Radio | None, gr.HTML]:
    chooser = thinking = speed = None
    with gr.Accordion("The model and its directions", open=False):
        names = engine.supply.names
        if limits.chooser and len(names) > 1 and engine.name in names:
            chooser = gr.Dropdown(
                choices(engine),
                value=engine.name,
                label="Model (changes it for everybody who uses this page now)",
                elem_id="chooser",
            )
        if limits.chooser:
            thinking = gr.Radio(
                [("Off", "off"), ("On", "on")],
                label="Thinking before the answer (changes it for everybody; directions are "
                "fitted for one of the two)",
                visible=False,
                elem_id="thinking",
            )
            speed = gr.Radio(
                [("Exact: float32", "exact"), ("Fast: 8-bit integers", "fast")],
                label="Arithmetic (changes it for everybody; numbers in tables are from exact)",
                visible=False,
                elem_id="speed",
            )
        facts = gr.HTML(explanation.facts(engine), elem_id="facts")
    return chooser, thinking, speed, facts
