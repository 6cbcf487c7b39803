"""What a card's controls are set to, and which panel that makes; plain data, no components."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, cast

from steering.artifacts.recording_document import RecordedAnswer, Recording
from steering.errors import SteeringError
from steering.inference.comparison import Answer
from steering.inference.written import KeptText
from steering.interventions import class_definitions, missing_parts
from steering.interventions.outline import Facts, start_of
from steering.interventions.panel import KEYS, RANGES, Panel, choices, parse
from steering.interventions.panel_keys import ALONG_DIFFERENCE
from steering.maps.map_points import PLACES_VERSION, Marker
from steering.ui.playground import typed_numbers

CONTROLS: Final = (
    "k",
    "alpha",
    "c",
    "layer",
    "where",
    "side",
    "center",
    "basis",
    "classes",
    "seed",
)
"""The controls of a card, in the order in which their values are handed around."""
SLOTS: Final[Mapping[str, Panel]] = {
    "baseline": Panel("baseline"),
    "actadd": Panel("actadd", c=-1.0),
    "ablation": Panel("ablation"),
    "nullspace": Panel("nullspace"),
    "flip": Panel("flip"),
    "own": Panel("actadd"),
}
"""The cards from first to last with the panel each starts from; the kind of `own` can be changed,
and it starts by inducing refusal, the one thing that the others do not show."""
WHOLE: Final = ("k", "layer", "seed")
"""Controls that take whole numbers."""
FREE_KINDS: Final = ("actadd", "ablation", "nullspace", "flip", "leace", "ace", "alterrep")
"""What the card `own` can be."""


def kind_of(slot: str) -> str:
    """Return the kind of panel that a card starts as."""
    return SLOTS[slot].name


@dataclass(frozen=True)
class SliderLimits:
    """How far a card's sliders go.

    Attributes:
        k: The highest rank, which is what INLP kept at that layer.
        lowest_layer: The first layer with directions.
        highest_layer: The last layer with directions.
        k_note: What is known of these directions on other prompts, a sentence or nothing.
    """

    k: int
    lowest_layer: int
    highest_layer: int
    k_note: str = ""


def start(panel: Panel, directions: Facts | None) -> dict[str, Any]:
    """Return the controls' first values for a panel.

    Without directions the values are those that the paper uses, to be looked at only.
    """
    chosen = panel
    values: dict[str, Any] = {"k": 1, "alpha": 1.0, "c": 1.0, "layer": 0, "where": "source"}
    values |= {"side": "both", "center": "origin", "basis": "inlp", "classes": "label", "seed": 0}
    if directions is not None:
        chosen = chosen.resolved(directions)
    elif chosen.name == "flip":
        values["alpha"] = 2.0
    elif chosen.name in ALONG_DIFFERENCE:
        values["basis"] = "dim"
    given = {key: getattr(chosen, key) for key in KEYS[chosen.name] if key in values}
    return values | {key: value for key, value in given.items() if value is not None}


def panel_of(kind: str, values: Mapping[str, Any], directions: Facts | None) -> Panel:
    """Return the panel that a card's controls make; what equals the default is left out.

    Raises:
        SteeringError: If a value is missing or out of range.
    """
    if kind not in KEYS:
        raise SteeringError("no edit is chosen; choose one of the list")
    if directions is None or kind == "baseline":
        return Panel(kind)
    if problem := lacking(kind, values.get("basis"), directions):
        raise SteeringError(problem)
    facts = directions.of(values.get("classes"))
    reach = limits(kind, values.get("basis"), values.get("layer"), facts)
    keys = [key for key in CONTROLS if key in KEYS[kind]]
    if len(definitions(kind, values.get("basis"), directions)) < 2:
        keys.remove("classes")  # there is nothing to choose
    read = {key: _read(key, kind, values.get(key), reach) for key in keys}
    # The default layer and rank depend on basis and classes, so these are settled first.
    own = Panel(kind).resolved(directions)
    settled = {
        key: read[key]
        for key in ("basis", "classes")
        if read.get(key) not in (None, getattr(own, key))
    }
    usual = Panel(kind, **settled).resolved(directions)
    given = {key: value for key, value in read.items() if value != getattr(usual, key)}
    return Panel(kind, **(given | settled))


def definitions(kind: str, basis: object, directions: Facts | None) -> tuple[str, ...]:
    """Return by which definitions of the classes a card's directions were fitted, default first."""
    if directions is None or kind not in FREE_KINDS:
        return ()
    known = str(basis) if basis in choices(kind, "basis") else None
    by_difference = Panel(kind, basis=known).takes_difference(directions)
    return class_definitions.known(directions, difference=by_difference)


