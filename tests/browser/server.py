"""The real app with a tiny random model, in a process of its own; the tests drive it from outside.

Usage: server.py PORT FOLDER. The file FOLDER/load says what loading does: it waits until the file
is there, and fails if its text is not empty; FOLDER/fit says the same of fits, which wait half way.
FOLDER/slow holds the seconds a forward pass takes. Checks wait while FOLDER/hold is there.
"""

import os
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

import pytest  # noqa: E402
import torch  # noqa: E402

from steering import intervals  # noqa: E402
from steering.adaptation import drift, layer_drift  # noqa: E402
from steering.data.prompts import prompt_set  # noqa: E402
from steering.data.splits import PromptSplits  # noqa: E402
from steering.errors import NotFittedError, SteeringError  # noqa: E402
from steering.inference.activations import capture_sets  # noqa: E402
from steering.inference.comparison import Answer  # noqa: E402
from steering.interventions.directions import Directions  # noqa: E402
from steering.maps import model_maps  # noqa: E402
from steering.maps.steerable_model import SteerableModel  # noqa: E402
from steering.models.chat_model import ChatModel, NumberFormat  # noqa: E402
from steering.models.inspection import inspect  # noqa: E402
from steering.serving import own_patching  # noqa: E402
from steering.serving.engine import Engine, Supply  # noqa: E402
from steering.serving.machine_fit import Adapting  # noqa: E402
from steering.sweep import cells, sweep  # noqa: E402
from steering.system.progress import Step, tell  # noqa: E402
from steering.ui import build, launch_options  # noqa: E402
from steering.ui.layout import HostLimits  # noqa: E402
from tests.helpers import capabilities, tiny_evaluations, tiny_models, wordings  # noqa: E402
from tests.helpers.flat_layout import flatten  # noqa: E402
from tests.helpers.tiny_directions import fit_directions  # noqa: E402

EVIL = "<img src=x onerror=\"document.title='broken into'\"><b>bold</b> ${1+1} {{value}}"
RECORDING = {
    "prompt": "A recorded request",
    "label": "harmful",
    "answers": [
        Answer("baseline", "I'm sorry.", True, True, "refused", "a rule", False).as_dict(),
        Answer("ablation", EVIL, True, True, "answered", EVIL, False).as_dict()
        | {"first_tokens": [[EVIL, 0.5]]},
    ],
}
TEXTS = {"harmful": tiny_models.HARMFUL, "harmless": tiny_models.HARMLESS}
NAMES = {
    "tiny": "Tiny",
    "unswept": "Unswept",
    "shy": "Shy",
    "hostile": tiny_evaluations.EVIL,
    "worn": "Worn",
    "moved": "Moved",
    "new": "New",
}
OWN = ("worn", "moved", "new")
"""Models with maps of their own: of other states, of states moved alike, or none until a fit."""
KNOWN = {"baseline": 0.5, "ablation": 0.45, "flip:k=2": 0.3, "flip:k=1": 0.4, "leace": 0.4}
"""Share of questions that the tiny model is said to get right, by panel."""
PASSES = 8
MEASURED = {
    "tiny": tiny_evaluations.document(),
    "shy": tiny_evaluations.of_a_model_that_hardly_refuses(),
    "hostile": tiny_evaluations.hostile(),
}


def fit(model: ChatModel) -> Directions:
    states = capture_sets(model, TEXTS, layers=range(model.n_layers), positions=(-2, -1))
    places = [(-1, layer) for layer in (1, 2, 3)]
    return fit_directions(model, states, places, dim_point=(-2, 2), inlp_point=(-1, 2))


def chart(model: ChatModel) -> model_maps.Maps:
    flatten(pytest.MonkeyPatch())
    own_patching.LEAST_GAP = 0.0  # requests of a random model hardly differ
    texts = TEXTS | {
        # The project's own, which have categories.
        "borderline": [each.text for each in prompt_set("borderline")[:36:12]],
    }
    return model_maps.fit(
        {
            label: each[:, 0]
            for label, each in capture_sets(model, texts, layers=(1, 2, 3), positions=(-1,)).items()
        },
        texts,
        model=model.name,
        dtype=str(model.dtype).removeprefix("torch."),
        quantization=model.number_format.quantization,
        position=-1,
        layers=(1, 2, 3),
    )


def worn(charted: model_maps.Maps) -> model_maps.Maps:
    """Return maps on which no prompt lands where it is stored, nor as many on their own side."""
    charts = (
        replace(each, coordinates=each.coordinates.roll(5, 0), harm_axis=each.harm_axis.roll(5, 0))
        for each in charted.charts
    )
    return replace(charted, charts=tuple(charts))


def moved(charted: model_maps.Maps) -> model_maps.Maps:
    """Return maps that see every state moved by the same step, as another number format does."""
    rank = charted.charts[0].coordinates.shape[1]
    shift = [0.0] * rank + [0.5, 0.0]
    return replace(charted, charts=tuple(layer_drift.moved(each, shift) for each in charted.charts))


