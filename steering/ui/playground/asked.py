"""What a visitor asks for, as one value: read once, by component, from what the browser sends."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from steering.artifacts.run_document import ConditionsEntry
from steering.chat_templates.turns import Exchange
from steering.inference.comparison import Answer
from steering.inference.sampling import Sampling
from steering.interventions.outline import Facts
from steering.interventions.panel import Panel
from steering.ui import text
from steering.ui.playground import card_settings

Values = Mapping[Any, Any]
"""What the browser sends, by component: so Gradio calls a handler whose `inputs` are a set."""


@dataclass(frozen=True)
class Setting:
    """What a visitor has set on one card.

    Attributes:
        slot: The card, a key of `card_settings.SLOTS`.
        on: Whether it takes part.
        kind: The panel's name.
        values: Its controls, by key, as they were typed.
    """

    slot: str
    on: bool
    kind: str
    values: Mapping[str, Any]

    def panel(self, directions: Facts | None) -> Panel:
        """Return the panel; raises SteeringError if the values do not fit."""
        return card_settings.panel_of(self.kind, self.values, directions)

    @property
    def title(self) -> str:
        """Name in words."""
        return text.title(self.slot, self.kind)


@dataclass(frozen=True)
class Asked:
    """A request with all that decides what the cards and the map show of it.

    Attributes:
        prompt: The request; may be empty, or longer than anybody would wait for.
        settings: Of every card, by slot.
        system: A system prompt; blank leaves the template's own.
    """

    prompt: str
    settings: Mapping[str, Setting]
    system: str = ""

    @property
    def chosen(self) -> dict[str, Setting]:
        """The cards that take part, by slot."""
        return {slot: setting for slot, setting in self.settings.items() if setting.on}


@dataclass(frozen=True)
class Said:
    """What a card has said to a request.

    Attributes:
        request: What was asked.
        answer: What came of it.
        resolved: The panel's text form with every default filled in.
        sampling: How the answer was drawn.
    """

    request: str
    answer: Answer
    resolved: str
    sampling: Sampling

    @property
    def turn(self) -> Exchange:
        """What a later request has before it."""
        return Exchange(self.request, self.answer.text)


@dataclass(frozen=True)
class EndedRun:
    """A run that has ended: for the map, to be looked into, and to be saved.

    Attributes:
        asked: What it was asked.
        talks: What was said on each card that takes part, first to last, by slot: one answer, or
            a conversation.
        maps_id: The engine's, of the directions that it was written with.
        model: Name of the model.
        conditions: What else decides what is written.
        ended: When, in UTC, as ISO 8601 has it; None of a recording, where it is not known.
    """

    asked: Asked
    talks: Mapping[str, Sequence[Said]]
    maps_id: str = ""
    model: str = ""
    conditions: ConditionsEntry | None = None
    ended: str | None = None

    @property
    def said(self) -> dict[str, Said]:
        """What stands on each card that takes part, by slot: the latest answer."""
        return {slot: talk[-1] for slot, talk in self.talks.items()}

    @property
    def is_conversation(self) -> bool:
        """Whether a card has more than one answer."""
        return any(len(talk) > 1 for talk in self.talks.values())

    @property
    def verdicts(self) -> dict[str, str]:
        """What became of these answers, by slot; "" where none could be told."""
        return {slot: each.answer.verdict or "" for slot, each in self.said.items()}

    def turns_before(self, slot: str) -> tuple[Exchange, ...]:
        """Return what was said on a card before its latest request."""
        return tuple(said.turn for said in self.talks[slot][:-1])

    @property
    def token_ids(self) -> dict[str, Sequence[int]]:
        """What is written on each card that takes part, by slot, of its latest answer."""
        return {slot: each.answer.token_ids for slot, each in self.said.items()}


def typed_text(value: object) -> str:
    """Return what a text field holds; a browser may send none at all."""
    return value if isinstance(value, str) else ""