def lacking(kind: str, basis: object, directions: Facts | None) -> str | None:
    """Return what a kind of panel needs and a model does not have; None where it has all."""
    if directions is None:
        return None
    if kind == "leace" and not directions.covariance_points:
        return missing_parts.no_covariance(directions.model)
    if directions.inlp_ranks or kind not in ("nullspace", "flip", "alterrep"):
        return None
    return missing_parts.no_inlp(directions.model) if basis == "inlp" else None


def starts_on(slot: str, directions: Facts | None) -> bool:
    """Whether a card takes part from the start."""
    return slot != "own" and not lacking(slot, "inlp", directions)


@dataclass(frozen=True)
class Brought:
    """A panel brought onto a card.

    Attributes:
        slot: The card, a key of `SLOTS`.
        kind: The panel's name.
        values: The card's controls.
        panel: The panel as that card shows it: what equals the default is left out.
    """

    slot: str
    kind: str
    values: Mapping[str, Any]
    panel: Panel


def bring(panel: Panel, directions: Facts | None) -> Brought:
    """Return the card that a panel belongs to, and how that card is set to it.

    Args:
        panel: What the card is to do.
        directions: The model's; they fill in what the panel leaves to it.

    Raises:
        SteeringError: If the model cannot do it, there are no directions, or no card's controls can
            be set to it.
    """
    if directions is None:
        raise SteeringError(
            "this model has no directions; python -m steering precompute makes them"
        )
    wanted = panel.resolved(directions)
    if wanted.name == "baseline":
        raise SteeringError("the baseline has no settings; its card shows it already")
    values = start(panel, directions)
    made = panel_of(wanted.name, values, directions)
    if made.resolved(directions) != wanted or wanted.basis in ("covariance", "shuffled"):
        raise SteeringError(f"no card has the controls that {panel} needs; run it by command line")
    made.require(directions)  # refuses what this model does not have
    # A random control stands beside what it is the control of.
    slot = wanted.name if wanted.name in SLOTS and wanted.basis != "random" else "own"
    return Brought(slot, wanted.name, values, made)


def _read(key: str, kind: str, value: object, reach: SliderLimits) -> Any:  # noqa: ANN401
    name = f"{key} of {kind}"
    if key in RANGES:
        low, high = {
            "k": (1, reach.k),
            "layer": (reach.lowest_layer, reach.highest_layer),
        }.get(key, RANGES[key])
        return typed_numbers.number(name, value, low=low, high=high, whole=key in WHOLE)
    if value is None:
        raise SteeringError(f"{name} is not chosen; choose one of the list")
    return value


