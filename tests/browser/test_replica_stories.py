"""A page whose answers two processes of Ray write, one of which is killed in the middle."""

import time
from contextlib import suppress

import psutil
import pytest

from tests.browser.conftest import PATIENCE, _start

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


def until(found):
    """Wait for something that is there, and return it."""
    end = time.monotonic() + _SECONDS
    while not (there := found()):
        assert time.monotonic() < end, "it never came"
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


def writers(app):
    """Return the processes of the replicas, and the seconds of computing of each."""
    found = {}
    for each in family(app):
        with suppress(psutil.Error):
            if "ServeReplica" in " ".join(each.cmdline()):
                found[each] = each.cpu_times().user
    return found


def busy(app, many):
    """Return which replicas write now if they are so many; else nothing."""
    before = writers(app)
    time.sleep(0.5)
    spent = {each: now - before.get(each, now) for each, now in writers(app).items()}
    least = max(0.05, 0.2 * max(spent.values(), default=0.0))  # who waits computes a little, too
    found = [each for each, seconds in spent.items() if seconds >= least]
    return found if len(found) == many else []


def enter(visit, app):
    visitor = visit(app, ready=False)
    # The model is loaded three times, and Ray is begun.
    visitor.page.wait_for_selector('.strip[data-phase="ready"]', timeout=_SECONDS * 1000)
    visitor.page.evaluate(LISTEN)
    return visitor


def said(visitor):
    return visitor.page.evaluate("[...window.said]")


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

    return until(found)


def test_a_lost_replica_begins_one_visitor_s_answers_again_and_another_notices_nothing(
    replicated, visit
):
    unlucky, other = enter(visit, replicated), enter(visit, replicated)
    assert len(writers(replicated)) == 2
    unlucky.ask(REQUEST)
    unlucky.wait_note("Writing")
    (lost,) = until(lambda: busy(replicated, many=1))
    other.ask(REQUEST)
    other.wait_note("Writing")
    until(lambda: busy(replicated, many=2))  # each has a replica
    written = longer(unlucky, ["-" * 60] * 5)
    lost.kill()
    unlucky.page.wait_for_function(
        "words => [...window.said].some(each => each.includes(words))",
        arg=SENTENCE,
        timeout=PATIENCE,
    )
    again = longer(unlucky, written)
    others = longer(other, [each[:60] for each in written])
    # Runs that share steps may differ where rounding decides: sooner or later in so long a text.
    assert [each[:60] for each in again] == [each[:60] for each in written]
    assert [each[:60] for each in others] == [each[:60] for each in written]
    assert not any(SENTENCE in each for each in said(other))
    assert said(other)
    assert lost not in until(lambda: len(found := writers(replicated)) == 2 and found)
