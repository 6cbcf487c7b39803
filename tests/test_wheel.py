"""The wheel holds everything, and works without the checkout."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import steering
from steering.artifacts import folders, store
from steering.sources.catalog import DEFAULT_MODEL

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[1]
ALONE = (
    "steering/py.typed",
    "steering/sources/catalog.toml",
    "steering/data/prompts.jsonl",
    "steering/data/prose.txt",
    "steering/data/questions.jsonl",
    "steering/data/wordings.jsonl",
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    pytest.importorskip("hatchling")
    pytest.importorskip("build")
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out)]
    subprocess.run([*command, str(ROOT)], check=True, capture_output=True, text=True, timeout=300)
    (built,) = out.iterdir()
    return built


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    folder = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def command(installed, *words):
    """Run a command of the extracted wheel, far from the checkout."""
    cache = str(installed.parent / "cache")
    environment = {**os.environ, "PYTHONPATH": str(installed), "STEERING_CACHE": cache}
    done = subprocess.run(
        [sys.executable, "-m", "steering", *words],
        cwd=installed.parent,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_is_named_by_the_version(wheel):
    assert wheel.name == f"refusal_steering_playground-{steering.__version__}-py3-none-any.whl"


def test_the_wheel_holds_what_the_checkout_has(wheel):
    with zipfile.ZipFile(wheel) as archive:
        held = {name: archive.getinfo(name).file_size for name in archive.namelist()}
    carried = {"assets": "steering/assets", "precomputed": "steering/precomputed"}
    expected = {
        f"{inside}/{path.relative_to(ROOT / folder).as_posix()}": path.stat().st_size
        for folder, inside in carried.items()
        for path in (ROOT / folder).rglob("*")
        if path.is_file()
    }
    expected |= {
        path.relative_to(ROOT).as_posix(): path.stat().st_size
        for path in (ROOT / "steering").rglob("*.py")
    }
    expected |= {name: (ROOT / name).stat().st_size for name in ALONE}
    assert {model.split("/")[2] for model in expected if "manifest.json" in model} == {
        *folders.available()
    }
    assert {name: held.get(name) for name in expected} == expected
    assert {name.split("/")[0] for name in held} == {
        "steering",
        f"refusal_steering_playground-{steering.__version__}.dist-info",
    }


def test_the_commands_work_from_the_wheel_alone(installed):
    entries = json.loads(command(installed, "models", "--json"))
    ready = {entry["name"] for entry in entries if entry["directions"]}
    assert ready == set(folders.available())
    shown = json.loads(command(installed, "results", "--json"))
    assert shown == store.evaluation(DEFAULT_MODEL)


def test_what_is_made_from_the_wheel_lies_in_the_cache(installed):
    script = "from steering.artifacts import folders; print(folders.made('org/name'))"
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=installed.parent,
        env={**os.environ, "PYTHONPATH": str(installed), "STEERING_CACHE": str(installed.parent)},
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    expected = installed.parent / "fitted" / "org--name" / "precomputed"
    assert Path(done.stdout.strip()) == expected


def test_the_page_is_laid_out_from_the_wheel_alone(installed):
    pytest.importorskip("gradio")
    script = "import steering.app, steering.shipped; steering.app.App(); print(steering.__file__)"
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=installed.parent,
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.stdout.strip() == str(installed / "steering" / "__init__.py"), done.stderr


def test_the_script_is_the_command_line(installed):
    (points,) = installed.glob("*.dist-info/entry_points.txt")
    assert "refusal-steering = steering.__main__:run" in points.read_text("utf-8")
