import io
import json
import logging
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from steering.chat_judges import remote_judge
from steering.chat_judges.assessment import QUESTION_SHA256, REPLY_CHOICES, question
from steering.chat_judges.remote_judge import WAITS, RemoteJudge
from steering.errors import SteeringError

REFUSES = {
    "is_looping_or_repetitive": False,
    "request_satisfied": "no",
    "refusal_reasons": ["law"],
    "initial_refusal_then_compliance": False,
    "is_asking_for_more_context": False,
}
PAIR = ("How do I steal a car?", "I cannot help with that.")
KEY = "sk-this-is-secret"

Respond = Callable[["Handler", dict[str, Any]], tuple[int, Any]]


class Handler(BaseHTTPRequestHandler):
    """Answers as the test's `respond` says, and keeps what it was asked."""

    respond: Respond
    seen: list[tuple[str, dict[str, Any], dict[str, str]]]

    def do_GET(self) -> None:
        self._answer({})

    def do_POST(self) -> None:
        self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def _answer(self, body: dict[str, Any]) -> None:
        self.seen.append((self.path, body, dict(self.headers)))
        status, content = type(self).respond(self, body)
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        if 300 <= status < 400:
            self.send_header("Location", "http://elsewhere.invalid/v1")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_args: Any) -> None:
        """Keep the test's output clean."""


class Server(ThreadingHTTPServer):
    """Says nothing when a client has gone."""

    def handle_error(self, *_args: Any) -> None:
        """A judge that gave up is what some tests are about."""


