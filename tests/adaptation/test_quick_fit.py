"""The quick fit: what is written, where, and that it goes on where it was stopped."""

import json
from dataclasses import replace

import pytest
import torch

from steering import app
from steering.adaptation import loaded, quick_fit
from steering.artifacts import folders, publishing, store
from steering.errors import NotFittedError, SteeringError
from steering.fitting import candidates, choice, opener_search, start_values
from steering.fitting.choice import QUICK
from steering.interventions.openers import Opener, OpenerTable
from steering.models.chat_model import NumberFormat
from steering.models.inspection import inspect
from steering.serving import machine_fit
from steering.serving.engine import Engine, Supply
from steering.serving.machine_fit import Adapting
from tests.helpers.engines import until
from tests.helpers.flat_layout import flatten
from tests.helpers.left_work import wait_for_left_work
from tests.helpers.short_precompute import few_splits


@pytest.fixture(autouse=True)
def few(monkeypatch, tmp_path):
    monkeypatch.setenv("STEERING_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(opener_search, "OPENING_TOKENS", 2)
    monkeypatch.setattr(start_values, "RANKS_TRIED", (1, 2))
    monkeypatch.setattr(start_values, "COEFFICIENTS_TRIED", (1.0, 2.0))
    less = replace(QUICK, points=3, screened=2, finalists=2, validation=3, answered=2, tokens=2)
    monkeypatch.setattr(quick_fit, "QUICK", less)
    flatten(monkeypatch)


@pytest.fixture(scope="module")
def splits():
    return few_splits()


def test_a_quick_fit_is_kept_in_the_cache_and_serves_from_then_on(tiny, splits, tmp_path):
    assert quick_fit.find(tiny) is None
    assert loaded.folder_for(tiny) is None
    made = quick_fit.quick(tiny, splits)
    folder = quick_fit.find(tiny)
    assert folder == quick_fit.folder_of(tiny)
    assert folder.is_relative_to(tmp_path / "cache" / "fitted")
    assert folder.name == "float32-none-cpu"
    assert loaded.folder_for(tiny) == folder
    assert loaded.folder_for(tiny, tmp_path) == tmp_path
    names = {path.name for path in folder.iterdir()}
    assert names == {"manifest.json", "directions.safetensors", "maps.safetensors"}
    manifest = store.manifest(tiny.name)
    assert manifest["quick"] is True
    assert manifest["effort"]["screened"] == 2
    assert manifest["dim_place"] == list(made.dim_point)
    assert len(manifest["dim_screening"]) == 3
    maps, check = loaded.checked_maps(tiny, folder)
    assert {each.verdict for each in check.drifts} == {"same"}
    assert maps.position == made.inlp_point[0]


def cut(path):
    path.write_bytes(path.read_bytes()[:200])


def age(path):
    path.write_text(json.dumps(json.loads(path.read_text()) | {"schema": 0}))


@pytest.mark.parametrize(
    ("file", "broken"),
    [("directions.safetensors", cut), ("maps.safetensors", cut), ("manifest.json", age)],
)
def test_a_fit_that_cannot_be_read_leaves_the_page_what_is_shipped(
    tiny, fitted, splits, monkeypatch, file, broken
):
    quick_fit.quick(tiny, splits)
    directions, _ = app._fitted(tiny)
    assert directions is not fitted
    warned = []
    monkeypatch.setattr(app._logger, "warning", lambda *words: warned.append(words[-1]))
    broken(quick_fit.folder_of(tiny) / file)
    assert app._fitted(tiny) is None
    assert str(quick_fit.folder_of(tiny)) in str(warned)
    adapting = Adapting(fitted=app._fitted)
    engine = Engine("tiny", Supply(None, lambda _: fitted, lambda _: (), adapting=adapting))
    engine.directions = fitted
    engine.adopt(engine._attempt, tiny)
    assert engine.status.phase == "ready"
    assert engine.directions is fitted


def spoil(path):
    held = bytearray(path.read_bytes())
    held[-1] ^= 1  # its shapes can be read still
    path.write_bytes(held)


@pytest.mark.parametrize(
    ("file", "broken"),
    [
        ("directions.safetensors", cut),
        ("directions.safetensors", spoil),
        ("maps.safetensors", cut),
        ("manifest.json", age),
    ],
)
def test_the_only_fit_that_cannot_be_read_can_be_made_again_at_a_click(
    tiny, splits, monkeypatch, file, broken
):
    quick_fit.quick(tiny, splits)
    broken(quick_fit.folder_of(tiny) / file)
    monkeypatch.setenv("STEERING_MODEL", tiny.name)
    supply = app.engine_from_environment().supply
    adapting = Adapting(fitted=app._fitted, fit=lambda model: quick_fit.quick(model, splits))
    engine = Engine(tiny.name, replace(supply, model=lambda *_: tiny, adapting=adapting))
    engine.start()
    until(lambda: engine.status.phase not in ("idle", "loading"))
    assert engine.status.phase == "unfitted"
    told = machine_fit.told(engine)
    assert (told["state"], told["fit"]["can"]) == ("unfitted", True)
    machine_fit.start(engine)
    until(lambda: engine.fitting.phase in ("done", "failed"))
    wait_for_left_work()
    assert (engine.fitting.phase, engine.status.phase) == ("done", "ready")


def test_what_is_shipped_and_cannot_be_read_is_not_taken_for_a_model_without_directions(
    monkeypatch,
):
    def broken(_name):
        raise SteeringError("the disk is broken")

    monkeypatch.setattr(store, "outline", broken)
    engine = app.engine_from_environment()
    assert engine.status.phase == "failed"


def test_other_weights_or_formats_do_not_get_the_fit(tiny, splits):
    quick_fit.quick(tiny, splits)
    other = inspect(
        tiny.name,
        type(tiny.network)(tiny.network.config),
        tiny.tokenizer,
        openers=tuple(tiny.openers),
        number_format=tiny.number_format,
    )
    assert quick_fit.folder_of(other) == quick_fit.folder_of(tiny)
    assert quick_fit.find(other) is None
    fast = replace(tiny, number_format=replace(tiny.number_format, parts=1))
    assert quick_fit.folder_of(fast) != quick_fit.folder_of(tiny)
    held = replace(tiny, number_format=NumberFormat("int8", torch.float32, ""))
    assert quick_fit.find(held) is None


def test_points_and_settings_are_taken_over_and_nothing_is_tried(tiny, splits, fitted, monkeypatch):
    def never(*_, **__):
        raise AssertionError("tried")

    monkeypatch.setattr(choice, "choose_points", never)
    monkeypatch.setattr(start_values, "answer_resumably", never)
    monkeypatch.setattr(opener_search, "answered", never)
    positions = tuple(range(-len(tiny.suffix), 0))
    point = (positions[-1], 1)
    known = replace(fitted, dim_point=point, inlp_point=point, default_k=99, default_c=1.25)
    table = OpenerTable((Opener(70, "No", 0.6, 0.1, True),), 9, 9)
    known = replace(known, openers=table)
    made = quick_fit.quick(tiny, splits, taken_over=known)
    assert made.openers == table
    assert store.manifest(tiny.name)["openers"] == ["No"]
    assert made.dim_point == made.inlp_point == point
    assert made.default_c == 1.25
    assert made.default_k == made.subspace("inlp", point).rank
    assert store.manifest(tiny.name)["chosen"] == "taken over from the shipped directions"


def test_a_fit_that_was_stopped_goes_on_and_gives_the_same_bytes(
    tiny, splits, tmp_path, monkeypatch
):
    def content():
        return {path.name: path.read_bytes() for path in quick_fit.folder_of(tiny).iterdir()}

    monkeypatch.setenv("STEERING_CACHE", str(tmp_path / "one"))
    quick_fit.quick(tiny, splits)
    expected = content()
    monkeypatch.setenv("STEERING_CACHE", str(tmp_path / "two"))
    for module, name in (
        (candidates, "inlp"),
        (start_values, "answer_resumably"),
        (candidates, "fit_maps"),
    ):
        real, calls = getattr(module, name), []

        def stop(*arguments, real=real, calls=calls, **options):
            calls.append(1)
            if len(calls) > 1 or name != "inlp":  # noqa: B023
                raise KeyboardInterrupt
            return real(*arguments, **options)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, name, stop)
            with pytest.raises(KeyboardInterrupt):
                quick_fit.quick(tiny, splits)
        assert quick_fit.find(tiny) is None
    quick_fit.quick(tiny, splits)
    assert content() == expected