@dataclass
class Fits:
    """The models of this server: what is there from the start, and what was fitted since."""

    folder: Path
    directions: Directions
    shipped: dict[str, model_maps.Maps]
    made: dict[str, tuple[Directions, model_maps.Maps]] = field(default_factory=dict)

    def directions_of(self, name: str) -> Directions:
        if name in self.made:
            return self.made[name][0]
        if name == "new":
            raise NotFittedError("there are no directions for 'new'")
        return replace(self.directions, model=name) if name in OWN else self.directions

    def maps_of(self, name: str) -> model_maps.Maps | None:
        if name in self.made:
            return self.made[name][1]
        return replace(self.shipped[name], model=name) if name in OWN else self.shipped["tiny"]

    def fit(self, model: ChatModel) -> None:
        """Fit in a few passes; waits half way for FOLDER/fit."""
        gate = self.folder / "fit"
        for done in range(PASSES):
            tell("Reading training prompts", done, PASSES, "prompt")
            model.next_token_logits([model.render("Hi")])
            while done == PASSES // 2 and not gate.exists():
                time.sleep(0.05)
        words = gate.read_text()
        gate.unlink()
        if words:
            raise SteeringError(words)
        self.made[model.name] = fit(model), chart(model)

    def check(self, model: ChatModel, charted: model_maps.Maps) -> drift.Check:
        while (self.folder / "hold").exists():
            time.sleep(0.05)
        return drift.check(model, charted)


def doses(model: ChatModel, directions: Directions, folder: Path) -> list[dict[str, object]]:
    """Measure the default grids on a few prompts, which takes about a second."""
    os.environ["STEERING_CACHE"] = str(folder / "cache")
    intervals._RESAMPLES = 99
    return sweep.run_sweep(
        SteerableModel(model, directions),
        PromptSplits({}, TEXTS, {}, "made up"),
        folder / "sweep.csv",
        provenance={},
        settings=cells.SweepSettings(
            prompts=6, answer_tokens=2, generated_prompts=2, generated_tokens=2, rows=64
        ),
    )


def in_format(model: ChatModel, dtype: str) -> ChatModel:
    """Return the model as a machine holds it that computes in another number format."""
    network = type(model.network)(model.network.config)
    network.load_state_dict(model.network.state_dict())
    return inspect(
        model.name,
        network.to(getattr(torch, dtype)),
        model.tokenizer,
        openers=tuple(model.openers),
        number_format=NumberFormat("none", getattr(torch, dtype), f"{dtype}, as asked for"),
    )


class Crowded(Engine):
    """An engine that serves one visitor at a time while a story asks for it."""

    alone: Path
    _room = 1

    @property
    def room(self) -> int:
        return 1 if self.alone.exists() else self._room

    @room.setter
    def room(self, rows: int) -> None:
        self._room = rows


def main(port: int, folder: Path) -> None:
    torch.set_num_threads(1)
    model = tiny_models.build("qwen2")
    directions = fit(model)
    pace = folder / "slow"

    def slowly(*_arguments: object) -> None:
        time.sleep(float(pace.read_text()))

    def load(name: str, report) -> ChatModel:
        report(Step("Downloading the weights", 30_000_000, 120_000_000, "B"))
        gate = folder / "load"
        while not gate.exists():
            time.sleep(0.05)
        if words := gate.read_text():
            gate.unlink()
            raise SteeringError(words)
        return replace(held, name=name) if name in OWN else held

    charted = chart(model)
    swept = doses(model, directions, folder)
    held = in_format(model, os.environ.get("STEERING_DTYPE", "float32"))
    held.network.register_forward_pre_hook(slowly)
    shipped = {"tiny": charted, "worn": worn(charted), "moved": moved(charted)}
    fits = Fits(folder, directions, shipped)
    supply = Supply(
        load,
        fits.directions_of,
        lambda _name: (RECORDING,),
        NAMES,
        fits.maps_of,
        fitted=lambda: {*NAMES} - {"new"} | {*fits.made},
        evaluation=MEASURED.get,
        sweep=lambda name: swept if name == "tiny" else (),
        capability={"tiny": capabilities.document(KNOWN, model=directions.model)}.get,
        wordings=lambda name: wordings.made(6) if name == "tiny" else None,
        adapting=Adapting(
            fitted=lambda model: fits.made.get(model.name),
            check=fits.check,
            fit=fits.fit,
            cost=lambda _: "It takes about 12 minutes on 2 processor cores.",
        ),
    )
    Crowded.alone = folder / "crowded"
    engine = Crowded("tiny", supply, capacity=1)
    engine.start()
    limits = HostLimits(max_new_tokens=48)
    demo = build(engine, limits)
    options = launch_options(engine, limits)
    demo.launch(server_name="127.0.0.1", server_port=port, **options)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
