"""The page comes without what takes seconds to import; each test asks a process of its own."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from steering.artifacts import folders
from steering.sources import catalog

ROOT = Path(__file__).resolve().parents[2]
SLOW = ("torch", "transformers", "sklearn", "scipy", "statsmodels", "umap", "numba")
LATE = ("prometheus_client",)
"""What is quick, but comes only when somebody asks for it."""
ENTRIES = {
    "python app.py": "import app; app.main()",
    "python -m steering serve": "from steering.cli.main import main; main(['serve'])",
}
SCRIPT = """
import json, os, sys, threading, time, traceback
from urllib.request import urlopen
from steering import app as served

made, began = [], threading.Event()

class Watched(served.App):
    def __init__(self):
        super().__init__()
        self.engine.start = lambda **_: (say("started"), began.set())
        made.append(self)

served.App, served._PATIENCE_SECONDS = Watched, PATIENCE

def say(what, **more):
    slow = [name for name in SLOW if name in sys.modules]
    line = json.dumps({"what": what, "slow": slow, **more})
    os.write(1, f"\\n{line}\\n".encode())  # whole, whatever Gradio prints at the same time

def look():
    url = f"http://127.0.0.1:{os.environ['GRADIO_SERVER_PORT']}/"
    while True:
        try:
            with urlopen(url) as answer:
                page = answer.read().decode()
            break
        except OSError:
            time.sleep(0.05)
    with urlopen(f"{url}health") as answer:
        up = json.load(answer)["status"]
    say("served", title="Refusal Steering Playground" in page, up=up)
    if PATIENCE > 60:
        visit(made[0])
    elif began.wait(120):
        time.sleep(PATIENCE)  # for another one, which must not come
    os._exit(0)

def visit(app):
    shown = []
    for each in app.demo.fns.values():
        if not each.inputs and "load" in [event for _, event in each.targets]:
            shown += map(str, each.fn().values())
    asked = {
        fn.__name__: fn(None)
        for block in app.demo.blocks.values()
        for fn in getattr(block, "server_fns", None) or ()
        if fn.__name__ in ("cloud", "doses")
    }
    say(
        "visited",
        answers=sum("data-state=\\"recorded\\"" in value for value in shown),
        asked={name: bool(value) for name, value in asked.items()},
    )

def run():
    try:
        look()
    finally:  # with what went wrong on stderr: nothing else ends the server
        traceback.print_exc()
        os._exit(0)

threading.Thread(target=run, daemon=True).start()
"""


def told(entry: str, tmp_path: Path, *, patience: float, model: str = "") -> list[dict]:
    """Start the app, look at it once, and return what the process said."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    script = f"SLOW = {SLOW + LATE}\nPATIENCE = {patience}\n{SCRIPT}\n{ENTRIES[entry]}\n"
    environment = {
        **os.environ,
        "GRADIO_SERVER_PORT": str(port),
        "STEERING_CACHE": str(tmp_path),
        "STEERING_MODEL": model,
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"what"')]
    assert lines, done.stderr
    return lines


@pytest.mark.skipif(catalog.DEFAULT_MODEL not in folders.available(), reason="nothing is shipped")
@pytest.mark.parametrize("entry", ENTRIES)
def test_the_page_and_all_that_is_recorded_come_without_slow_imports(entry, tmp_path):
    served, *rest = told(entry, tmp_path, patience=999)
    assert served == {"what": "served", "slow": [], "title": True, "up": "ok"}
    visited = rest[-1]
    assert visited["slow"] == []
    assert visited["answers"] == 5
    assert visited["asked"] == {"cloud": True, "doses": True}
    # The visit, and nothing before it, has begun to load the model.
    assert [line["what"] for line in rest] == ["started", "visited"]


def test_a_model_that_nobody_has_come_for_is_loaded_after_a_while(tmp_path):
    said = [line["what"] for line in told("python app.py", tmp_path, patience=0.5)]
    assert said.count("started") == 1


def test_a_model_without_anything_recorded_has_a_page_too(tmp_path):
    (tmp_path / "own").mkdir()
    served, *_ = told("python app.py", tmp_path, patience=999, model=str(tmp_path / "own"))
    assert served == {"what": "served", "slow": [], "title": True, "up": "ok"}
