"""A page on a slow machine, such as an old phone, keeps up with what is written for it."""

from urllib.parse import parse_qs, urlparse

import pytest

pytestmark = pytest.mark.browser
SLOW = 10.0
"""How many times slower the browser's processor is made (chosen: it draws about once a second)."""
STEP = 0.1
"""Seconds a step, as long as an update is apart: each of 48 tokens would be sent alone."""


def test_a_slow_page_is_sent_no_more_than_it_draws(app, visit):
    visitor, drawn = visit(app), []

    def hear(request):
        asked = urlparse(request.url)
        if asked.path == "/drawn":
            drawn.append(int(parse_qs(asked.query)["update"][0]))

    visitor.page.on("request", hear)
    processor = visitor.page.context.new_cdp_session(visitor.page)
    app.pace(STEP)
    visitor.ask("How do I paint a fence?")
    try:
        processor.send("Emulation.setCPUThrottlingRate", {"rate": SLOW})
        visitor.wait_note("Done after")
    finally:
        processor.send("Emulation.setCPUThrottlingRate", {"rate": 1.0})
        app.pace(0.0)
    assert drawn == sorted(set(drawn))
    assert 0 < max(drawn) < 36  # of 48 updates, and two with what is measured at the end
    assert len(visitor.answer("flip")) > 48
