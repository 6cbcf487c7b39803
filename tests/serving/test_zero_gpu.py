"""When a GPU is borrowed, for how long, and what is said of it; runs: test_borrowed_steps."""

import subprocess
import sys
from pathlib import Path

import gradio as gr
import pytest

from steering.serving import zero_gpu

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """
import sys, types
asked = []
def GPU(*, duration):
    def decorated(task):
        asked.append((task.__module__, task.__name__, duration("k", {"sampling": SAMPLING})))
        return task
    return decorated
SAMPLING = {"max_new_tokens": 48}
spaces = types.ModuleType("spaces")
spaces.GPU = GPU
spaces.__spec__ = types.SimpleNamespace(name="spaces")
sys.modules["spaces"] = spaces
import app
assert "torch" not in sys.modules
print(asked, app._app.engine.supply.steps.__name__, app._app.engine.supply.at_speed)
"""


def test_a_space_finds_one_decorated_generator_before_it_is_launched():
    """ZeroGPU ends an app that has none by then."""
    environment = {"SPACES_ZERO_GPU": "true", "PATH": "/usr/bin", "HOME": "/nonexistent"}
    command = [sys.executable, "-W", "ignore", "-c", SCRIPT]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[-2] == (
        "[('steering.serving.zero_gpu', 'decode', 13)] borrowed None"
    )


@pytest.mark.parametrize(
    ("said", "there", "lent"),
    [
        (None, True, False),
        ("true", True, True),
        ("1", True, True),
        ("0", True, False),
        ("true", False, False),
    ],
)
def test_a_gpu_is_borrowed_where_the_space_says_so(said, there, lent, monkeypatch):
    monkeypatch.delenv("SPACES_ZERO_GPU", raising=False)
    if said:
        monkeypatch.setenv("SPACES_ZERO_GPU", said)
    monkeypatch.setattr(zero_gpu, "find_spec", lambda name: object() if there else None)
    assert zero_gpu.is_lent() is lent


def test_long_answers_ask_for_more_but_never_for_more_than_there_is():
    asked = [{"sampling": {"max_new_tokens": n}} for n in (1, 48, 256, 4096)]
    found = [zero_gpu.seconds("", each) for each in asked]
    assert found == sorted({*found})
    assert found[0] > 10
    assert found[-1] == 120


def test_what_spaces_refuses_is_told_from_a_bug(monkeypatch):
    def fails(error):
        def decode(*_arguments):
            raise error
            yield

        monkeypatch.setattr(zero_gpu, "decode", decode)
        return zero_gpu.columns("", {})

    class Kind(gr.Error):
        pass

    with pytest.raises(zero_gpu.NoGpuError, match=r"\(Error: No GPU was available\)"):
        next(fails(Kind("No GPU was available.", print_exception=False)))
    with pytest.raises(RuntimeError, match="a bug"):
        next(fails(RuntimeError("a bug")))
