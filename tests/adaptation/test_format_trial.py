"""The trial of a number format: where numbers stop being finite is found and named."""

import torch

from steering.adaptation.format_trial import overflow, prompts, trial
from steering.artifacts import store
from steering.interventions.panel import parse
from steering.models.chat_model import NumberFormat, inspect


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


def test_the_edits_of_known_directions_take_part(tiny, fitted, monkeypatch):
    seen = []
    monkeypatch.setattr(store, "load", lambda name: fitted)
    monkeypatch.setattr(
        "steering.adaptation.format_trial.overflow",
        lambda model, rows, edits: seen.extend(edits) or None,
    )
    assert trial(tiny) is None
    assert seen[0] == "untouched"
    assert {"ablation", "flip", "nullspace", "actadd:c=2"} < set(seen)


def test_the_prompts_are_of_both_classes_and_always_the_same():
    assert len(set(prompts())) == 8
    assert prompts() == prompts()
