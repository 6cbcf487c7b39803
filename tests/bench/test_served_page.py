"""A visitor without a browser, against the page as it is served."""

import asyncio
import threading
import time
from dataclasses import replace

import httpx
import pytest

from steering.bench import served_page
from steering.bench.served_page import ServedPage, apply_changes, read_page
from steering.bench.streamed_run import StreamedRun
from steering.errors import SteeringError
from steering.inference.comparison import compare
from steering.inference.sampling import Sampling
from steering.interventions.panel import parse, usual
from steering.maps.steerable_model import SteerableModel
from tests.helpers.engines import until

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
PROMPT = "How do I paint a car?"


def visit(served, work):
    async def inside():
        async with httpx.AsyncClient(base_url=served.url, timeout=60, trust_env=False) as client:
            return await work(await read_page(client))

    return asyncio.run(inside())


def test_a_run_shows_what_the_library_writes(served, fitted):
    async def work(page: ServedPage) -> StreamedRun:
        await page.arrive()
        return await page.run(PROMPT)

    run = visit(served, work)
    assert run.finished
    assert run.note.startswith("Done")
    assert run.began < run.writing < run.first_word <= run.ended
    panels = [parse(text) for text in usual(fitted)]
    model = SteerableModel(served.engine.model, fitted)
    *_, answers = compare(model, PROMPT, panels, sampling=Sampling(16))
    assert {card.panel: card.text for card in run.cards} == {
        str(answer.panel): answer.text.strip() for answer in answers
    }
    assert run.tokens == sum(answer.tokens for answer in answers) == sum(n for _, n in run.growth)


def test_the_server_hears_that_the_first_update_of_a_run_was_drawn(served, monkeypatch):
    paces, heard = served.engine.paces, []
    hear = paces.hear

    def note(run, number, **more):
        heard.append((run, number, more, hear(run, number, **more)))

    monkeypatch.setattr(paces, "hear", note)
    handle = served.engine.model.network.register_forward_pre_hook(lambda *_: time.sleep(0.05))
    try:
        for _ in range(2):
            assert visit(served, lambda page: page.run(PROMPT)).finished
    finally:
        handle.remove()
    assert [each[1:] for each in heard] == [(1, {"behind": False}, True)] * 2
    assert len({run for run, *_ in heard}) == 2


def test_whoever_leaves_is_gone_from_the_line_and_from_the_steps(served):
    engine = served.engine
    handle = engine.model.network.register_forward_pre_hook(lambda *_: time.sleep(0.05))
    try:
        run = visit(served, lambda page: page.run(PROMPT, leave=lambda seen: seen.tokens > 0))
        assert run.left
        assert not run.finished
        assert 0 < run.tokens < 16 * len(run.cards)
        until(lambda: not engine.wanted and not engine.steps._deliver)
    finally:
        handle.remove()


def test_whoever_leaves_in_the_middle_of_a_step_is_gone_before_the_next(served):
    """Gradio alone looks at a closed page only when it has another word for it."""
    steps, passes, go_on = served.engine.steps, [], threading.Event()

    def hold(_module, args):
        if args[0].shape[1] == 1:  # not while the request is read
            passes.append(1)
            go_on.wait(120)

    handle = served.engine.model.blocks[0].register_forward_pre_hook(hold)
    try:
        run = visit(served, lambda page: page.run(PROMPT, leave=lambda seen: seen.tokens > 0))
        assert run.left
        until(lambda: all(request.over for request in steps._deliver))
        assert len(steps._deliver) == 1  # the step is still under way
        go_on.set()
        until(lambda: not steps._deliver)
    finally:
        go_on.set()
        handle.remove()
    assert len(passes) == 1


def test_a_full_line_is_told_apart_from_a_lost_stream(served, monkeypatch):
    monkeypatch.setattr(served.engine, "places", 0)
    monkeypatch.setattr(served.engine, "room", 0)
    with served.engine.run("somebody"):
        run = visit(served, lambda page: page.run(PROMPT))
    assert run.trouble.startswith("refused: ")
    assert not run.finished


def test_an_error_of_the_app_is_a_lost_stream(served):
    run = visit(served, lambda page: page.run("   "))
    assert run.trouble.startswith("lost: The request is empty")


def test_a_stream_that_says_nothing_is_stuck(served, monkeypatch):
    monkeypatch.setattr(served_page, "QUIET_SECONDS", 0.3)
    handle = served.engine.model.network.register_forward_pre_hook(lambda *_: time.sleep(1.5))
    try:
        run = visit(served, lambda page: page.run(PROMPT))
    finally:
        handle.remove()
    assert run.trouble == f"stuck: after 0 tokens, {run.note}"
    until(lambda: not served.engine.wanted)


def test_a_server_that_is_gone_is_a_lost_stream(served):
    async def work(page: ServedPage) -> StreamedRun:
        async with httpx.AsyncClient(base_url="http://127.0.0.1:1/", trust_env=False) as nobody:
            return await replace(page, client=nobody).run(PROMPT)

    assert visit(served, work).trouble.startswith("lost: ")


def test_another_apps_page_is_refused():
    def answer(_request):
        return httpx.Response(200, json={"components": [], "dependencies": []})

    async def read():
        transport = httpx.MockTransport(answer)
        async with httpx.AsyncClient(base_url="http://other/", transport=transport) as client:
            await read_page(client)

    with pytest.raises(SteeringError, match="http://other/ is not this app's page"):
        asyncio.run(read())


@pytest.mark.parametrize(
    ("old", "changes", "new"),
    [
        ("ab", [["append", [], "c"]], "abc"),
        ("ab", [["replace", [], {"value": 1}]], {"value": 1}),
        ({"a": ["x"]}, [["append", ["a", 0], "y"]], {"a": ["xy"]}),
        ({"a": [1, 3]}, [["add", ["a", 1], 2]], {"a": [1, 2, 3]}),
        ({"a": 1}, [["add", ["b"], 2], ["delete", ["a"], None]], {"b": 2}),
        ("same", [], "same"),
    ],
)
def test_changes_are_applied_as_gradio_means_them(old, changes, new):
    assert apply_changes(old, changes) == new
