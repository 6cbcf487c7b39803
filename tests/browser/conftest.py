"""A browser, and the app in a process of its own, for the stories of what a visitor sees."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from tests.helpers.chromium import CHROMIUM

PATIENCE = 60_000
"""Milliseconds: the first page load takes about ten seconds on one core (measured)."""


@dataclass
class App:
    """A running server."""

    url: str
    folder: Path
    process: subprocess.Popen[bytes]

    def load(self, failure: str = "") -> None:
        """Let the model be loaded, or fail with these words."""
        (self.folder / "load").write_text(failure)

    def fit(self, failure: str = "") -> None:
        """Let a fit end, or fail with these words."""
        (self.folder / "fit").write_text(failure)

    def hold(self, *, on: bool) -> None:
        """Hold the checks of maps up, or let them go on."""
        hold = self.folder / "hold"
        hold.touch() if on else hold.unlink()

    def crowd(self, *, on: bool) -> None:
        """Serve one visitor at a time, or let visitors share steps again."""
        crowded = self.folder / "crowded"
        crowded.touch() if on else crowded.unlink(missing_ok=True)

    def pace(self, seconds: float) -> None:
        """Set how long a forward pass takes."""
        (self.folder / "slow").write_text(str(seconds))


def _start(
    folder: Path,
    dtype: str = "float32",
    script: str = "server.py",
    more: dict[str, str] | None = None,
) -> App:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    app = App(f"http://127.0.0.1:{port}/", folder, None)  # type: ignore[arg-type]
    app.pace(0.0)
    log = (folder / "log").open("wb")
    command = [sys.executable, str(Path(__file__).with_name(script)), str(port), str(folder)]
    environment = os.environ | {
        "OMP_NUM_THREADS": "1",
        "GRADIO_ANALYTICS_ENABLED": "False",
        "STEERING_DTYPE": dtype,
        **(more or {}),
    }
    app.process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
    log.close()
    for _ in range(600):
        try:
            urlopen(app.url, timeout=5).close()
        except (URLError, OSError):
            assert app.process.poll() is None, (folder / "log").read_text()
            time.sleep(0.5)
        else:
            return app
    pytest.fail((folder / "log").read_text())


def _stop(app: App) -> None:
    app.process.terminate()
    try:
        app.process.wait(10)
    except subprocess.TimeoutExpired:
        app.process.kill()
        app.process.wait()


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    if not Path(CHROMIUM).exists():
        pytest.skip(f"no browser at {CHROMIUM}; install Debian's package chromium")
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(
            executable_path=CHROMIUM,
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-background-networking",
                "--host-resolver-rules=MAP playground.test 127.0.0.1",
            ],
        )
        yield started
        started.close()


IN_BOTH_FORMATS = (
    "test_a_run_streams_text_into_every_card_that_is_on",
    "test_stop_keeps_what_was_written_and_frees_the_machine",
    "test_the_keyboard_moves_a_slider_and_a_live_run_follows",
    "test_visitors_share_steps_and_each_gets_their_own_answers",
    "test_ten_moves_of_a_slider_move_the_mark_on_the_same_plot_and_keep_the_zoom",
    "test_the_sentence_tells_of_the_card_that_was_moved",
    "test_each_map_is_drawn_once_and_umap_asks_the_server_for_the_place",
    "test_paths_show_every_layer_and_a_click_goes_there",
    "test_tokens_carry_their_number_and_the_answer_appears_after_a_run",
    "test_under_the_map_stands_what_was_checked_at_the_layer_that_is_shown",
    "test_a_layer_that_does_not_serve_is_greyed_out_with_the_reason_and_a_remedy",
)
"""Stories that a number format could change: answers, and where they land. Looks could not."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Tell these stories on a machine of each kind; the others do not depend on it."""
    if "app" in metafunc.fixturenames:
        both = metafunc.function.__name__ in IN_BOTH_FORMATS
        dtypes = ["float32", "bfloat16"] if both else ["float32"]
        metafunc.parametrize("app", dtypes, indirect=True, scope="session")


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[App]:
    """The app with its model loaded; shared by all stories that do not change that.

    Its maps were fitted in float32: with a model in bfloat16 they are those of another format.
    """
    started = _start(tmp_path_factory.mktemp("app"), request.param)
    started.load()
    yield started
    _stop(started)


@pytest.fixture
def unloaded(tmp_path: Path) -> Iterator[App]:
    """The app of one story, whose model is not there until the story says so."""
    started = _start(tmp_path)
    yield started
    _stop(started)


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """The app without a model, which plays recordings."""
    started = _start(tmp_path_factory.mktemp("recorded"), script="recorded_server.py")
    yield started
    _stop(started)


@dataclass
class Visitor:
    """A browser context of its own: one visitor with one page."""

    page: Any
    hosts: set[str]
    problems: list[str]

    def note(self) -> str:
        return self.page.inner_text("#note")

    def wait_note(self, words: str) -> None:
        self.page.wait_for_function(
            "words => document.querySelector('#note')?.innerText.includes(words)",
            arg=words,
            timeout=PATIENCE,
        )

    def answer(self, slot: str) -> str:
        return self.page.inner_text(f"#card-{slot} .answer")

    def ask(self, prompt: str) -> None:
        self.page.fill("#request textarea", prompt)
        self.page.click("#run")


def _stopped(said: str) -> bool:
    """Whether the browser says that the page's own policy has stopped something of it."""
    return "Content Security Policy" in said


@pytest.fixture
def visit(browser: Any) -> Iterator[Any]:
    """Return a function that lets another visitor in; every page is checked at the end."""
    visitors: list[tuple[Any, Visitor]] = []

    def enter(app: App, *, ready: bool = True, **options: Any) -> Visitor:
        context = browser.new_context(**({"viewport": {"width": 1440, "height": 900}} | options))
        page = context.new_page()
        visitor = Visitor(page, set(), [])
        visitors.append((context, visitor))
        page.on("request", lambda request: visitor.hosts.add(request.url.split("/")[2]))
        page.on("pageerror", lambda error: visitor.problems.append(str(error)))
        page.on("console", lambda said: _stopped(said.text) and visitor.problems.append(said.text))
        page.set_default_timeout(PATIENCE)
        page.goto(app.url)
        page.wait_for_selector("#card-flip .view", state="attached")
        if ready:
            page.wait_for_selector('.strip[data-phase="ready"]')
        return visitor

    yield enter
    for context, visitor in visitors:
        context.close()
        assert {host.split(":")[0] for host in visitor.hosts} == {"127.0.0.1"}
        assert not visitor.problems
