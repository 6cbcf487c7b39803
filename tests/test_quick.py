"""The quick fit: what is written, where, and that it goes on where it was stopped."""

import asyncio
import importlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from flat_layout import flatten
from test_precompute import few_splits

from steering import artifact, choosing, fitting, loaded, quick, starts
from steering.choosing import FULL, QUICK
from steering.errors import NotFittedError
from steering.model import NumberFormat, inspect
from steering.ui.adaptation import Adapting
from steering.ui.engine import Engine, Supply


@pytest.fixture(autouse=True)
def few(monkeypatch, tmp_path):
    monkeypatch.setenv("STEERING_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(starts, "RANKS_TRIED", (1, 2))
    monkeypatch.setattr(starts, "COEFFICIENTS_TRIED", (1.0, 2.0))
    less = replace(QUICK, places=3, screened=2, finalists=2, validation=3, answered=2, tokens=2)
    monkeypatch.setattr(quick, "QUICK", less)
    flatten(monkeypatch)


@pytest.fixture(scope="module")
def splits():
    return few_splits()


def test_a_quick_fit_is_kept_in_the_cache_and_serves_from_then_on(tiny, splits, tmp_path):
    assert quick.find(tiny) is None
    assert loaded.folder_for(tiny) is None
    made = quick.quick(tiny, splits)
    folder = quick.find(tiny)
    assert folder == quick.folder_of(tiny)
    assert folder.is_relative_to(tmp_path / "cache" / "fitted")
    assert folder.name == "float32-none-cpu"
    assert loaded.folder_for(tiny) == folder
    assert loaded.folder_for(tiny, tmp_path) == tmp_path
    names = {path.name for path in folder.iterdir()}
    assert names == {"manifest.json", "directions.safetensors", "maps.safetensors"}
    manifest = artifact.manifest(tiny.name)
    assert manifest["quick"] is True
    assert manifest["effort"]["screened"] == 2
    assert manifest["dim_place"] == list(made.dim_place)
    assert len(manifest["dim_screening"]) == 3
    maps, check = loaded.checked_maps(tiny, folder)
    assert {each.verdict for each in check.drifts} == {"same"}
    assert maps.position == made.inlp_place[0]


@pytest.fixture(scope="module")
def app():
    """The app's own module, made inside an event loop: Gradio would never close one of its own."""

    async def inside():
        return importlib.import_module("app")

    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parents[1]))
        return asyncio.run(inside())


def cut(path):
    path.write_bytes(path.read_bytes()[:200])


def age(path):
    path.write_text(json.dumps(json.loads(path.read_text()) | {"schema": 0}))


@pytest.mark.parametrize(
    ("file", "broken"),
    [("directions.safetensors", cut), ("maps.safetensors", cut), ("manifest.json", age)],
)
def test_a_fit_that_cannot_be_read_leaves_the_page_what_is_shipped(
    tiny, fitted, splits, app, monkeypatch, file, broken
):
    quick.quick(tiny, splits)
    directions, _ = app._fitted(tiny)
    assert directions is not fitted
    warned = []
    monkeypatch.setattr(app._logger, "warning", lambda *words: warned.append(words[-1]))
    broken(quick.folder_of(tiny) / file)
    assert app._fitted(tiny) is None
    assert str(quick.folder_of(tiny)) in str(warned)
    adapting = Adapting(fitted=app._fitted)
    engine = Engine("tiny", Supply(None, lambda _: fitted, lambda _: (), adapting=adapting))
    engine.directions = fitted
    engine.adopt(engine._attempt, tiny)
    assert engine.status.phase == "ready"
    assert engine.directions is fitted


def test_other_weights_or_formats_do_not_get_the_fit(tiny, splits):
    quick.quick(tiny, splits)
    other = inspect(
        tiny.name,
        type(tiny.network)(tiny.network.config),
        tiny.tokenizer,
        openers=tuple(tiny.openers),
        number_format=tiny.number_format,
    )
    assert quick.folder_of(other) == quick.folder_of(tiny)
    assert quick.find(other) is None
    held = replace(tiny, number_format=NumberFormat("int8", torch.float32, ""))
    assert quick.find(held) is None


def test_places_and_settings_are_taken_over_and_nothing_is_tried(tiny, splits, fitted, monkeypatch):
    def never(*_, **__):
        raise AssertionError("tried")

    monkeypatch.setattr(choosing, "choose_places", never)
    monkeypatch.setattr(starts, "answer_resumably", never)
    positions = tuple(range(-len(tiny.suffix), 0))
    place = (positions[-1], 1)
    known = replace(fitted, dim_place=place, inlp_place=place, default_k=99, default_c=1.25)
    made = quick.quick(tiny, splits, taken_over=known)
    assert made.dim_place == made.inlp_place == place
    assert made.default_c == 1.25
    assert made.default_k == made.subspace("inlp", place).rank
    assert artifact.manifest(tiny.name)["chosen"] == "taken over from the shipped directions"


def test_a_fit_that_was_stopped_goes_on_and_gives_the_same_bytes(
    tiny, splits, tmp_path, monkeypatch
):
    def content():
        return {path.name: path.read_bytes() for path in quick.folder_of(tiny).iterdir()}

    monkeypatch.setenv("STEERING_CACHE", str(tmp_path / "one"))
    quick.quick(tiny, splits)
    expected = content()
    monkeypatch.setenv("STEERING_CACHE", str(tmp_path / "two"))
    for module, name in ((fitting, "inlp"), (starts, "answer_resumably"), (fitting, "fit_maps")):
        real, calls = getattr(module, name), []

        def stop(*arguments, real=real, calls=calls, **options):
            calls.append(1)
            if len(calls) > 1 or name != "inlp":  # noqa: B023
                raise KeyboardInterrupt
            return real(*arguments, **options)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, name, stop)
            with pytest.raises(KeyboardInterrupt):
                quick.quick(tiny, splits)
        assert quick.find(tiny) is None
    quick.quick(tiny, splits)
    assert content() == expected


def test_a_model_without_shipped_directions_has_nothing_to_take_over(tiny):
    assert quick.known(tiny) is None


def test_the_full_effort_tries_every_place_and_prompt():
    assert FULL.places is FULL.validation is FULL.answered is None
    assert QUICK.places < 90
    assert QUICK.screened < FULL.screened


def test_the_command_writes_into_the_cache_and_not_over_what_is_shipped(
    tiny, splits, monkeypatch, capsys, tmp_path
):
    from steering import study_commands, terminal
    from steering.__main__ import main

    monkeypatch.setattr(terminal, "load", lambda options: tiny)
    monkeypatch.setattr(study_commands.PromptSplits, "own", lambda: splits)
    monkeypatch.setattr(artifact, "ROOT", tmp_path / "shipped")
    assert main(["precompute", "--quick", "--model", tiny.name, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["folder"] == str(quick.folder_of(tiny))
    assert not (tmp_path / "shipped").exists()


def test_without_a_fit_the_advice_is_the_quick_one(tmp_path):
    with pytest.raises(NotFittedError, match="precompute --quick --model org/name"):
        artifact.load("org/name", tmp_path)
