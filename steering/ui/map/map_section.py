"""The map section: its components, what the browser may ask of the server, and its wiring.

Gliding and drawing are the browser's work (assets/map), with the plotly.js that the plotly package
ships. Python answers five questions: what the cloud is, where its classes are dense at one layer,
where a request lies on every layer, where it lies on the UMAP of one layer, which alone is too
slow to send for all, and which training prompts lie nearest to a place.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from steering.errors import SteeringError
from steering.interventions.outline import Facts
from steering.interventions.panel import Panel
from steering.maps.map_points import Marker, Points
from steering.serving import machine_fit
from steering.serving.engine import Engine
from steering.shipped import ASSETS
from steering.ui import scripts, templates, text
from steering.ui.map import map_data, map_shapes, nearest_prompts
from steering.ui.map.map_memory import Memory as Memory
from steering.ui.playground import card_settings

if TYPE_CHECKING:
    from steering.maps.model_maps import Maps
    from steering.maps.residual_trace import Trace

_PLACES = templates.template(
    "{% for slot, mark in marks.items() %}"
    '<li data-slot="{{ slot }}" class="card-{{ slot }}" hidden>'
    '<button type="button" aria-pressed="false">{{ mark }}<span class="who"></span>'
    '<span class="how"></span><b></b></button></li>{% endfor %}'
)


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
            if not all("umap" in row for _, row in landed.values()):
                return None
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
        shown = _cloud(points, outline.inlp_point[1], outline.class_names)
        return shown | {"maps_id": maps_id}

    def umap(asked: object) -> list[list[float]] | None:
        return memory.umap(asked)

    def hills(asked: object) -> dict[str, Any] | None:
        return dense(engine, asked)

    def nearest(asked: object) -> dict[str, Any] | None:
        with engine.still():
            points, maps_id = engine.points, engine.maps_id
        found = nearest_prompts.nearest(points, memory, asked)
        return found and found | {"maps_id": maps_id}

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
            server_functions=[cloud, hills, umap, nearest, machine, fit],
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
        "explore": ASSETS / "explore.css",
    }
    gr.set_static_paths(list(files.values()))
    return {name: path.resolve().as_posix() for name, path in files.items()}


@lru_cache(maxsize=64)
def _hills(points: Points, index: int) -> dict[str, Any]:
    return dict(map_shapes.hills(points, index))


@lru_cache(maxsize=2)
def _cloud(points: Points, edit_layer: int, names: tuple[str, str]) -> dict[str, Any]:
    return map_data.cloud(points, edit_layer=edit_layer, names=names)


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
