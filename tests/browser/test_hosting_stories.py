"""The app where hosts put it: below a path, behind proxies, in frames, without a certificate.

One server tells all of these stories. It runs below a path, and notes whom it connects to.
"""

import json

import pytest

from tests.browser.conftest import PATIENCE, _start, _stop, _stopped
from tests.helpers.proxies import framed, proxy

pytestmark = pytest.mark.browser
NAME = "playground.test"
"""What the browser takes for this machine; no context that a browser trusts, as localhost is."""
RECORDER = """
import json, os, socket

def noted(name):
    plain = getattr(socket.socket, name)

    def connect(self, address):
        if self.family in (socket.AF_INET, socket.AF_INET6):
            with open(os.environ["CONNECTS"], "a") as out:
                out.write(json.dumps(address[0]) + "\\n")
        return plain(self, address)

    setattr(socket.socket, name, connect)

noted("connect")
noted("connect_ex")
look_up = socket.getaddrinfo

def getaddrinfo(host, *rest, **named):
    with open(os.environ["CONNECTS"], "a") as out:
        out.write(json.dumps(str(host)) + "\\n")
    return look_up(host, *rest, **named)

socket.getaddrinfo = getaddrinfo
"""
OWN = {"127.0.0.1", "::1", "localhost", "0.0.0.0", "None", ""}


@pytest.fixture(scope="module")
def hosted(tmp_path_factory):
    """The app below /play, whose connections are noted."""
    folder = tmp_path_factory.mktemp("hosted")
    (folder / "sitecustomize.py").write_text(RECORDER)
    known = {"PYTHONPATH": str(folder), "CONNECTS": str(folder / "connects")}
    started = _start(folder, more={"GRADIO_ROOT_PATH": "/play", **known})
    started.load()
    yield started
    _stop(started)


@pytest.fixture
def browse(browser):
    """Return a function that opens an address; pages are checked for what a policy has stopped."""
    contexts, problems = [], []

    def opened(address, frame=None):
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        watch(page)
        page.goto(address)
        return page, page if frame is None else page.frame_locator(frame)

    def watch(page):
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda said: _stopped(said.text) and problems.append(said.text))

    opened.watch, opened.problems = watch, problems
    yield opened
    for context in contexts:
        context.close()
    assert not problems


def ask(page, prompt="How do I paint a fence?"):
    page.locator('.strip[data-phase="ready"]').wait_for()
    page.locator("#request textarea").fill(prompt)
    page.locator("#run").click()


def wait_done(page):
    page.locator("#note", has_text="Done after").wait_for()
    assert page.locator("#card-flip .answer .written").inner_text().strip()


@pytest.mark.parametrize("holds", [False, True], ids=["strips", "holds"])
def test_below_a_path_and_behind_a_proxy_that_holds_answers_back(hosted, browse, holds):
    with proxy(hosted.url, "/play", holds=holds) as address:
        page, _ = browse(address)
        asked, drawn = [], []
        page.on("request", lambda request: asked.append(request.url))
        page.on("response", lambda said: "/drawn?" in said.url and drawn.append(said.status))
        ask(page)
        wait_done(page)
        page.locator("#tab-dose").click()
        page.locator("#tab-playground").click()
        page.locator(".atlas .js-plotly-plot").first.wait_for()
        assert asked
        assert drawn  # the page's own route is found below the path
        assert set(drawn) <= {204, 410}  # heard, or the run is over
        assert [url for url in asked if not url.startswith((address, "data:", "blob:"))] == []


def test_in_a_frame_of_another_site(hosted, browse):
    with framed(f"{hosted.url}play/") as address:
        _, inner = browse(address, "#app")
        ask(inner)
        wait_done(inner)


def test_without_a_certificate_under_a_name(hosted, browse):
    page, _ = browse(hosted.url.replace("127.0.0.1", NAME) + "play/")
    assert page.evaluate("isSecureContext") is False
    ask(page)
    wait_done(page)


def test_two_tabs_of_one_visitor_have_a_run_each(hosted, browse):
    one, _ = browse(f"{hosted.url}play/")
    other = one.context.new_page()
    other.set_default_timeout(PATIENCE)
    browse.watch(other)
    other.goto(f"{hosted.url}play/")
    hosted.pace(0.5)
    for page, prompt in ((one, "How do I paint a fence?"), (other, "How do I wash a dog?")):
        ask(page, prompt)
        page.locator("#note", has_text="Writing").wait_for()
    hosted.pace(0.0)
    wait_done(one)
    wait_done(other)
    one.close()
    ask(other, "How do I cook a soup?")
    wait_done(other)


def test_a_laptop_that_sleeps_finds_its_answers_when_it_wakes(hosted, browse):
    page, _ = browse(f"{hosted.url}play/")
    devtools = page.context.new_cdp_session(page)
    hosted.pace(0.5)
    ask(page)
    page.locator("#note", has_text="Writing").wait_for()
    devtools.send("Page.setWebLifecycleState", {"state": "frozen"})
    hosted.pace(0.0)
    devtools.send("Page.setWebLifecycleState", {"state": "active"})
    wait_done(page)


def test_a_network_that_is_lost_is_said_and_what_is_asked_later_is_answered(hosted, browse):
    page, _ = browse(f"{hosted.url}play/")
    hosted.pace(0.5)
    ask(page)
    page.locator("#note", has_text="Writing").wait_for()
    page.context.set_offline(True)
    page.locator(".toast-body").first.wait_for()
    page.context.set_offline(False)
    hosted.pace(0.0)
    ask(page, "How do I wash a dog?")
    wait_done(page)


def test_the_policy_stops_what_would_leave_the_host(hosted, browse):
    """The counter-check of every other story: what is stopped is noticed."""
    page, _ = browse(f"{hosted.url}play/")
    address = hosted.url.replace("127.0.0.1", NAME)
    page.evaluate("address => fetch(address).catch(() => null)", address)
    assert any("connect-src" in each for each in browse.problems)
    browse.problems.clear()


def test_nobody_else_was_asked_for_anything(hosted):
    """Last, of all that the stories above made the server do."""
    connects = (hosted.folder / "connects").read_text().splitlines()
    found = {json.loads(line) for line in connects}
    assert "127.0.0.1" in found, "nothing was noted"
    assert found <= OWN
