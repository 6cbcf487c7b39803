"""The map section: its components, what the browser may ask of the server, and its wiring.

Gliding and drawing are the browser's work (assets/map), with the plotly.js that the plotly package
ships. Python answers four questions: what the cloud is, where its classes are dense at one layer,
where a request lies on every layer, and where it lies on the UMAP of one layer, which alone is too
slow to send for all.
"""

import json
import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

import gradio as gr

from steering.errors import SteeringError
from steering.interventions.outline import Facts
from steering.interventions.panel import Panel
from steering.maps.map_points import Marker, Points
from steering.serving import machine_fit
from steering.serving.engine import Engine
from steering.shipped import ASSETS
from steering.ui import scripts, templates, text
from steering.ui.map import map_data, map_shapes
from steering.ui.playground import card_settings

if TYPE_CHECKING:
    from steering.maps.model_maps import Maps
    from steering.maps.residual_trace import Trace

Umap = Callable[[int], list[list[float]] | None]
"""Returns a request's places on the UMAP of a layer, as two columns; None if there is none."""

_PLACES = templates.template(
    "{% for slot, mark in marks.items() %}"
    '<li data-slot="{{ slot }}" class="card-{{ slot }}" hidden>'
    '<button type="button" aria-pressed="false">{{ mark }}<span class="who"></span>'
    '<span class="how"></span><b></b></button></li>{% endfor %}'
)
_KEPT: Final = 64
"""Traces kept for later UMAP questions (chosen): about half a megabyte each at d_model 896."""


@dataclass
class Memory:
    """The latest traces, so that a visitor's page can ask for the UMAP of another layer.

    Keys cannot be guessed, so nobody learns where somebody else's request lies.
    """

    _umaps: OrderedDict[str, Umap] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def keep(self, maps: "Maps", trace: "Trace") -> str:
        """Keep a trace and return its key; the oldest ones are forgotten."""
        from steering.maps import markers

        states = trace.states

        def umap(layer: int) -> list[list[float]] | None:
            return markers.umap_places(maps, states, layer) if layer in maps.layers else None

        return self.keep_places(umap)

    def keep_places(self, umap: Umap) -> str:
        """Keep who knows a request's places on UMAP, and return the key."""
        key = secrets.token_urlsafe(12)
        with self._lock:
            self._umaps[key] = _once(umap)
            while len(self._umaps) > _KEPT:
                self._umaps.popitem(last=False)
        return key

    def umap(self, asked: object) -> list[list[float]] | None:
        """Return the two columns of places, or None if the trace is forgotten or has no such layer.

        Args:
            asked: `{"key": ..., "layer": ...}`, as it comes from a browser.
        """
        if not isinstance(asked, Mapping) or not isinstance(asked.get("layer"), int):
            return None
        with self._lock:
            kept = self._umaps.get(str(asked.get("key")))
        return kept(asked["layer"]) if kept else None


def _once(umap: Umap) -> Umap:
    """Return the same, but each layer is placed once: a whole room asks about one request."""
    known: dict[int, list[list[float]]] = {}
    lock = Lock()

    def placed(layer: int) -> list[list[float]] | None:
        with lock:
            if layer not in known and (found := umap(layer)) is not None:
                known[layer] = found
            return known.get(layer)

    return placed


@dataclass(frozen=True)
class Atlas:
    """The map section.

    Attributes:
        board: The map; its value is the JSON that `empty` or `show` returns.
        place: Unseen button; assets/page/live.js presses it when a slider has rested for a moment.
        adopt: Unseen button; pressed when directions and maps were fitted for this machine.
        memory: Traces that the page may still ask about.
    """

    board: gr.HTML
    place: gr.Button
    adopt: gr.Button
    memory: Memory

    def show(
        self,
        maps: "Maps",
        trace: "Trace",
        request: map_data.Request,
        directions: Facts,
        maps_id: str = "",
    ) -> str:
        """Return the value that shows a request's places; `maps_id` is the engine's, with them."""
        found = map_data.placed(maps, trace, request, directions=directions)
        kept = {"maps": True, "maps_id": maps_id, "key": self.memory.keep(maps, trace)}
        return _written(found | kept)

    def recall(
        self,
        points: Points,
        prompt: str,
        landed: Mapping[str, tuple[Panel, Marker]],
        directions: Facts,
        maps_id: str = "",
    ) -> str:
        """Return the value that shows a recorded request's places.

        Args:
            points: Of the maps that it was placed on.
            prompt: The request.
            landed: Each card's panel with what was recorded of it, see `card_settings.landed`.
            directions: Fill in what the panels leave to the model.
            maps_id: The engine's, of the moment that the points are of.
        """

        def umap(layer: int) -> list[list[float]] | None:
            if layer not in points.layers:
                return None
            at = points.layers.index(layer)
            return [[row["umap"][axis][at] for _, row in landed.values()] for axis in (0, 1)]

        found = map_data.told(points, prompt, landed, directions)
        kept = {"maps": True, "maps_id": maps_id, "key": self.memory.keep_places(umap)}
        return _written(found | kept)


