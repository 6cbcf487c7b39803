"""Fit format by run format, on a tiny model in two number formats."""

import json
from dataclasses import replace

import pytest

from steering.adaptation import drift
from steering.adaptation.transfer import Shipped, fit, transfer
from steering.artifacts import store
from steering.chat_templates.rendering import Rendering
from steering.cli.main import main
from steering.data.splits import PromptSplits
from steering.errors import SteeringError
from steering.maps.layer_map import fit_axes
from steering.maps.model_maps import Maps
from steering.models import loading
from steering.models.number_formats import Format, formats
from tests.helpers.number_formats import BFLOAT16, FLOAT32
from tests.helpers.tiny_models import HARMFUL, HARMLESS


@pytest.fixture(scope="module")
def shipped(fitted, charted):
    kept = {"harmful": len(HARMFUL), "harmless": len(HARMLESS)}
    return Shipped(fitted, charted, FLOAT32, kept, "test")


@pytest.fixture(scope="module")
def document(load, shipped, splits, cache):
    return transfer(load, shipped, splits, [FLOAT32, BFLOAT16], prompts=4)


def test_a_format_is_its_own_same_map_and_the_other_is_close(document):
    pairs = {(pair["fit"], pair["run"]): pair for pair in document["pairs"]}
    assert len(pairs) == 4
    for (fitted_in, run), pair in pairs.items():
        same = fitted_in == run
        assert (pair["t_rms"] < 1e-4) == same
        assert (pair["dim_cosine"] > 1 - 1e-6) == same
        assert pair["dim_cosine"] > 0.99
        assert pair["n"] == drift.CALIBRATION_PROMPTS
        assert pair["verdict"] == "same"
    forth, back = pairs["float32", "bfloat16"], pairs["bfloat16", "float32"]
    assert forth["inlp_cosine"] == pytest.approx(back["inlp_cosine"])


def test_rates_are_paired_with_the_directions_of_the_run_format(document):
    for pair in document["pairs"]:
        for found in pair["refused"].values():
            assert 0 <= found["low"] <= found["estimate"] <= found["high"] <= 1
            if pair["fit"] == pair["run"]:
                assert found["difference"]["estimate"] == 0
    assert {entry["run"] for entry in document["baseline"]} == {"float32", "bfloat16"}
    assert document["n"] == 4


def test_the_document_is_json_and_what_is_measured_is_not_measured_again(
    document, load, shipped, splits, cache, monkeypatch
):
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    monkeypatch.setattr("steering.adaptation.transfer.answered", never)
    monkeypatch.setattr("steering.adaptation.transfer.capture", never)
    monkeypatch.setattr("steering.adaptation.refit.capture_sets", never)
    assert transfer(load, shipped, splits, [FLOAT32, BFLOAT16], prompts=4) == document


def test_the_format_of_the_shipped_artifact_is_not_fitted_again(load, shipped, splits, cache):
    def never(_wanted):
        raise AssertionError("loaded")

    found = fit(never, shipped, splits, FLOAT32)
    assert found.shipped
    assert found.directions is shipped.directions
    assert not fit(load, shipped, splits, BFLOAT16).shipped


def never(*_, **__):
    raise AssertionError("measured again")


def test_other_directions_or_maps_are_measured_again(load, shipped, document, splits, monkeypatch):
    def again(other: Shipped):
        with pytest.raises(AssertionError, match="measured again"):
            transfer(load, other, splits, [FLOAT32, BFLOAT16], prompts=4)

    turned = replace(shipped.directions, difference=-shipped.directions.difference)
    monkeypatch.setattr("steering.adaptation.transfer.capture", never)
    again(replace(shipped, maps=replace(shipped.maps, texts=shipped.maps.texts[::-1])))
    monkeypatch.undo()
    monkeypatch.setattr("steering.adaptation.transfer.answered", never)
    again(replace(shipped, directions=turned))


@pytest.mark.parametrize("sizes", [(24, 17), (16, 24)])
def test_classes_need_not_be_of_one_size(load, shipped, states, cache, sizes):
    texts = {"harmful": HARMFUL[: sizes[0]], "harmless": HARMLESS[: sizes[1]]}
    layer = shipped.directions.inlp_layer
    chart = fit_axes(layer, {name: states[name][: len(texts[name]), -1, layer] for name in texts})
    maps = Maps(
        model=shipped.maps.model,
        dtype="float32",
        quantization="none",
        position=-1,
        layers=(layer,),
        texts=tuple(text for each in texts.values() for text in each),
        labels=tuple(name for name, each in texts.items() for _ in each),
        charts=(chart,),
    )
    splits = PromptSplits(texts, {"harmful": HARMFUL[:1]}, texts, "test")
    found = transfer(load, replace(shipped, maps=maps), splits, [FLOAT32], prompts=1)
    [pair] = found["pairs"]
    assert pair["t_rms"] < 1e-4
    assert pair["spread_share"] < 1e-3
    assert pair["n"] == len(drift.calibration(maps.labels))


@pytest.mark.parametrize("source", ["own.txt sha256:0", None])
def test_an_artifact_of_other_prompts_is_refused_before_anything_is_loaded(shipped, splits, source):
    with pytest.raises(SteeringError, match=r"fitted on (own\.txt|prompts that .* not name)"):
        transfer(never, replace(shipped, source=source), splits, [BFLOAT16])


@pytest.mark.parametrize("wanted", [FLOAT32, BFLOAT16], ids=["the shipped format", "another"])
def test_directions_of_another_mode_of_the_template_are_refused(
    load, shipped, splits, cache, wanted
):
    thought = replace(shipped.directions, rendering=Rendering("on"))
    with pytest.raises(SteeringError, match="fitted with thinking on"):
        transfer(load, replace(shipped, directions=thought), splits, [wanted], prompts=1)


# What directions are worth in another format, as it is kept


def test_formats_name_themselves_and_gpus_add_theirs():
    names = [each.name for each in formats(cuda=True)]
    assert names[:4] == [each.name for each in formats(cuda=False)]
    assert names[0] == "float32"
    assert "nf4, float32 compute" in names
    assert "bfloat16, cuda" in names
    assert len(set(names)) == len(names)


def test_an_unknown_format_is_refused_with_what_is_allowed(capsys):
    assert main(["transfer", "--format", "float8"]) == 2
    assert "unknown format 'float8'; allowed on this machine: float32; " in capsys.readouterr().err


@pytest.mark.parametrize("thinking", [None, "off"])
def test_the_command_loads_each_format_and_prints_the_table(
    load, shipped, splits, tmp_path, monkeypatch, capsys, thinking
):
    monkeypatch.setenv("STEERING_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(PromptSplits, "own", classmethod(lambda _: splits))
    asked = []

    def loads(name, **options):
        asked.append((options["dtype"], options["thinking"]))
        return load(Format(options["device"], options["quantization"], options["dtype"]))

    monkeypatch.setattr(loading, "load", loads)
    facts = {"prompts": "test", "train_kept": shipped.kept}
    store.write(tmp_path / "made", shipped.directions, facts)
    store.write_maps(tmp_path / "made", shipped.maps)
    arguments = ["--directions", str(tmp_path / "made"), "--prompts", "1", "--format", "bfloat16"]
    arguments += ["--thinking", thinking] if thinking else []
    assert main(["transfer", *arguments, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [(pair["fit"], pair["run"]) for pair in found["pairs"]] == [("bfloat16", "bfloat16")]
    assert set(asked) == {("bfloat16", thinking or "auto")}
