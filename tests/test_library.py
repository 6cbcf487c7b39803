"""What `import steering` offers, and the example of the README."""

import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

import steering
from steering.adaptation import format_trial, quick_fit
from steering.artifacts import store
from steering.errors import SteeringError
from steering.models import loading
from steering.sources.catalog import DEFAULT_MODEL

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
EXAMPLE = re.search(r"```python\n(.*?)```", README, re.DOTALL)[1]


def run(script):
    return subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout


def test_importing_the_package_imports_nothing_slow():
    script = "import sys, steering; dir(steering); steering.Panel; steering.SteeringError; "
    assert run(script + "print({'torch', 'numpy', 'transformers'} & {*sys.modules})") == "set()\n"


def test_every_public_name_is_there_and_listed():
    assert set(steering.__all__) <= set(dir(steering))
    for name in steering.__all__:
        assert getattr(steering, name) is not None
    assert set(steering.__all__) == {*steering._HOMES, "__version__"}


@pytest.mark.parametrize("name", sorted(steering._HOMES))
def test_a_public_name_is_the_one_of_its_module(name):
    found = getattr(importlib.import_module(steering._HOMES[name]), name)
    assert getattr(steering, name) is found
    assert found.__module__ == steering._HOMES[name]


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'steering' has no attribute 'laod'"):
        steering.laod  # noqa: B018
    with pytest.raises(ImportError, match="laod"):
        from steering import laod  # noqa: F401


def test_loading_tries_number_formats_that_may_overflow(monkeypatch):
    asked = {}
    monkeypatch.setattr(loading, "load", lambda name, **options: asked.update(options, name=name))
    steering.load("some/model", dtype="float16")
    assert (asked["name"], asked["dtype"]) == ("some/model", "float16")
    assert asked["trial"] is format_trial.trial


def test_directions_of_a_model_come_from_its_own_fit_where_there_is_one(
    tiny, fitted, tmp_path, monkeypatch
):
    shipped, own = tmp_path / "shipped", tmp_path / "own"
    for folder in (shipped, own):
        store.write(folder, fitted, {})
    monkeypatch.setattr(store, "folder_of", lambda _name: shipped)
    monkeypatch.setattr(quick_fit, "find", lambda _model: own)
    read = []
    load = store.load
    monkeypatch.setattr(store, "load", lambda *given: read.append(given) or load(*given))
    for asked in (tiny, tiny.name):
        assert steering.load_directions(asked).model == tiny.name
    assert steering.load_directions(tiny, str(shipped)).model == tiny.name
    assert read == [(tiny.name, own), (tiny.name, None), (tiny.name, shipped)]


def test_a_fit_needs_both_files_or_none(tiny):
    with pytest.raises(
        SteeringError, match=r"harmful=a\.txt was given without harmless; give both"
    ):
        steering.fit(tiny, "a.txt")
    with pytest.raises(
        SteeringError, match=r"harmless=b\.txt was given without harmful; give both"
    ):
        steering.fit(tiny, harmless="b.txt")


def test_a_fit_on_own_prompts_takes_nothing_over(tiny, prompts, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(quick_fit, "known", lambda _model: "known")
    monkeypatch.setattr(quick_fit, "quick", lambda *given, **named: asked.append((given, named)))
    files = {}
    for name in ("harmful", "harmless"):
        files[name] = tmp_path / f"{name}.txt"
        files[name].write_text("\n".join(f"{name} {n} {prompts[name][0]}" for n in range(40)))
    steering.fit(tiny, files["harmful"], files["harmless"], out=tmp_path / "out")
    steering.fit(tiny)
    ((_, own, out), first), ((_, project, nowhere), second) = asked
    assert (out, first.get("taken_over")) == (tmp_path / "out", None)
    assert set(own.train["harmful"]) <= {*files["harmful"].read_text().splitlines()}
    assert (nowhere, second) == (None, {"taken_over": "known"})
    assert project.source.startswith("steering/")


def check(found, printed):
    assert len(EXAMPLE.splitlines()) <= 15
    for answer, panel in zip(found["answers"], ("baseline", "ablation", "flip"), strict=True):
        assert answer.panel == panel
        assert f"{panel}: {answer.verdict}, refusal {answer.p_refusal:.0%}: " in printed
    model = found["model"]
    assert f"{found['states'].shape}\n" in printed
    assert found["states"].shape == (1, 1, 1, model.d_model)
    # What was captured is under the edit, which has left the model again.
    rows = [model.render(found["prompt"])]
    clean = steering.capture(model, rows, layers=[2], positions=[-1])
    direction = found["panels"][1].resolved(found["directions"]).subspace(found["directions"])
    edited = (found["states"] @ direction.basis.T).norm() / found["states"].norm()
    before = (clean @ direction.basis.T).norm() / clean.norm()
    # bfloat16 keeps about a hundredth of a state's length in rounding.
    assert edited < min(0.5 * before, 0.02), (edited, before)


def test_the_example_runs_on_a_tiny_model(tiny, fitted, monkeypatch, capsys):
    monkeypatch.setattr(steering, "load", lambda _name: tiny)
    monkeypatch.setattr(steering, "load_directions", lambda _model: fitted)
    found = {}
    exec(EXAMPLE, found)
    check(found, capsys.readouterr().out)


@pytest.mark.model
def test_the_example_runs_on_the_default_model(capsys):
    found = {}
    exec(EXAMPLE, found)
    check(found, capsys.readouterr().out)
    assert found["model"].name == DEFAULT_MODEL
