"""The room section: its drawer, the bar that participants see, and what a browser may ask.

The browser (assets/room) asks again and again what is new, writes it into place, and says what its
visitor wants. A page's session is told by an event, since a run is known by its session alone.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import gradio as gr

from steering import formatting
from steering.errors import SteeringError
from steering.serving import host_settings, room_shares, rooms
from steering.serving.room import Tried
from steering.shipped import ASSETS
from steering.ui import drawers, scripts
from steering.ui.room import room_code, room_table
from steering.ui.templates import static

BAR: Final = static(
    '<div class="room-bar" role="region" aria-label="Room"><span class="lamp" aria-hidden="true">'
    '</span><b data-place="name" translate="no"></b><span data-place="said" role="status"></span>'
    '<button type="button" class="opener" data-drawer="room" data-place="pins" '
    'aria-expanded="false" hidden></button>'
    '<button type="button" class="opener" data-place="explore">Explore on my own</button>'
    '<button type="button" class="opener" data-place="back">Back to the presenter'
    '<span class="news" hidden>new</span></button></div>'
)
"""Lies above the stage while the page is a participant's."""
OPENER: Final = drawers.opener(
    "room", "Room", "Show what you do on every screen in the room, and see what the room tries"
)

_CHANGES: Final[Mapping[str, dict[str, bool]]] = {
    "pin": {"pinned": True},
    "unpin": {"pinned": False},
    "hide": {"hidden": True},
    "show": {"hidden": False},
}


@dataclass(frozen=True)
class RoomSection:
    """The room's components.

    Attributes:
        board: The drawer; its event `submit` says in which room a page is.
        rooms: All rooms of this server.
    """

    board: gr.HTML
    rooms: rooms.Rooms


def section() -> RoomSection:
    """Lay out what is in the drawer; to be called inside a `gr.Blocks`."""
    house = rooms.Rooms()
    board = gr.HTML(
        "",
        html_template=(ASSETS / "room.html").read_text("utf-8"),
        js_on_load=scripts.joined("room/index.js") + ".start({ element, server, trigger });",
        apply_default_css=False,
        server_functions=list(answers(house).values()),
    )
    return RoomSection(board, house)


def answers(house: rooms.Rooms) -> dict[str, Callable[..., Any]]:
    """Return what a browser may ask, by name; a mistake is answered with `problem`."""
    asking = (suggest, look, watch, mark, table, end, code)
    found: dict[str, Callable[..., Any]] = {each.__name__: _told(house, each) for each in asking}
    return found | {"begin": _begun(house)}


def suggest(_house: rooms.Rooms, _asked: object) -> dict[str, Any]:
    """Return a name for a room."""
    return {"name": rooms.suggested()}


def begin(
    house: rooms.Rooms, asked: object, shares: Mapping[str, int] = MappingProxyType({})
) -> dict[str, Any]:
    """Open a room: `{"name": as it was typed}`.

    Args:
        house: All rooms.
        asked: What a browser sends.
        shares: Who asks, as `Rooms.start` has it.
    """
    name, key = house.start(_text(asked, "name"), shares)
    return {"name": name, "key": key}


def code(house: rooms.Rooms, asked: object) -> dict[str, Any]:
    """Return a link as a code for cameras: `{"room", "key", "link"}`."""
    house.rows(_text(asked, "room"), _text(asked, "key"))  # for whoever leads the room alone
    return {"svg": room_code.code(_text(asked, "link"))}


def look(house: rooms.Rooms, asked: object) -> dict[str, Any]:
    """Return what is new: `{"room", "person", "known": version, "exploring"}`."""
    name = _text(asked, "room")
    exploring = isinstance(asked, Mapping) and asked.get("exploring") is True
    seen = house.look(name, _text(asked, "person"), _whole(asked, "known"), exploring=exploring)
    if seen is None:
        return {"there": False}
    told: dict[str, Any] = {"there": True, "opened": seen.opened, "version": seen.version}
    pins = {} if seen.pinned is None else {"pins": _pins(seen.pinned)}
    return told | {"parts": seen.parts, "wait": house.wait_ms(name)} | pins


def watch(house: rooms.Rooms, asked: object) -> dict[str, Any]:
    """Return who is there and what was tried: `{"room", "key", "known": version of the rows}`."""
    seen = house.watch(_text(asked, "room"), _text(asked, "key"), _whole(asked, "known"))
    told: dict[str, Any] = {"version": seen.version, "here": seen.here}
    told["exploring"] = seen.exploring
    if seen.rows is None:
        return told
    return told | {"tried": len(seen.rows), "rows": room_table.table(seen.rows, led=True)}


def mark(house: rooms.Rooms, asked: object) -> dict[str, Any]:
    """Pin or hide a row, or take that back: `{"room", "key", "row": number, "mark"}`."""
    change = _CHANGES.get(_text(asked, "mark"), {})
    row = _whole(asked, "row")
    house.mark(_text(asked, "room"), _text(asked, "key"), row, **change)
    return {}


def table(house: rooms.Rooms, asked: object) -> dict[str, Any]:
    """Return what was tried as CSV: `{"room", "key"}`."""
    rows = house.rows(_text(asked, "room"), _text(asked, "key"))
    return {"csv": room_table.as_csv(rows)}


def end(house: rooms.Rooms, asked: object) -> dict[str, Any]:
    """End a room: `{"room", "key"}`."""
    house.end(_text(asked, "room"), _text(asked, "key"))
    return {}


def sit(house: rooms.Rooms, visitor: str, given: object) -> None:
    """Note in which room a page is, and whether it leads there.

    Args:
        house: All rooms.
        visitor: Gradio's name of the page's session.
        given: `{"room": name, "key": the presenter's or ""}`, as it comes from a browser.
    """
    house.sit(visitor, _text(given, "room"), _text(given, "key"))


def _pins(rows: tuple[Tried, ...]) -> dict[str, Any]:
    return {"count": len(rows), "html": room_table.table(rows, led=False)}


def _told(
    house: rooms.Rooms, answer: Callable[[rooms.Rooms, object], dict[str, Any]]
) -> Callable[[object], dict[str, Any]]:
    """Return what Gradio calls: a mistake becomes an answer that says so."""

    def told(asked: object) -> dict[str, Any]:
        try:
            return answer(house, asked)
        except SteeringError as error:
            return {"problem": formatting.sentence(str(error))}

    told.__name__ = answer.__name__  # the browser asks by this name
    return told


def _begun(house: rooms.Rooms) -> Callable[[object, gr.Request | None], dict[str, Any]]:
    """Return what Gradio calls to open a room, which counts those of whoever asks."""

    def opened(asked: object, shares: Mapping[str, int]) -> dict[str, Any]:
        return _told(house, lambda rooms, given: begin(rooms, given, shares))(asked)

    def told(asked: object, request: gr.Request | None = None) -> dict[str, Any]:
        client = request.client if request is not None else None
        if request is None or client is None:
            return opened(asked, {})
        forwarded = request.headers.get("x-forwarded-for", "")
        shares = room_shares.shares(client.host, forwarded, host_settings.proxies())
        return opened(asked, shares)

    told.__name__ = begin.__name__
    return told


def _text(given: object, key: str) -> str:
    """Return a text of what a browser sends, which may be anything."""
    found = given.get(key) if isinstance(given, Mapping) else None
    return found if isinstance(found, str) else ""


def _whole(given: object, key: str) -> int:
    """Return a whole number of the same; 0, which no room and no row has, for anything else."""
    found = given.get(key) if isinstance(given, Mapping) else None
    return found if isinstance(found, int) else 0
