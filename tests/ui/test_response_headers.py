"""What browsers are told holds for every response, and nothing of another host is allowed."""

import asyncio
import re

import pytest

from steering.ui import response_headers
from steering.ui.response_headers import ResponseHeaders


@pytest.fixture(autouse=True)
def _no_space(monkeypatch):
    monkeypatch.delenv("SPACE_ID", raising=False)


def policy(frames="*"):
    told = response_headers.headers(frames)["content-security-policy"]
    return dict(each.split(" ", 1) for each in told.split("; "))


def test_nothing_of_another_host_may_be_loaded_asked_or_shown():
    found = policy()
    assert found["default-src"] == found["connect-src"] == "'self'"
    assert found["object-src"] == found["frame-src"] == "'none'"
    assert not re.search(r"https?:|\*", " ".join(found.values()))
    own = "'self'|'none'|'unsafe-inline'|'unsafe-eval'|data:|blob:"
    assert all(re.fullmatch(own, each) for value in found.values() for each in value.split())


def test_a_space_may_be_asked_about_itself(monkeypatch):
    monkeypatch.setenv("SPACE_ID", "ann/playground")
    found = policy()
    assert found["connect-src"] == "'self' https://huggingface.co"
    assert found["script-src"] == "'self' 'unsafe-inline' 'unsafe-eval'"


def test_who_may_frame_the_page_is_the_host_s_choice():
    assert "frame-ancestors" not in policy()
    assert policy("'none'")["frame-ancestors"] == "'none'"


def answered(kind, own=()):
    sent = []

    async def app(_scope, _receive, send):
        await send({"type": f"{kind}.start", "status": 200, "headers": list(own)})
        await send({"type": f"{kind}.body", "body": b"x"})

    async def told(message):
        sent.append(message)

    asyncio.run(ResponseHeaders(app, frames="'self'")({"type": "http"}, None, told))
    return [(name.decode(), value.decode()) for name, value in sent[0]["headers"]]


def test_headers_come_beside_an_app_s_own_which_win():
    found = dict(answered("http.response", [(b"referrer-policy", b"no-referrer")]))
    assert found["referrer-policy"] == "no-referrer"
    assert found["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'self'" in found["content-security-policy"]
    assert "camera=()" in found["permissions-policy"]


def test_what_is_no_response_is_left_alone():
    assert answered("lifespan.startup") == []
