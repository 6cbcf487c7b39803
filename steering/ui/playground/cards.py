"""The cards' components: one card a panel, made alike."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr

from steering.errors import SteeringError
from steering.interventions.outline import Facts
from steering.interventions.panel import KEYS, RANGES, choices
from steering.ui import drawers, text
from steering.ui.playground import answer_html, card_settings, typed_numbers
from steering.ui.playground.asked import Setting, Values


@dataclass(frozen=True)
class Card:
    """The components of one card.

    Attributes:
        slot: Its name, a key of `card_settings.SLOTS`.
        kind: The panel's name; only the card `own` shows it, as a choice.
        on: Whether it takes part; None for the baseline, which always does.
        head: Name and explanation.
        form: Text form of the panel.
        view: The answer.
        tokens: The likeliest first tokens.
        controls: Its dials, by key; empty for the baseline.
    """

    slot: str
    kind: gr.Dropdown | None
    on: gr.Checkbox | None
    head: gr.HTML
    form: gr.HTML
    view: gr.HTML
    tokens: gr.HTML
    controls: Mapping[str, Any]

    @property
    def inputs(self) -> list[Any]:
        """What a handler has to be given to know this card: on, kind, and the controls."""
        return [each for each in (self.on, self.kind, *self.controls.values()) if each is not None]

    def read(self, values: Values) -> Setting:
        """Turn the values of `inputs`, as a browser sends them, into data."""
        on = self.on is None or bool(values[self.on])
        kind = card_settings.kind_of(self.slot) if self.kind is None else values[self.kind]
        # None where the list's text was emptied; no panel has such a name.
        controls = {key: values[control] for key, control in self.controls.items()}
        return Setting(self.slot, on, str(kind), controls)


def card(slot: str, directions: Facts | None) -> Card:
    """Lay out one card."""
    kind = card_settings.kind_of(slot)
    chosen = None
    with gr.Column(elem_classes=["card", f"card-{slot}"], elem_id=f"card-{slot}", min_width=0):
        with gr.Row(elem_classes="top"):
            problem = card_settings.lacking(kind, "inlp", directions)
            head = gr.HTML(text.head(slot, kind, problem), elem_classes="head")
            if slot == "own":
                chosen = _kinds(kind)
            is_on = card_settings.starts_on(slot, directions)
            on = None if slot == "baseline" else _switch(slot, kind, is_on=is_on)
        view = gr.HTML(answer_html.view(None, "idle" if is_on else "off"), elem_classes="screen")
        controls = _controls(slot, kind, directions) if slot != "baseline" else {}
        with gr.Row(elem_classes="foot"):
            gr.HTML(drawers.card_openers(has_settings=slot != "baseline"), elem_classes="openers")
            form = gr.HTML(text.form(str(card_settings.SLOTS[slot])), elem_classes="form-line")
        with gr.Column(elem_classes="drawer drawer-numbers", min_width=0):
            gr.HTML(drawers.FIRST_TOKENS)
            tokens = gr.HTML(answer_html.first_tokens(()))
    return Card(slot, chosen, on, head, form, view, tokens, controls)


def _switch(slot: str, kind: str, *, is_on: bool) -> gr.Checkbox:
    return gr.Checkbox(
        value=is_on,
        label=f"Include {text.title(slot, kind)}",
        container=False,
        elem_classes="switch",
        scale=0,
        min_width=44,
    )


def _kinds(kind: str) -> gr.Dropdown:
    choices = [(text.KINDS[each].title, each) for each in card_settings.FREE_KINDS]
    return gr.Dropdown(choices, value=kind, label="Which edit", elem_classes="kind")


_LABELS = {
    "k": "Rank k",
    "alpha": "Strength α",
    "c": "Coefficient c",
    "layer": "Layer the directions come from",
    "where": "Where it acts",
    "side": "On which tokens",
    "center": "Measured from",
    "basis": "Directions",
    "classes": "Directions tell apart",
    "seed": "Seed of the random directions",
}
_MEANINGS = {
    "k": "How many directions are taken.",
    "alpha": "1 erases what lies along the directions, 2 mirrors it to the other side.",
    "c": "Below 0 away from refusing, above 0 towards it.",
}
"""What the sliders in sight do."""
_CHOICES = {
    "where": [("That layer", "source"), ("Every layer", "all")],
    "side": [("All", "both"), ("Only those that read as harmful", "harmful")],
    "center": [("Zero", "origin"), ("Midpoint of both classes", "midpoint")],
    "classes": [
        ("What it refuses and what it answers", "behaviour"),
        ("What is harmful and what is harmless", "label"),
    ],
    "basis": [("INLP", "inlp"), ("Difference in means", "dim"), ("Random", "random")],
}


def _controls(slot: str, kind: str, directions: Facts | None) -> dict[str, Any]:
    """Make every control a card may need; those that its kind does not take are hidden."""
    values = card_settings.start(card_settings.SLOTS[slot], directions)
    reach = card_settings.limits(kind, values["basis"], values["layer"], directions)
    keys = card_settings.CONTROLS
    # A fixed card never needs the others' controls; only `own` can become another kind.
    needed = [key for key in keys if key in KEYS[kind] or slot == "own"]
    known = card_settings.definitions(kind, values["basis"], directions)
    with gr.Column(elem_classes="dials", min_width=0):
        made = {key: _control(key, kind, values[key], reach) for key in needed if key in _DIALS}
    with gr.Column(elem_classes="drawer drawer-settings", min_width=0):
        for key in needed:
            if key not in _DIALS:
                made[key] = _control(key, kind, values[key], reach, known)
    return {key: made[key] for key in needed}


_DIALS = ("k", "alpha", "c")


def _control(
    key: str,
    kind: str,
    value: Any,  # noqa: ANN401
    reach: card_settings.SliderLimits,
    known: tuple[str, ...] = (),
) -> Any:  # noqa: ANN401
    visible = _is_shown(key, kind, known)
    common: dict[str, Any] = {
        "label": _LABELS[key],
        "visible": visible,
        "elem_classes": f"dial dial-{key}",
    }
    if key in _CHOICES:
        return gr.Radio(_choices(key, kind, known), value=value, **common)
    if key == "seed":
        return gr.Number(value=value, precision=0, minimum=0, **common)
    low, high, step = {
        "k": (1, max(reach.k, 2), 1),
        "alpha": (*RANGES["alpha"], 0.05),
        "c": (*RANGES["c"], 0.1),
        "layer": (reach.lowest_layer, reach.highest_layer, 1),
    }[key]
    note = _note(key, reach)
    return gr.Slider(low, high, value=value, step=step, buttons=[], info=note, **common)


def _note(key: str, reach: card_settings.SliderLimits) -> str | None:
    """Return what is said of a slider, and of the directions it goes through."""
    known = reach.k_note if key == "k" else ""
    return " ".join(filter(None, (_MEANINGS.get(key), known))) or None


def _choices(key: str, kind: str, known: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return what a control offers; of the classes, the definitions that were fitted."""
    offered = known if key == "classes" else choices(kind, key)
    return [each for each in _CHOICES[key] if each[1] in offered]


