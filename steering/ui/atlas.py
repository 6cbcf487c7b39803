"""The map section: its components, what the browser may ask of the server, and its wiring.

Clouds, gliding and drawing are the browser's work (assets/map.js), with the plotly.js that the
plotly package ships. Python answers three questions: what the cloud is, where a request lies on
every layer, and where it lies on the UMAP of one layer, which alone is too slow to send for all.
"""

import json
import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import Any, Final

import gradio as gr
from jaxtyping import Float
from torch import Tensor

from steering.directions import Directions
from steering.errors import SteeringError
from steering.maps import Maps
from steering.tracing import Trace
from steering.ui import dials, figures, text
from steering.ui.engine import Engine
from steering.ui.explanation import ASSETS

_KEPT: Final = 64
"""Traces kept for later UMAP questions (chosen): about half a megabyte each at d_model 896."""


@dataclass
class Memory:
    """The latest traces, so that a visitor's page can ask for the UMAP of another layer.

    Keys cannot be guessed, so nobody learns where somebody else's request lies.
    """

    _traces: OrderedDict[str, tuple[Maps, Float[Tensor, "panel layer d_model"]]] = field(
        default_factory=OrderedDict
    )
    _lock: Lock = field(default_factory=Lock)

    def keep(self, maps: Maps, trace: Trace) -> str:
        """Keep a trace and return its key; the oldest ones are forgotten."""
        key = secrets.token_urlsafe(12)
        with self._lock:
            self._traces[key] = (maps, trace.states)
            while len(self._traces) > _KEPT:
                self._traces.popitem(last=False)
        return key

    def umap(self, asked: object) -> list[list[float]] | None:
        """Return the two columns of places, or None if the trace is forgotten or has no such layer.

        Args:
            asked: `{"key": ..., "layer": ...}`, as it comes from a browser.
        """
        if not isinstance(asked, Mapping) or not isinstance(asked.get("layer"), int):
            return None
        with self._lock:
            kept = self._traces.get(str(asked.get("key")))
        if kept is None or asked["layer"] not in kept[0].layers:
            return None
        return figures.umap_places(*kept, asked["layer"])


@dataclass(frozen=True)
class Atlas:
    """The map section.

    Attributes:
        board: The map; its value is the JSON that `empty` or `show` returns.
        place: Unseen button; assets/page.js presses it when a slider has rested for a moment.
        memory: Traces that the page may still ask about.
    """

    board: gr.HTML
    place: gr.Button
    memory: Memory

    def show(
        self, maps: Maps, trace: Trace, request: figures.Request, directions: Directions
    ) -> str:
        """Return the value that shows a request's places."""
        found = figures.placed(maps, trace, request, directions=directions)
        return _written(found | {"maps": True, "key": self.memory.keep(maps, trace)})


def empty(engine: Engine, *, fits: bool = True) -> str:
    """Return the value that shows the cloud alone, or that there are no maps that fit the model."""
    maps = engine.maps
    return _written(
        {
            "model": maps.model if maps else engine.name,
            "maps": maps is not None and fits,
            "panels": [],
        }
    )


def _written(value: Mapping[str, Any]) -> str:
    """Return a value of the board as JSON.

    A text, since Gradio's page copies a component's value several times for every event, number by
    number: 0.2 s a move for what six panels send (measured), and nothing for a text. No `<` is in
    it, which Gradio would take for HTML.
    """
    return json.dumps(value, ensure_ascii=False, allow_nan=False).replace("<", "\\u003c")


def atlas(engine: Engine) -> Atlas:
    """Lay out the map section; to be called inside a `gr.Blocks`."""
    memory = Memory()
    files = served()

    def cloud(_asked: object) -> dict[str, Any] | None:
        maps, directions = engine.maps, engine.directions
        if maps is None or directions is None:
            return None
        return _cloud(maps, directions.inlp_place[1])

    def umap(asked: object) -> list[list[float]] | None:
        return memory.umap(asked)

    with gr.Column(elem_id="atlas", min_width=0):
        board = gr.HTML(
            empty(engine),
            html_template=template(),
            js_on_load=(ASSETS / "map.js").read_text("utf-8")
            + "\nsteeringMap({ element, props, server, watch });",
            apply_default_css=False,
            server_functions=[cloud, umap],
            files=files,
        )
        place = gr.Button("Place", elem_id="place", elem_classes="unseen-button")
    return Atlas(board, place, memory)


def template() -> str:
    """Return the section's HTML, with a line for each card."""
    places = "".join(
        f'<li data-slot="{slot}" class="card-{slot}" hidden><button type="button" '
        f'aria-pressed="false">{text.mark(slot)}<span class="who"></span>'
        '<span class="how"></span><b></b></button></li>'
        for slot in dials.SLOTS
    )
    return (ASSETS / "map.html").read_text("utf-8").replace("PLACES", places)


def served() -> dict[str, str]:
    """Let Gradio serve the files that the browser fetches, and return their paths."""
    spec = find_spec("plotly")
    if spec is None or spec.origin is None:
        raise SteeringError("the package plotly is missing; run `pip install plotly`")
    files = {
        "plotly": Path(spec.origin).parent / "package_data" / "plotly.min.js",
        "style": ASSETS / "style.css",
        "map": ASSETS / "map.css",
    }
    gr.set_static_paths(list(files.values()))
    return {name: path.resolve().as_posix() for name, path in files.items()}


@lru_cache(maxsize=2)
def _cloud(maps: Maps, edit_layer: int) -> dict[str, Any]:
    return figures.cloud(maps, edit_layer=edit_layer)


def wire(made: Atlas, place: Callable[..., Any], inputs: Sequence[Any]) -> None:
    """Connect the unseen button.

    Args:
        made: The laid out section.
        place: Returns the board's value for the values of `inputs`.
        inputs: Request and settings.
    """
    made.place.click(
        place,
        inputs=list(inputs),
        outputs=made.board,
        # While one placing runs, only the latest of the moves that follow is worth another.
        trigger_mode="always_last",
        queue=False,
        show_progress="hidden",
        api_visibility="private",
        preprocess=False,
    )