def empty(engine: Engine, *, fits: bool = True) -> str:
    """Return the value that shows the cloud alone, or that there are no maps that fit the model."""
    with engine.still():
        name, points, maps_id = engine.name, engine.points, engine.maps_id
    return _written(
        {
            "model": points.model if points else name,
            "maps": points is not None and fits,
            "maps_id": maps_id,
            "panels": [],
        }
    )


def _written(value: Mapping[str, object]) -> str:
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
        with engine.still():
            points, outline, maps_id = engine.points, engine.outline, engine.maps_id
        if points is None or outline is None:
            return None
        return _cloud(points, outline.inlp_point[1]) | {"maps_id": maps_id}

    def umap(asked: object) -> list[list[float]] | None:
        return memory.umap(asked)

    def hills(asked: object) -> dict[str, Any] | None:
        return dense(engine, asked)

    def machine(_asked: object) -> dict[str, Any]:
        return machine_fit.told(engine)

    def fit(_asked: object) -> None:
        machine_fit.start(engine)

    with gr.Column(elem_id="atlas", min_width=0):
        board = gr.HTML(
            empty(engine),
            html_template=template(),
            js_on_load=script(),
            apply_default_css=False,
            server_functions=[cloud, hills, umap, machine, fit],
            files=files,
        )
        place = gr.Button("Place", elem_id="place", elem_classes="unseen-button")
        adopt = gr.Button("Adopt", elem_id="adopt", elem_classes="unseen-button")
    return Atlas(board, place, adopt, memory)


def script() -> str:
    """Return the section's script: one function, which a downloaded map carries as its program."""
    # `program` is known where the function is called: the page and the downloaded file name it.
    return (
        f"function steeringMap(given) {{\nreturn {scripts.joined('map/index.js')}.start(given);\n}}"
        "\nsteeringMap({ element, props, server, watch, trigger, program: String(steeringMap) });"
    )


def dense(engine: Engine, asked: object) -> dict[str, Any] | None:
    """Return where the classes are dense at a layer, with the maps that this is of.

    Args:
        engine: Knows the maps.
        asked: The index of a layer, as it comes from a browser; of anything else there is nothing.
    """
    with engine.still():
        points, maps_id = engine.points, engine.maps_id
    if points is None or not isinstance(asked, int) or not 0 <= asked < len(points.layers):
        return None
    return _hills(points, asked) | {"maps_id": maps_id}


def template() -> str:
    """Return the section's HTML, with a line for each card."""
    places = _PLACES(marks={slot: text.mark(slot) for slot in card_settings.SLOTS})
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


@lru_cache(maxsize=64)
def _hills(points: Points, index: int) -> dict[str, Any]:
    return dict(map_shapes.hills(points, index))


@lru_cache(maxsize=2)
def _cloud(points: Points, edit_layer: int) -> dict[str, Any]:
    return map_data.cloud(points, edit_layer=edit_layer)


def wire(made: Atlas, place: Callable[..., Any], inputs: set[Any]) -> None:
    """Connect the unseen button.

    Args:
        made: The laid out section.
        place: Returns the board's value for the values of `inputs`; Gradio calls it.
        inputs: What a place is asked with.
    """
    made.place.click(
        place,
        inputs=inputs,
        outputs=made.board,
        # While one placing runs, only the latest of the moves that follow is worth another.
        trigger_mode="always_last",
        queue=False,
        show_progress="hidden",
        api_visibility="private",
        preprocess=False,
    )