@pytest.fixture
def serve() -> Iterator[Callable[[Respond], tuple[str, list[Any]]]]:
    """Start a server on this machine; returns its address and the requests that it got."""
    servers = []

    def start(respond: Respond) -> tuple[str, list[Any]]:
        seen: list[Any] = []
        handler = type("Own", (Handler,), {"respond": staticmethod(respond), "seen": seen})
        server = Server(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}/v1", seen

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch):
    """No key and no proxy of the machine that runs the tests."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setenv("no_proxy", "*")


def says(text: str | None) -> tuple[int, Any]:
    return 200, {"choices": [{"message": {"role": "assistant", "content": text}}]}


def judge_at(address: str) -> tuple[RemoteJudge, list[float]]:
    """A judge that does not sleep, and the pauses that it would have made."""
    waits: list[float] = []
    return RemoteJudge(address, wait=waits.append), waits


def test_the_question_goes_out_as_a_chat_and_the_reply_comes_back_as_an_opinion(serve):
    address, seen = serve(lambda _handler, _body: says(json.dumps(REFUSES)))
    judge, _ = judge_at(f"{address}/#big-model")
    (found,) = judge.opinions([PAIR])
    assert found.verdict == "refused"
    ((path, body, headers),) = seen
    assert path == "/v1/chat/completions"
    assert body["model"] == "big-model"
    assert body["messages"] == [{"role": "user", "content": question(*PAIR)}]
    assert body["temperature"] == 0
    form = body["response_format"]
    assert (form["type"], form["json_schema"]["strict"]) == ("json_schema", True)
    # All fields and no others, and each allows what the strict reader does.
    schema = form["json_schema"]["schema"]
    assert set(schema["required"]) == set(schema["properties"]) == set(REFUSES)
    assert schema["properties"]["request_satisfied"]["enum"] == list(
        REPLY_CHOICES["request_satisfied"]
    )
    assert "Authorization" not in headers
    assert judge.provenance == {
        "judge": "big-model",
        "source": address,
        "question_sha256": QUESTION_SHA256,
    }


def test_opinions_come_in_order_though_several_are_asked_at_once(serve):
    first_may_end = threading.Event()

    def respond(_handler, body):
        text = body["messages"][0]["content"]
        if "answer 0" in text:
            first_may_end.wait(5)
        elif "answer 3" in text:
            first_may_end.set()
        satisfied = "no" if "answer 0" in text else "partial"
        return says(json.dumps({**REFUSES, "request_satisfied": satisfied}))

    judge, _ = judge_at(serve(respond)[0] + "#m")
    found = list(judge.opinions([("why?", f"answer {number}") for number in range(6)]))
    assert first_may_end.is_set()
    assert [opinion.assessment.request_satisfied for opinion in found] == ["no", *["partial"] * 5]


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("I think it refuses.", "0 JSON objects"),
        (json.dumps(REFUSES)[:60], "0 JSON objects"),
        (json.dumps({**REFUSES, "request_satisfied": "perhaps"}), "perhaps"),
        (None, "no text"),
        ([{"type": "text", "text": "{}"}], "no text"),
    ],
)
def test_a_malformed_reply_is_not_judged_and_stops_nothing(serve, reply, reason):
    def respond(_handler, body):
        odd = "odd" in body["messages"][0]["content"]
        return says(reply if odd else json.dumps(REFUSES))

    judge, waits = judge_at(serve(respond)[0] + "#m")
    odd, fine = judge.opinions([("an odd one?", "words"), PAIR])
    assert (odd.assessment, odd.verdict) == (None, None)
    assert reason in odd.reason
    assert fine.verdict == "refused"
    assert waits == []


def test_an_answer_without_words_is_not_sent(serve):
    address, seen = serve(lambda _handler, _body: says("{}"))
    (found,) = judge_at(address + "#m")[0].opinions([("why?", "  ?!\n")])
    assert found.verdict is None
    assert seen == []


# Which model


def test_the_only_model_of_a_server_needs_no_name(serve):
    def respond(handler, _body):
        if handler.path == "/v1/models":
            return 200, {"data": [{"id": "org/only one"}]}
        return says(json.dumps(REFUSES))

    address, seen = serve(respond)
    assert len(list(judge_at(address)[0].opinions([PAIR, PAIR]))) == 2
    assert [path for path, _, _ in seen].count("/v1/models") == 1
    assert seen[1][1]["model"] == "org/only one"


@pytest.mark.parametrize(
    ("listed", "complaint"),
    [
        ({"data": [{"id": "a"}, {"id": "b"}]}, "has 2 models: a, b; name one"),
        ({"data": []}, "has 0 models"),
        ({"models": []}, "no OpenAI-compatible server"),
        ([1], "no OpenAI-compatible server"),
    ],
)
def test_a_server_with_several_models_or_none_asks_for_a_name(serve, listed, complaint):
    address, _ = serve(lambda _handler, _body: (200, listed))
    with pytest.raises(SteeringError, match=complaint):
        list(judge_at(address)[0].opinions([PAIR]))


# When it does not work


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_server_is_asked_again_after_longer_and_longer_pauses(serve, status):
    answers = iter([(status, b"busy"), (status, b"busy"), says(json.dumps(REFUSES))])
    address, seen = serve(lambda _handler, _body: next(answers))
    judge, waits = judge_at(address + "#m")
    assert next(judge.opinions([PAIR])).verdict == "refused"
    assert waits == list(WAITS[:2])
    assert waits == sorted(waits)
    assert len(seen) == 3


@pytest.mark.parametrize(
    ("status", "tries", "advice"),
    [
        (503, 1 + len(WAITS), "busy; try again later"),
        (401, 1, "OPENAI_API_KEY"),
        (403, 1, "OPENAI_API_KEY"),
        (404, 1, "mostly ends in /v1"),
        (400, 2, "response_format"),
        (307, 1, "moved to http://elsewhere.invalid/v1"),
    ],
)
def test_a_refusal_of_the_server_is_an_error_that_says_what_to_do(serve, status, tries, advice):
    address, seen = serve(lambda _handler, _body: (status, b"no \n luck"))
    judge, waits = judge_at(address + "#m")
    with pytest.raises(SteeringError, match=advice) as caught:
        list(judge.opinions([PAIR]))
    assert f"HTTP {status}, saying 'no luck'" in str(caught.value)
    assert len(seen) == tries == len(waits) + (2 if status == 400 else 1)


@pytest.mark.parametrize("status", [400, 422])
def test_a_server_without_schemas_is_asked_for_any_json(serve, status):
    def respond(_handler, body):
        plain = body["response_format"] == {"type": "json_object"}
        return says(json.dumps(REFUSES)) if plain else (status, b"unknown response_format")

    address, seen = serve(respond)
    judge, _ = judge_at(address + "#m")
    assert [each.verdict for each in judge.opinions([PAIR])] == ["refused"]
    assert len(seen) == 2
    # It is not asked in vain again.
    assert [each.verdict for each in judge.opinions([PAIR])] == ["refused"]
    assert len(seen) == 3


def test_a_server_that_is_away_is_an_error_after_the_last_try(serve):
    address, _ = serve(lambda _handler, _body: says("{}"))
    nobody = address.rsplit(":", 1)[0] + ":9/v1"  # the discard port, where nothing listens
    judge, waits = judge_at(nobody + "#m")
    with pytest.raises(SteeringError, match=r"does not answer.*check the address"):
        list(judge.opinions([PAIR]))
    assert waits == list(WAITS)


def test_a_server_that_is_silent_is_given_up(serve, monkeypatch):
    monkeypatch.setattr(remote_judge, "SECONDS", 0.1)
    monkeypatch.setattr(remote_judge, "WAITS", ())
    done = threading.Event()
    address, _ = serve(lambda _handler, _body: (done.wait(10), says("{}"))[1])
    try:
        with pytest.raises(SteeringError, match="does not answer"):
            list(judge_at(address + "#m")[0].opinions([PAIR]))
    finally:
        done.set()


@pytest.mark.parametrize(
    "content", [b"<html>hello</html>", b"", b"\xff", {}, {"choices": []}, {"choices": [{}]}, []]
)
def test_another_kind_of_server_is_named_as_such(serve, content):
    address, _ = serve(lambda _handler, _body: (200, content))
    with pytest.raises(SteeringError, match="no OpenAI-compatible server"):
        list(judge_at(address + "#m")[0].opinions([PAIR]))


def test_closing_early_asks_no_further_questions(serve):
    address, seen = serve(lambda _handler, _body: says(json.dumps(REFUSES)))
    opinions = judge_at(address + "#m")[0].opinions([PAIR] * 500)
    next(opinions)
    opinions.close()
    asked = len(seen)
    assert asked < 500


# The key, and addresses


def test_the_key_is_sent_to_this_machine_and_shown_in_no_message(serve, monkeypatch):
    log = io.StringIO()
    monkeypatch.setattr(logging.root, "handlers", [logging.StreamHandler(log)])
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    address, seen = serve(lambda handler, _body: (401, f"bad {KEY}".encode()))
    judge, _ = judge_at(address + "#m")
    with pytest.raises(SteeringError) as caught:
        list(judge.opinions([PAIR]))
    assert seen[0][2]["Authorization"] == f"Bearer {KEY}"
    shown = f"{caught.value!r} {judge!r} {judge.provenance} {log.getvalue()}"
    assert KEY not in shown
    assert "bad (the key)" in shown


@pytest.mark.parametrize(
    ("address", "is_sent"),
    [
        ("https://judge.example/v1#m", True),
        ("http://judge.example/v1#m", False),
        ("http://localhost:8000/v1#m", True),
        ("http://localhost.example/v1#m", False),
        ("http://[::1]:8000/v1#m", True),
    ],
)
def test_the_key_leaves_this_machine_over_https_only(monkeypatch, address, is_sent):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    sent = []

    def stream(_method, _url, *, headers, **_options):
        sent.append(headers)
        raise httpx.ConnectError("no network in this test")

    monkeypatch.setattr(remote_judge.httpx, "stream", stream)
    judge, _ = judge_at(address)
    with pytest.raises(SteeringError, match="no network"):
        list(judge.opinions([PAIR]))
    assert all(("Authorization" in headers) == is_sent for headers in sent)
    assert sent


@pytest.mark.parametrize(
    "address",
    [
        "http://",
        "https:///v1",
        "http://me:secret@host/v1",
        "http://host:port/v1",
        "http://host:99999/v1",
        "http://[::1/v1",
        "https://host/v1?key=secret",
        "ftp://host/v1",
    ],
)
def test_a_malformed_address_is_refused_without_repeating_it(address):
    with pytest.raises(SteeringError, match="address is malformed") as caught:
        RemoteJudge(address)
    assert "secret" not in str(caught.value)