@pytest.mark.parametrize("step", ["write_maps", "write", "publish"])
def test_a_fit_that_is_killed_while_it_is_written_leaves_the_one_before(
    tiny, splits, monkeypatch, step
):
    quick_fit.quick(tiny, splits)
    folder = quick_fit.folder_of(tiny)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    fewer = {name: texts[:-2] for name, texts in splits.train.items()}
    module = publishing if step == "publish" else store
    real = getattr(module, step)

    def stop(*arguments, **options):
        if step != "publish":
            real(*arguments, **options)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, step, stop)
        with pytest.raises(KeyboardInterrupt):
            quick_fit.quick(tiny, replace(splits, train=fewer, source="fewer"))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert list(folder.parent.iterdir()) == [folder]
    quick_fit.quick(tiny, replace(splits, train=fewer, source="fewer"))
    assert store.manifest(tiny.name)["prompts"] == "fewer"


def test_a_model_without_shipped_directions_has_nothing_to_take_over(tiny):
    assert quick_fit.known(tiny) is None


def test_the_command_writes_into_the_cache_and_not_over_what_is_shipped(
    tiny, splits, monkeypatch, capsys, tmp_path
):
    from steering.cli import fit_commands, shared
    from steering.cli.main import main

    monkeypatch.setattr(shared, "load", lambda options: tiny)
    monkeypatch.setattr(fit_commands.PromptSplits, "own", lambda: splits)
    monkeypatch.setattr(folders, "ROOT", tmp_path / "shipped")
    assert main(["precompute", "--quick", "--model", tiny.name, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["folder"] == str(quick_fit.folder_of(tiny))
    assert not (tmp_path / "shipped").exists()


def test_without_a_fit_the_advice_is_the_quick_one(tmp_path):
    with pytest.raises(NotFittedError, match="precompute --quick --model org/name"):
        store.load("org/name", tmp_path)
