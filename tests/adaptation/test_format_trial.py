"""The trial of a number format: where numbers stop being finite is found and named."""

from argparse import Namespace
from dataclasses import replace

import pytest
import torch

from steering.adaptation import quick_fit
from steering.adaptation.format_trial import overflow, prompts, trial
from steering.artifacts import store
from steering.artifacts.provenance import fingerprint
from steering.cli import shared
from steering.interventions.panel import parse
from steering.models import loading
from steering.models.chat_model import NumberFormat
from steering.models.inspection import inspect


def in_float16(tiny, scale: float = 1.0):
    network = type(tiny.network)(tiny.network.config)
    network.load_state_dict(tiny.network.state_dict())
    with torch.no_grad():
        network.model.layers[1].mlp.down_proj.weight.mul_(scale)
    return inspect(
        tiny.name,
        network.to(torch.float16),
        tiny.tokenizer,
        openers=tuple(tiny.openers),
        number_format=NumberFormat("none", torch.float16, "asked for"),
    )


def test_a_model_whose_numbers_stay_small_passes(tiny):
    assert trial(tiny) is None
    assert trial(in_float16(tiny)) is None


def test_a_residual_stream_that_grows_beyond_float16_is_named_by_layer(tiny):
    said = trial(in_float16(tiny, 6e4))
    assert said == "numbers overflow at the input of layer 2 (untouched)"


def test_an_edit_that_overflows_is_named(tiny, fitted):
    model = in_float16(tiny)
    rows = [model.render(text) for text in prompts()]
    panel = "actadd:c=1"
    edit = parse(panel).edit(fitted)
    large = type(edit)(edit.basis, edit.alpha, edit.center, 1e6 * edit.shift, edit.sites)
    assert overflow(model, rows, {"untouched": None, panel: edit}) is None
    said = overflow(model, rows, {"untouched": None, panel: large})
    assert said is not None
    assert said.endswith(f"({panel})")


@pytest.fixture
def tried(monkeypatch, tmp_path):
    """What each trial runs: edits by name."""
    seen = []
    monkeypatch.setenv("STEERING_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(
        "steering.adaptation.format_trial.overflow", lambda model, rows, edits: seen.append(edits)
    )
    return seen


def test_the_edits_of_known_directions_take_part(tiny, fitted, tmp_path, tried):
    store.write(tmp_path / "made", fitted, {})
    assert trial(tiny, tmp_path / "made") is None
    assert next(iter(tried[0])) == "untouched"
    assert {"ablation", "flip", "nullspace", "actadd:c=2"} < set(tried[0])


@pytest.mark.parametrize("lacking", ["inlp", "harmless_mean"])
def test_what_directions_lack_leaves_out_no_other_edit(tiny, fitted, tmp_path, tried, lacking):
    fewer = replace(fitted, **({"inlp": {}} if lacking == "inlp" else {"harmless_mean": None}))
    store.write(tmp_path / "made", fewer, {})
    trial(tiny, tmp_path / "made")
    assert {"untouched", "actadd:c=-1", "ablation", "actadd:c=2"} < set(tried[0])


def test_the_edits_are_those_of_the_directions_that_will_serve(tiny, fitted, tmp_path, tried):
    def written(folder, scale):
        scaled = replace(fitted, difference=scale * fitted.difference)
        store.write(folder, scaled, {"fingerprint": fingerprint(tiny)})
        return parse("actadd:c=2").edit(scaled).shift

    local = written(quick_fit.folder_of(tiny), 3)
    named = written(tmp_path / "named", 5)
    trial(tiny)
    trial(tiny, tmp_path / "named")
    assert torch.equal(tried[0]["actadd:c=2"].shift, local)
    assert torch.equal(tried[1]["actadd:c=2"].shift, named)


def test_a_command_tries_the_directions_that_it_was_given(tiny, monkeypatch, tmp_path):
    given = {"model": "m", "quantization": None, "dtype": None, "device": None, "thinking": "auto"}
    asked = []
    monkeypatch.setattr("steering.adaptation.format_trial.trial", lambda model, asked: asked)
    monkeypatch.setattr(loading, "load", lambda name, trial, **_: asked.append(trial(tiny)))
    shared.load(Namespace(**given, directions=tmp_path))
    shared.load(Namespace(**given, directions=tmp_path), "judge")
    shared.load(Namespace(**given))  # precompute, which takes none
    assert asked == [tmp_path, None, None]


def test_the_prompts_are_of_both_classes_and_always_the_same():
    assert len(set(prompts())) == 8
    assert prompts() == prompts()