def limits(kind: str, basis: str | None, layer: object, directions: Facts | None) -> SliderLimits:
    """Return how far the sliders go for a kind of panel at a layer.

    Args:
        kind: A panel's name.
        basis: `dim`, `inlp` or `random`; counts only for kinds that can choose.
        layer: Where the directions are taken; anything that is no layer gives the usual rank.
        directions: None gives wide limits, for a page without directions.
    """
    if directions is None:
        return SliderLimits(20, 0, 30)
    chosen = basis if "basis" in KEYS.get(kind, ()) else None
    if kind == "leace" and directions.covariance_points:
        place = directions.dim_point[0]
        known = [layer for position, layer in directions.covariance_points if position == place]
        return SliderLimits(1, min(known, default=0), max(known, default=0))
    single = kind in ALONG_DIFFERENCE and chosen != "inlp"
    plain = kind == "baseline" or single or chosen == "dim"
    if plain or not directions.inlp_ranks:
        known = [
            each
            for position, each in directions.points or ()
            if position == directions.dim_point[0]
        ]
        return SliderLimits(1, min(known, default=1), max(known, default=directions.n_layers - 1))
    start = start_of(directions, kind)
    position = start.point[0]
    layers = [layer for at, layer in directions.inlp_ranks if at == position]
    found = directions.inlp_ranks.get((position, layer)) if isinstance(layer, int) else None
    rank = found if found is not None else start.k
    stable = directions.stabilities.get((position, layer)) if isinstance(layer, int) else None
    note = stable.sentence if chosen == "inlp" and stable else ""
    return SliderLimits(rank, min(layers), max(layers), note)


def recorded(
    recording: Recording, panels: Mapping[str, Panel], directions: Facts | None
) -> dict[str, Answer | None]:
    """Return a recording's answers for the cards whose panels it holds, by card."""
    answers = {
        _settled(parse(each["panel"]), directions): _answer(each) for each in recording["answers"]
    }
    found = {slot: answers.get(_settled(panel, directions)) for slot, panel in panels.items()}
    # A recording may spell a panel out; a card shows it as its own form does.
    return {
        slot: replace(answer, panel=str(panels[slot])) if answer else None
        for slot, answer in found.items()
    }


def landed(
    recording: Recording, panels: Mapping[str, Panel], directions: Facts, *, maps: str
) -> dict[str, tuple[Panel, Marker]]:
    """Return the cards whose panels a recording holds, with where it says its request landed.

    Args:
        recording: One line of `recordings.jsonl`; lines of old versions have no places.
        panels: What the cards are set to, by card.
        directions: Fill in what the panels leave to the model.
        maps: SHA-256 of the maps' file: places on other maps are none on these.
    """
    places = recording.get("places")
    if not places or places["version"] != PLACES_VERSION or places["maps"] != maps:
        return {}
    rows = {parse(row["form"]).resolved(directions): row for row in places["panels"]}
    found = {slot: (panel, rows.get(panel.resolved(directions))) for slot, panel in panels.items()}
    # A recording may spell a panel out; a card shows it as its own form does.
    return {
        slot: (panel, {**row, "form": str(panel)})
        for slot, (panel, row) in found.items()
        if row is not None
    }


def _settled(panel: Panel, directions: Facts | None) -> Panel:
    return panel if directions is None else panel.resolved(directions)


def _answer(stored: RecordedAnswer) -> Answer:
    tokens = tuple((str(token), float(p)) for token, p in stored.get("first_tokens", ()))
    # Fields that this version does not know are left out; those it lacks have their defaults.
    known = {key: value for key, value in stored.items() if key in Answer.__dataclass_fields__}
    written = tuple(stored.get("token_ids", ()))
    found = cast(dict[str, Any], known) | _judged(stored)
    return Answer(**(found | {"first_tokens": tokens, "token_ids": written}))


def _judged(stored: RecordedAnswer) -> dict[str, Any]:
    """Judge a recorded text anew, so that all that the page shows is judged by the same rules."""
    verdict, text = stored.get("verdict"), stored.get("text", "")
    if verdict is None:
        return {}
    # An overflow left no text, and stays what it was called: `broken`, in older recordings.
    overflowed = not text and (verdict == "broken" or bool(stored.get("gibberish")))
    kept = KeptText(text, stored.get("ended", True), verdict != "not_finished", overflowed)
    judged = asdict(kept.judgement)
    if judged["degenerate_from"] != stored.get("degenerate_from"):
        judged["degenerate_from_token"] = None
    return judged
