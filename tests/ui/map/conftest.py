"""Where one request lands, on maps whose UMAP is not compiled."""

from collections.abc import Iterator

import pytest

from steering.interventions.panel import parse
from steering.maps import model_maps as maps_module
from steering.maps.model_maps import Maps
from steering.maps.residual_trace import Trace
from steering.ui.map import map_data
from tests.helpers.flat_layout import flatten
from tests.helpers.flat_places import ANSWERS, LAYERS, PANELS, POSITION, PROMPT, SLOTS
from tests.helpers.traces import trace


@pytest.fixture(scope="module")
def maps(tiny, states, prompts) -> Iterator[Maps]:
    with pytest.MonkeyPatch.context() as patch:
        flatten(patch)  # while tests run, too: layouts are made when they are asked for
        # The fixture's positions are -3 to -1.
        read = {label: each[:, 3 + POSITION, list(LAYERS)] for label, each in states.items()}
        yield maps_module.fit(
            read | {"borderline": read["harmful"][:4] + 1},
            prompts | {"borderline": [f"borderline {index}" for index in range(4)]},
            model=tiny.name,
            dtype=str(tiny.dtype).removeprefix("torch."),
            quantization=tiny.number_format.quantization,
            position=POSITION,
            layers=LAYERS,
        )


@pytest.fixture(scope="module")
def traced(tiny, fitted, maps) -> Trace:
    panels = [parse(form) for form in PANELS]
    answers = [tiny.template.encode(text) for text in ANSWERS]
    return trace(tiny, fitted, maps, PROMPT, panels, answers=answers)


@pytest.fixture(scope="module")
def request_(tiny) -> map_data.Request:
    return map_data.Request(PROMPT, len(tiny.render(PROMPT)), SLOTS)


@pytest.fixture(scope="module")
def placed(maps, traced, request_, fitted):
    return map_data.placed(maps, traced, request_, directions=fitted)
