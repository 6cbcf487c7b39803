"""The app in a process of its own; one that is quick to start stands in for it."""

import sys
import time

import pytest

from steering.bench import app_process
from steering.bench.app_process import serving
from steering.errors import SteeringError
from tests.helpers.engines import until

PAGE = """
import http.server, sys
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b"page")
    def log_message(self, *_): pass
port = int(sys.argv[sys.argv.index("--port") + 1])
server = http.server.HTTPServer((sys.argv[sys.argv.index("--host") + 1], port), Page)
print("INFO steering: tiny is ready: float32, as asked for", flush=True)
server.serve_forever()
"""


@pytest.fixture
def program(monkeypatch):
    """Return a function that puts a program in the place of `python -m steering serve`."""
    real = app_process.subprocess.Popen
    started = []

    def put(code):
        def start(command, **options):
            assert command[:4] == [sys.executable, "-m", "steering", "serve"]
            started.append(real([sys.executable, "-c", code, *command[4:]], **options))
            return started[-1]

        monkeypatch.setattr(app_process.subprocess, "Popen", start)
        return started

    return put


def test_the_app_is_waited_for_read_and_ended(program):
    started = program(PAGE)
    before = time.monotonic()
    with serving(["--model", "tiny"], {"STEERING_LOG": "debug"}) as app:
        assert app.url.startswith("http://127.0.0.1:")
        assert 0 < app.wait_for_page() <= time.monotonic() - before
        assert app.wait_until_ready() == "float32, as asked for"
        assert app.log[0][0] >= before
        assert started[0].poll() is None
    assert started[0].poll() is not None


def test_an_app_that_ends_is_told_with_its_last_words(program):
    program("print('error: no such model'); raise SystemExit(2)")
    with serving([]) as app:
        app.process.wait(20)
        until(lambda: app.log)
        with pytest.raises(SteeringError, match="the app ended: error: no such model"):
            app.wait_for_page()


def test_an_app_that_never_comes_is_given_up(program, monkeypatch):
    started = program("import time; time.sleep(60)")
    monkeypatch.setattr(app_process, "START_SECONDS", 0.3)
    said = pytest.raises(SteeringError, match=r"not there after 0\.3 s: it said nothing")
    with serving([]) as app, said:
        app.wait_until_ready()
    assert started[0].poll() is not None
