"""A page whose answers two processes of Ray write, one of which is killed in the middle."""

import time
from contextlib import suppress

import psutil
import pytest

from tests.browser.conftest import _start

pytestmark = [pytest.mark.browser, pytest.mark.ray]
REQUEST = "How do I paint a fence?"
SENTENCE = "The process that wrote these answers is gone; another one answers from the start."
LISTEN = """() => {
    window.said = new Set();
    const listen = () => window.said.add(document.querySelector("#note").innerText);
    new MutationObserver(listen).observe(
        document.body, {subtree: true, childList: true, characterData: true});
}"""
_SECONDS = 600.0
"""After which whatever is waited for does not come (chosen: Ray's start on busy cores)."""
_ENOUGH = 60
"""Characters of an answer that are compared. Runs that share steps may differ where rounding
decides: sooner or later in so long a text."""


def until(found, what):
    """Wait for something that is there, and return it."""
    end = time.monotonic() + _SECONDS
    while not (there := found()):
        assert time.monotonic() < end, f"it never came: {what}"
        time.sleep(0.1)
    return there


@pytest.fixture(scope="module")
def replicated(tmp_path_factory):
    """The page as the command serves it; with it ends everything that it has begun."""
    more = {"STEERING_MAX_NEW_TOKENS": "4000"}
    app = _start(tmp_path_factory.mktemp("replicated"), script="replica_server.py", more=more)
    yield app
    begun = family(app)
    app.process.terminate()  # as a container's engine does
    assert app.process.wait(_SECONDS) == 0, (app.folder / "log").read_text()
    _, left = psutil.wait_procs(begun, timeout=_SECONDS)
    assert not left, f"{len(left)} processes outlive the page"


def family(app):
    return psutil.Process(app.process.pid).children(recursive=True)


def replicas(app):
    """Return the processes that write."""
    found = []
    for each in family(app):
        with suppress(psutil.Error):  # it has just ended
            if "ServeReplica" in " ".join(each.cmdline()):
                found.append(each)
    return found


def enter(visit, app):
    visitor = visit(app, ready=False)
    # The model is loaded three times, and Ray is begun.
    visitor.page.wait_for_selector('.strip[data-phase="ready"]', timeout=_SECONDS * 1000)
    visitor.page.evaluate(LISTEN)
    return visitor


def told(visitor):
    """Return whether the page has said that a replica was lost."""
    return visitor.page.evaluate(
        "words => [...window.said].some(each => each.includes(words))", SENTENCE
    )


def answers(visitor):
    return visitor.page.evaluate(
        "[...document.querySelectorAll('.card .answer .written')].map(each => each.innerText)"
    )


def longer(visitor, texts):
    """Wait until each answer is longer than its text, and return the answers."""

    def found():
        now = answers(visitor)
        grown = (len(each) > len(text) for each, text in zip(now, texts, strict=True))
        return now if len(now) == len(texts) and all(grown) else []

    return until(found, f"answers longer than {[len(each) for each in texts]}")


def begun_alike(ones, others):
    return [each[:_ENOUGH] for each in ones] == [each[:_ENOUGH] for each in others]


def test_a_lost_replica_begins_one_visitor_s_answers_again_and_another_notices_nothing(
    replicated, visit
):
    visitors = [enter(visit, replicated) for _ in range(2)]
    visitors[0].ask(REQUEST)
    longer(visitors[0], [""] * 5)
    visitors[1].ask(REQUEST)
    written = [longer(each, ["-" * _ENOUGH] * 5) for each in visitors]
    assert begun_alike(*written)
    assert not any(map(told, visitors))
    lost, stays = replicas(replicated)
    lost.kill()
    # Each has a replica of their own, since the shorter line is taken: one is told, whichever.
    unlucky = until(lambda: [i for i in (0, 1) if told(visitors[i])], "the sentence")[0]
    other = 1 - unlucky
    before = answers(visitors[other])
    goes_on = longer(visitors[other], before)
    again = longer(visitors[unlucky], written[unlucky])
    assert begun_alike(again, written[unlucky])
    assert [each[: len(was)] for each, was in zip(goes_on, before, strict=True)] == before
    assert not told(visitors[other])
    there = until(lambda: len(found := replicas(replicated)) == 2 and found, "another replica")
    assert stays in there
    assert lost not in there
