"""Lays the page out. What it says is in `text`, what it does in `events`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import gradio as gr

from steering.serving.engine import Engine
from steering.ui import drawers, explanation, tabs, text, tour, verdict_strip
from steering.ui.anatomy import anatomy_section
from steering.ui.contrast import contrast_section
from steering.ui.dose import dose_section
from steering.ui.map.map_section import Atlas, atlas
from steering.ui.playground import card_settings, inspector, rendered_request, run_saving
from steering.ui.playground.asked import Asked, Values, typed_text
from steering.ui.playground.cards import Card, card
from steering.ui.playground.shared_settings import SharedSettings, shared_settings
from steering.ui.request_bar import request_bar
from steering.ui.results.results_section import ResultsSection, results
from steering.ui.room import room_section
from steering.ui.templates import static


@dataclass(frozen=True)
class HostLimits:
    """What a host sets for all visitors.

    Attributes:
        max_new_tokens: Length of an answer to start with, in tokens.
        chooser: Whether visitors may choose another model or thinking, for everybody. Where they
            may not, which is a public host, the safe display is on at first, and programs have it
            for good.
        frames: Whose pages may show this one in a frame, as `response_headers` takes it.
        tool: Whether programs may have answers by MCP as well.
    """

    max_new_tokens: int = 48
    chooser: bool = True
    frames: str = "*"
    tool: bool = False


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
    follow: gr.Checkbox
    note: gr.HTML
    answered: gr.State
    link: gr.Button
    address: gr.Textbox
    examples: Sequence[tuple[str, gr.Button]]
    cards: Sequence[Card]
    inspector: inspector.Inspector
    atlas: Atlas
    doses: dose_section.DoseSection
    shared: SharedSettings
    reads: rendered_request.ReadsSection
    saving: run_saving.SavingSection
    chooser: gr.Dropdown | None
    thinking: gr.Radio | None
    speed: gr.Radio | None
    facts: gr.HTML
    results: ResultsSection
    anatomy: anatomy_section.AnatomySection
    tour: gr.HTML
    room: room_section.RoomSection
    contrast: contrast_section.ContrastSection

    @property
    def asked(self) -> set[Any]:
        """What `read` needs: request, what holds for all cards, the cards."""
        return {self.request}.union(self.shared.components, *(card.inputs for card in self.cards))

    @property
    def talking(self) -> set[Any]:
        """What a request needs that may go on with a conversation: the tick, and the latest run."""
        return self.asked | {self.follow, self.inspector.answers}

    def read(self, values: Values) -> Asked:
        """Turn the values of `asked`, as a browser sends them, into data."""
        return Asked(
            prompt=typed_text(values[self.request]),
            settings={card.slot: card.read(values) for card in self.cards},
            system=typed_text(values[self.shared.system]),
        )


PRESENT: Final = static(
    '<button type="button" class="opener" data-present aria-pressed="false" title="Large type, one '
    'panel beside the baseline; left and right go through them, Esc leaves">Present</button>'
)
"""Switches the present mode, which is the browser's affair (assets/page/present.js)."""


def page(engine: Engine, limits: HostLimits) -> Page:
    """Lay out everything; to be called inside a `gr.Blocks`."""
    with gr.Row(elem_id="masthead"):
        gr.HTML(explanation.MASTHEAD, elem_id="title")
        tabs.bar()
        with gr.Column(elem_id="state", min_width=0):
            strip = gr.HTML(strip_of(engine))
            retry = gr.Button("Try again", size="sm", visible=False, elem_id="retry")
        gr.HTML(PRESENT, elem_id="present")
        gr.HTML(room_section.OPENER, elem_id="room-opener")
        gr.HTML(tour.OPENER, elem_id="tours")
        gr.HTML(drawers.opener("lesson", "How it works"), elem_id="how")
    gr.HTML(room_section.BAR, elem_id="room-bar")
    with tabs.panel("playground"):
        bar = request_bar(engine, safe=not limits.chooser)
        gr.HTML(verdict_strip.strip(), elem_id="verdicts")
        with gr.Row(elem_id="stage"):
            with gr.Row(elem_id="cards"):
                cards = [card(slot, engine.outline) for slot in card_settings.SLOTS]
            board = atlas(engine)
    with tabs.panel("dose"):
        doses = dose_section.section(engine)
    with tabs.panel("results"):
        measured = results(engine)
    with tabs.panel("anatomy"):
        anatomy = anatomy_section.section()
    with tabs.panel("contrast"):
        own = contrast_section.section(chooser=limits.chooser)
    with gr.Column(elem_id="settings", elem_classes="drawer", min_width=0):
        gr.HTML(drawers.head("Settings"))
        shared = shared_settings(limits.max_new_tokens)
        chooser, thinking, speed, facts = _model(engine, limits)
        read = rendered_request.section()
        saving = run_saving.section()
    with gr.Column(elem_id="lesson", elem_classes="drawer", min_width=0):
        gr.HTML(drawers.head("How it works"))
        gr.HTML(explanation.lesson())
    with gr.Column(elem_id="room", elem_classes="drawer", min_width=0):
        gr.HTML(drawers.head("Room"))
        room = room_section.section()
    return Page(
        strip=strip,
        retry=retry,
        timer=gr.Timer(0.5),
        request=bar.request,
        run=bar.run,
        stop=bar.stop,
        reset=bar.reset,
        live=bar.live,
        follow=bar.follow,
        note=bar.note,
        answered=gr.State(),
        # Unseen; assets/page/link.js presses the one, whose event brings the other.
        link=gr.Button("Open the link", elem_id="open-link", elem_classes="unseen-button"),
        address=gr.Textbox(visible=False),
        examples=bar.examples,
        cards=cards,
        inspector=inspector.section(),
        atlas=board,
        doses=doses,
        shared=shared,
        reads=read,
        saving=saving,
        chooser=chooser,
        thinking=thinking,
        speed=speed,
        facts=facts,
        results=measured,
        anatomy=anatomy,
        tour=tour.section(engine),
        room=room,
        contrast=own,
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
    return text.strip(
        engine.status, title_of(engine), recordings=len(engine.recordings), model=engine.name
    )


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
