"""Follow-ups: who takes part, what was said before, and what ends a conversation; plain data.

Every card has a conversation of its own, of its own answers. A follow-up goes to those cards that
have answered every request of it; what counts is how they are set when it is sent. A card that was
switched on since, or has missed a turn, joins with the next new request: it has no answers of its
own to go on from, and another card's are not what it would have said.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from steering.chat_templates.turns import Exchange
from steering.errors import SteeringError
from steering.ui.playground.asked import Asked, EndedRun, Said

_NONE: Final = (
    "there is no conversation to follow up; switch “Follow up” off and run a request first"
)
_SYSTEM: Final = (
    "the conversation has ended: its system prompt was changed since; set it back, or switch "
    "“Follow up” off and begin anew"
)
_MODEL: Final = (
    "the conversation has ended: the model or its directions were changed since; switch “Follow "
    "up” off and begin anew"
)


@dataclass(frozen=True)
class Following:
    """A request, and the conversation that it goes on with.

    Attributes:
        asked: The request, with those cards on that take part.
        before: The conversation; None of a new request.
        joining: Cards that are on and wait for the next new request.
    """

    asked: Asked
    before: EndedRun | None = None
    joining: frozenset[str] = frozenset()

    @property
    def talks(self) -> dict[str, Sequence[Said]]:
        """What was said before on each card that takes part, by slot."""
        return {slot: self.before.talks[slot] if self.before else () for slot in self.asked.chosen}

    @property
    def histories(self) -> list[tuple[Exchange, ...]]:
        """The same as what each panel has before the request; empty of a new request."""
        if self.before is None:
            return []
        return [tuple(said.turn for said in talk) for talk in self.talks.values()]

    def require(self, maps_id: str) -> None:
        """Refuse to go on with another model, or with other directions.

        Raises:
            SteeringError: Says so.
        """
        if self.before is not None and self.before.maps_id != maps_id:
            raise SteeringError(_MODEL)


def following(asked: Asked, before: object) -> Following:
    """Return a follow-up.

    Args:
        asked: The request and the cards as they are set now.
        before: The visitor's latest run, whatever a browser's session holds.

    Raises:
        SteeringError: If there is no conversation, or what is set has ended it.
    """
    if not isinstance(before, EndedRun) or not before.talks:
        raise SteeringError(_NONE)
    if asked.system.strip() != before.asked.system.strip():
        raise SteeringError(_SYSTEM)
    joining = frozenset(slot for slot in asked.chosen if slot not in before.talks)
    settings = {
        slot: replace(setting, on=setting.on and slot not in joining)
        for slot, setting in asked.settings.items()
    }
    return Following(replace(asked, settings=settings), before, joining)


def first_request(ended: object) -> str:
    """Return what a conversation began with; empty where a browser's session holds none."""
    talks: Mapping[str, Sequence[Said]] = ended.talks if isinstance(ended, EndedRun) else {}
    return next((talk[0].request for talk in talks.values()), "")
