"""Where recorded requests land, stored with them: markers on the map before there is a model.

`python -m steering.artifacts.recorded_markers --model M` adds them to recordings that lack them;
the recorded texts stay as they are.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import torch

from steering.artifacts import folders, store
from steering.artifacts.recording_document import Recording
from steering.interventions.panel import parse
from steering.maps import map_points, markers
from steering.maps.map_points import RecordedPlaces
from steering.maps.residual_trace import Tracer
from steering.maps.steerable_model import SteerableModel
from steering.models import loading
from steering.models.chat_model import Quantization
from steering.models.number_formats import Dtype
from steering.sources import catalog
from steering.system import whole_files


def with_places(
    recordings: Sequence[Recording], steerable: SteerableModel, *, digest: str
) -> list[Recording]:
    """Return recordings with the place of their request under each of their panels.

    Args:
        recordings: Lines of `recordings.jsonl`; nothing else in them is changed.
        steerable: The model that was recorded, with its maps, in the number format that these were
            fitted in.
        digest: SHA-256 of the maps' file: on other maps these places mean nothing.
    """
    tracer = Tracer(steerable)
    return [{**each, "places": _places(each, tracer, digest)} for each in recordings]


def _places(recording: Recording, tracer: Tracer, digest: str) -> RecordedPlaces:
    prompt, maps = recording["prompt"], tracer.maps
    panels = [parse(answer["panel"]) for answer in recording["answers"]]
    found = tracer.finite(prompt, panels)
    landed = markers.landed(maps, found, prompt=prompt, length=len(tracer.model.render(prompt)))
    umap = [markers.umap_places(maps, found.states, layer) for layer in maps.layers]
    for index, row in enumerate(landed):
        # Two columns with a value a layer, as those of the other maps are.
        row["umap"] = [[at[axis][index] for at in umap] for axis in (0, 1)]
    return {"version": map_points.PLACES_VERSION, "maps": digest, "panels": landed}


def main() -> None:
    """Add places to the recordings of one artifact."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default=catalog.DEFAULT_MODEL, help="catalog name, hub id, ...")
    parser.add_argument("--directions", type=Path, help="folder that precompute wrote")
    options = parser.parse_args()
    folder = options.directions or folders.folder_of(options.model)
    directions = store.load(options.model, folder)
    maps = store.read_maps(options.model, folder)
    recordings = store.recordings(options.model, folder)
    if maps is None or not recordings:
        raise SystemExit(f"{folder} has no maps or no recordings; there is nothing to place")
    model = loading.load(
        options.model,
        quantization=cast(Quantization, maps.quantization),
        dtype=cast(Dtype, maps.dtype),
    )
    with torch.inference_mode():
        digest = map_points.digest(folder / map_points.FILE)
        placed = with_places(recordings, SteerableModel(model, directions, maps), digest=digest)
    whole_files.write_lines(folder / "recordings.jsonl", placed)


if __name__ == "__main__":
    main()
