"""Maps in another number format: what is measured, what follows, what is moved."""

import json
import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from steering.adaptation import drift
from steering.adaptation.drift import check, measure
from steering.artifacts.provenance import fingerprint
from steering.defaults import BEHIND_BATCH
from steering.errors import SteeringError
from steering.models.chat_model import NumberFormat
from steering.models.inspection import inspect


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("STEERING_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def in_dtype(tiny, dtype: torch.dtype):
    network = type(tiny.network)(tiny.network.config)
    network.load_state_dict(tiny.network.state_dict())
    return inspect(
        tiny.name,
        network.to(dtype),
        tiny.tokenizer,
        openers=tuple(tiny.openers),
        number_format=NumberFormat("none", dtype, str(dtype)),
    )


def test_the_model_that_maps_were_fitted_on_has_no_drift(tiny, charted):
    found = check(tiny, charted)
    assert [each.verdict for each in found.drifts] == ["same"] * 3
    assert all(each.t_rms < 1e-4 and each.spread_share < 1e-4 for each in found.drifts)
    assert [each.layer for each in found.drifts] == list(charted.layers)
    assert found.applied(charted).charts == charted.charts
    assert (found.fitted, found.here, found.fits) == ("float32", "float32", True)


def test_bfloat16_drifts_a_little_and_is_named(tiny, charted):
    found = check(in_dtype(tiny, torch.bfloat16), charted)
    assert all(0 < each.spread_share < 0.1 for each in found.drifts)
    assert {each.verdict for each in found.drifts} == {"same"}
    assert found.sentence(2).startswith("layer 2, maps fitted in float32, here bfloat16: the same ")


def test_other_weights_are_unusable(tiny, charted):
    model = in_dtype(tiny, torch.float32)
    torch.manual_seed(5)
    for weight in model.network.parameters():
        nn.init.normal_(weight, std=0.3)
    found = check(model, charted)
    assert {each.verdict for each in found.drifts} == {"unusable"}
    assert not found.fits
    assert "is left without their shift" in found.sentence(1)


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("place", ["coordinates", "harm_axis"])
def test_maps_with_a_number_that_is_not_finite_are_of_no_use(
    tiny, charted, monkeypatch, value, place
):
    first = drift.calibration(charted.labels)[0]
    stored = getattr(charted.at(2), place).clone()
    stored[first, 0] = value
    charts = (charted.at(1), replace(charted.at(2), **{place: stored}), charted.at(3))
    broken = replace(charted, charts=charts)
    found = [check(tiny, broken) for _ in range(2)]  # the second reads what the first has kept
    for each in found:
        assert [drift.verdict for drift in each.drifts] == ["same", "unusable", "same"]
        assert each.at(2).sentence.endswith("land at no finite distance from there")
        assert broken.charts[1] is each.applied(broken).charts[1]


@pytest.mark.parametrize("name", ["t_rms", "spread_share_left"])
def test_a_kept_number_that_is_missing_is_measured_again(tiny, charted, cache, name):
    expected = check(tiny, charted)
    [path] = (cache / "drift").glob("*.json")
    document = json.loads(path.read_text())
    document["drifts"][1][name] = None
    path.write_text(json.dumps(document))
    assert check(tiny, charted) == expected


def test_the_calibration_prompts_are_half_of_each_class_and_never_borderline():
    labels = ["harmful"] * 40 + ["harmless"] * 50 + ["borderline"] * 9
    chosen = drift.calibration(labels)
    assert len(chosen) == len(set(chosen)) == 32
    assert [labels[index] for index in chosen].count("harmful") == 16
    assert "borderline" not in {labels[index] for index in chosen}
    assert drift.calibration(labels) == chosen
    assert len(drift.calibration(["harmful"] * 5 + ["harmless"] * 7)) == 12


def test_what_is_known_is_not_measured_again(tiny, charted, monkeypatch):
    first = check(tiny, charted)

    def fail(*_: object) -> None:
        raise AssertionError("measured again")

    monkeypatch.setattr(drift, "measure", fail)
    assert check(tiny, charted) == first
    with pytest.raises(AssertionError, match="measured again"):
        check(tiny, other(charted))


def other(maps):
    chart = replace(maps.at(1), means=maps.at(1).means + 1)
    return replace(maps, charts=(chart, *maps.charts[1:]))


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"schema": 1, "drifts": [{"layer": 1}]}'])
def test_a_broken_cache_is_measured_again_and_one_that_cannot_be_written_does_no_harm(
    tiny, charted, cache, monkeypatch, content
):
    expected = check(tiny, charted)
    [path] = (cache / "drift").glob("*.json")
    path.write_text(content)
    assert check(tiny, charted) == expected
    (cache / "file").write_text("")
    monkeypatch.setenv("STEERING_CACHE", str(cache / "file" / "below"))
    assert check(tiny, charted) == expected


def test_maps_of_another_model_are_refused_before_any_pass(tiny, charted):
    with pytest.raises(SteeringError, match="the maps of another do not fit"):
        check(tiny, replace(charted, model="another"))


def test_the_fingerprint_tells_weights_and_formats_apart(tiny):
    assert fingerprint(tiny) == fingerprint(in_dtype(tiny, torch.float32))
    changed = in_dtype(tiny, torch.float32)
    next(iter(changed.network.parameters())).data[0, 0] += 1
    assert fingerprint(changed) != fingerprint(tiny)


def test_every_pass_of_the_check_takes_its_turn(tiny, charted):
    taken = []

    class Turn:
        def __enter__(self):
            taken.append("in")

        def __exit__(self, *_):
            taken.append("out")

    measure(replace(tiny, turn=Turn), charted)
    assert taken == ["in", "out"] * (len(drift.calibration(charted.labels)) // BEHIND_BATCH)