def _is_shown(key: str, kind: str, known: tuple[str, ...]) -> bool:
    """Whether a control is there; one definition alone is shown too, for that is what it tells."""
    return key in KEYS.get(kind, ()) and (key != "classes" or bool(known))


def restart(made: Card, directions: Facts | None) -> dict[Any, Any]:
    """Return the updates that bring a card back to its first state."""
    kind = card_settings.kind_of(made.slot)
    values = card_settings.start(card_settings.SLOTS[made.slot], directions)
    on = card_settings.starts_on(made.slot, directions)
    return _switched(made, kind, values, directions, on=on)


def bring(made: Card, brought: card_settings.Brought, directions: Facts | None) -> dict[Any, Any]:
    """Return the updates that set a card to a panel and switch it on."""
    return _switched(made, brought.kind, brought.values, directions, on=True)


def _switched(
    made: Card,
    kind: str,
    values: Mapping[str, Any],
    directions: Facts | None,
    *,
    on: bool,
) -> dict[Any, Any]:
    updates = turn_into(made, kind, values, directions)
    if made.on is not None:
        updates[made.on] = gr.update(value=on)
    if made.kind is not None:
        updates[made.kind] = gr.update(value=kind)
    return updates


def turn_into(
    made: Card, kind: str, values: Mapping[str, Any], directions: Facts | None
) -> dict[Any, Any]:
    """Return the updates that give a card a kind and its values."""
    facts = directions.of(values["classes"]) if directions else None
    reach = card_settings.limits(kind, values["basis"], values["layer"], facts)
    known = card_settings.definitions(kind, values["basis"], directions)
    problem = card_settings.lacking(kind, "inlp", directions)
    updates: dict[Any, Any] = {made.head: text.head(made.slot, kind, problem)}
    for key, control in made.controls.items():
        change = {"value": values[key], "visible": _is_shown(key, kind, known)}
        if key in _CHOICES and key in KEYS[kind]:
            change["choices"] = _choices(key, kind, known)
        updates[control] = gr.update(**change, **_reach(key, reach))
    updates[made.form] = form_of(Setting(made.slot, True, kind, values), directions)
    return updates


def _reach(key: str, reach: card_settings.SliderLimits) -> dict[str, Any]:
    if key == "k":
        # A slider from 1 to 1 cannot be drawn; rank 2 of 1 is refused with a sentence.
        return {"maximum": max(reach.k, 2), "info": _note(key, reach)}
    if key == "layer":
        return {"minimum": reach.lowest_layer, "maximum": reach.highest_layer}
    return {}


def refit(made: Card, setting: Setting, directions: Facts | None) -> dict[Any, Any]:
    """Return the updates of a card's limits after its layer, basis or classes have changed.

    A field that is empty or still being typed in is left to who types there.
    """
    values = setting.values
    basis, layer = values.get("basis", "dim"), values["layer"]
    facts = directions.of(values.get("classes")) if directions else None
    reach = card_settings.limits(setting.kind, basis, layer, facts)
    ends = {"k": (1, reach.k), "layer": (reach.lowest_layer, reach.highest_layer)}
    updates: dict[Any, Any] = {}
    for key, (low, high) in ends.items():
        if key not in made.controls:
            continue
        change = _reach(key, reach)
        given = typed_numbers.finite(values[key])
        if given is not None and not low <= given <= high:
            change["value"] = low if given < low else high
        updates[made.controls[key]] = gr.update(**change)
    known = card_settings.definitions(setting.kind, basis, directions)
    offered = _choices("classes", setting.kind, known)
    chosen = {} if values.get("classes") in known or not known else {"value": known[0]}
    shown = _is_shown("classes", setting.kind, known)
    updates[made.controls["classes"]] = gr.update(choices=offered, visible=shown, **chosen)
    return updates


def form_of(setting: Setting, directions: Facts | None) -> str:
    """Return the HTML of a card's text form, or what is wrong with its values."""
    try:
        return text.form(str(setting.panel(directions)))
    except SteeringError as error:
        return text.form(setting.kind, problem=str(error))
