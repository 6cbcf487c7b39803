"""Everything that runs on a GPU, on a stand-in for one: see helpers/fake_device.py."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file
from torch.utils import backend_registration

pytestmark = pytest.mark.gpu  # takes too long for the fast set
ROOT = Path(__file__).parents[2]
NEEDED = "_setup_privateuseone_for_python_backend"


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """Return the folder with what was made on each device."""
    if not hasattr(backend_registration, NEEDED):
        pytest.skip("this PyTorch cannot register a device that is written in Python")
    folder = tmp_path_factory.mktemp("devices")
    done = subprocess.run(
        [sys.executable, "-m", "tests.helpers.fake_device", folder],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return folder


@pytest.mark.parametrize("name", ["directions.safetensors", "maps.safetensors"])
def test_what_is_fitted_is_the_same_on_both_devices(made, name):
    here, there = (load_file(made / device / "out" / name) for device in ("cpu", "elsewhere"))
    assert here.keys() == there.keys()
    for key, values in here.items():
        np.testing.assert_allclose(there[key], values, rtol=1e-2, atol=1e-2, err_msg=key)


def test_every_answer_and_every_number_is_the_same_on_both_devices(made):
    here, there = (
        json.loads((made / device / "out" / "evaluation.json").read_text())
        for device in ("cpu", "elsewhere")
    )
    assert here.pop("provenance")["device"] == "cpu"
    assert there.pop("provenance")["device"] == "elsewhere"
    alike(there, here)


def test_edited_rows_of_a_bench_are_the_same_on_both_devices(made):
    here, there = (
        json.loads((made / device / "steps.json").read_text()) for device in ("cpu", "elsewhere")
    )
    assert there == here
    assert here["ablations at all layers"] != here["unedited"]


@pytest.mark.parametrize("name", ["texts.json", "opinion.json"])
def test_sampled_answers_and_a_judges_opinion_are_the_same_on_both_devices(made, name):
    here, there = (
        json.loads((made / device / name).read_text()) for device in ("cpu", "elsewhere")
    )
    assert there == here
    assert all(here) if name == "texts.json" else here["assessment"]


def alike(found: object, expected: object, where: str = "") -> None:
    """Compare JSON types, numbers to a thousandth."""
    if isinstance(expected, dict):
        assert found.keys() == expected.keys(), where
        for key in expected:
            alike(found[key], expected[key], f"{where}.{key}")
    elif isinstance(expected, list):
        assert len(found) == len(expected), where
        for place, (one, other) in enumerate(zip(found, expected, strict=True)):
            alike(one, other, f"{where}[{place}]")
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, rel=2e-3, abs=2e-3), where
    elif where.endswith("sentence"):
        pass  # repeats numbers, rounded
    else:
        assert found == expected, where
