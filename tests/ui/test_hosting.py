"""The routes for programs, on the page as it is really served."""

import json
import os
import re
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from http.client import HTTPConnection
from itertools import pairwise
from pathlib import Path

import pytest
from gradio.context import LocalContext

import steering
from steering.inference import generation  # noqa: F401 - a hook on imports fails deep in threads
from steering.inference.comparison import compare
from steering.inference.sampling import Sampling
from steering.interventions.panel import parse
from steering.serving import safe_answers, zero_gpu
from steering.serving.allowance import Allowance
from steering.serving.engine import Engine, Supply
from steering.serving.status import Status
from steering.ui import hosting
from steering.ui.layout import HostLimits
from tests.helpers.engines import ready, until
from tests.helpers.launched import launched
from tests.helpers.tiny_models import without_end

ROOT = Path(__file__).resolve().parents[2]
SECRET = "Quokkas"
BODY = {"prompt": f"Tell me of {SECRET}", "panels": ["baseline", "ablation"], "max_new_tokens": 6}


@pytest.fixture(scope="module")
def engine(tiny, fitted):
    engine = ready(without_end(tiny), fitted)
    yield engine
    # The network is shared: a pass for somebody who has left would meet the next module's hooks.
    until(lambda: not engine.busy and not engine.steps.working)


@pytest.fixture(scope="module")
def client(engine):
    with launched(engine) as client:
        yield client


@pytest.fixture
def status(engine):
    """Let a test say how far the model is."""
    before = engine.status

    def said(phase, words="Words for a visitor."):
        engine.status = Status(phase, "tiny", words)

    yield said
    engine.status = before


def numbers(client):
    lines = client.get("/metrics").text.splitlines()
    pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {name.removeprefix("steering_"): float(value) for name, value in pairs}


def streamed(client, **more):
    with client.stream("POST", "/generate", json={**BODY, "stream": True, **more}) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/x-ndjson"
        return [json.loads(line) for line in answer.iter_lines()]


@pytest.mark.parametrize("phase", ["idle", "loading", "ready", "failed", "unfitted", "recorded"])
def test_up_is_up_and_ready_is_ready(client, status, phase):
    status(phase)
    found = client.get("/health")
    assert (found.status_code, found.json()) == (
        200,
        {"status": "ok", "version": steering.__version__},
    )
    can = phase in ("ready", "recorded")
    found = client.get("/ready")
    assert found.status_code == (200 if can else 503)
    assert found.json() == {"ready": can, "phase": phase, "status": "Words for a visitor."}
    assert numbers(client)["model_ready"] == (phase == "ready")


def test_the_page_is_still_there(client):
    assert "Refusal Steering Playground" in client.get("/").text
    assert client.get("/config").status_code == 200
    assert client.head("/health").status_code == 200


def test_a_page_says_what_it_has_drawn(client, engine):
    def drawn(**asked):
        return client.post("/drawn", params=asked).status_code

    with engine.paces.follow() as pace:
        assert [drawn(run=pace.id, update=each) for each in (1, "0", 10**30)] == [204] * 3
        assert drawn(run=pace.id, update=1, behind="true") == 204
        for wrong in ("", "-1", "1.5", "٣", "x"):
            assert drawn(run=pace.id, update=wrong) == 410
        assert drawn(run=pace.id) == drawn(update=1) == drawn() == 410
        assert client.get("/drawn").status_code == 405
    assert drawn(run=pace.id, update=1) == 410


def test_answers_are_those_of_compare_and_are_counted(client, engine):
    before = numbers(client)
    found = client.post("/generate", json=BODY).json()
    steerable, _ = engine.steerable()
    panels = [parse(text) for text in BODY["panels"]]
    *_, own = compare(steerable, BODY["prompt"], panels, sampling=Sampling(6))
    assert (found["model"], found["done"]) == ("tiny", True)
    for told, answer in zip(found["panels"], own, strict=True):
        assert told["panel"] == answer.panel
        assert told["text"] == answer.text
        assert (told["verdict"], told["looping"]) == (answer.verdict, answer.looping)
        assert told["refusal_probability"] == pytest.approx(answer.p_refusal, abs=1e-5)
        assert told["kl"] == pytest.approx(answer.kl, abs=1e-5)
        assert told["tokens"] == answer.tokens == 6
    after = numbers(client)
    assert after["tokens_written_total"] - before["tokens_written_total"] == 12
    assert after["runs_ended_total"] - before["runs_ended_total"] == 1
    assert after["first_word_seconds_count"] - before["first_word_seconds_count"] == 1


def test_a_stream_grows_and_ends_with_what_is_answered_at_once(client, engine):
    with slowed(engine):
        lines = streamed(client)
    assert len(lines) > 3
    assert [line["done"] for line in lines] == [False] * (len(lines) - 1) + [True]
    for slot in range(2):
        texts = [line["panels"][slot]["text"] for line in lines]
        assert all(later.startswith(text) for text, later in pairwise(texts))
        assert len({*texts}) > 2
    assert lines[-1] == client.post("/generate", json=BODY).json()


@contextmanager
def slowed(engine):
    """Let every pass take a while, so that a run can be met while it writes."""

    def wait(*_arguments):
        time.sleep(0.12)

    hook = engine.model.network.register_forward_pre_hook(wait)
    try:
        yield
    finally:
        hook.remove()


def refused(client, status_code, **kinds):
    found = client.post("/generate", **kinds)
    assert found.status_code == status_code, found.text
    assert found.json().keys() == {"error"}
    return found.json()["error"]


def test_mistakes_are_400_with_a_sentence(client):
    assert refused(client, 400, json={}) == (
        "The request is empty; write a sentence for the model to answer."
    )
    for body in ({"prompt": "Hi", "panels": ["flop\ud800"]}, {**BODY, "stream": True, "seed": -1}):
        said = refused(
            client,
            400,
            content=json.dumps(body),
            headers={"content-type": "application/json; charset=utf-8"},
        )
        assert said.endswith((".", "}"))
    assert "Content-Type" in refused(client, 400, content=json.dumps(BODY))
    long = {"content": b" " * 300_000, "headers": {"content-type": "application/json"}}
    assert "too long" in refused(client, 400, **long)
    assert client.get("/generate").status_code == 405


def test_what_only_the_model_can_refuse_is_400_in_a_stream_too(client):
    more = {**BODY, "max_new_tokens": 4096, "stream": True}
    assert refused(client, 400, json=more)


def test_a_full_line_is_429_and_no_model_503(client, engine, status):
    places, room, engine.places, engine.room = engine.places, engine.room, 0, 1
    with engine.run("ann"):
        assert "try again" in refused(client, 429, json=BODY)
        assert client.post("/generate", json=BODY).headers["retry-after"] == "60"
    engine.places, engine.room = places, room
    assert numbers(client)["runs_refused_total"] >= 1
    status("recorded", "No model runs.")
    assert refused(client, 503, json=BODY) == "No model can answer now: No model runs."


def test_a_gpu_that_is_not_lent_is_503_and_it_is_asked_for_on_the_caller_s_account(
    client, engine, monkeypatch
):
    whose = []

    def refuse(*_arguments, **_named):
        whose.append(LocalContext.request.get().headers["x-ip-token"])
        raise zero_gpu.NoGpuError("no GPU could be had")
        yield

    monkeypatch.setattr(engine.steps, "generate", refuse)
    for more in ({}, {"stream": True}):
        said = refused(client, 503, json=BODY | more, headers={"X-IP-Token": "ann's"})
        assert said == "No GPU could be had."
    assert whose == ["ann's"] * 2


def test_two_requests_at_once_share_steps(client, engine):
    begun = engine.counts.begun
    together = []

    def ask():
        streamed(client, max_new_tokens=20)

    with slowed(engine):
        threads = [threading.Thread(target=ask) for _ in range(2)]
        for thread in threads:
            thread.start()
        until(lambda: engine.counts.begun == begun + 2)
        together.append((len(engine._line), engine.waiting))
        for thread in threads:
            thread.join()
    assert together == [(2, 0)]


@pytest.mark.parametrize("stream", [True, False])
def test_whoever_leaves_ends_their_run(client, engine, stream):
    """The counter-check is `slowed`: left alone, this run would write all 150 tokens."""
    tokens = engine.counts.tokens
    body = json.dumps({**BODY, "max_new_tokens": 150, "stream": stream, "prompt": "Hi"})
    connection = HTTPConnection("127.0.0.1", client.base_url.port)
    with slowed(engine):
        connection.request("POST", "/generate", body, {"content-type": "application/json"})
        until(lambda: engine.counts.tokens > tokens)
        if stream:
            connection.getresponse().close()
        connection.close()
        until(lambda: not engine.wanted)
        until(lambda: not engine.steps.working)
    assert engine.counts.tokens - tokens < 2 * 150
    assert engine.counts.begun == engine.counts.ended


def test_no_word_of_a_request_is_in_the_numbers_or_the_log(client, capfd):
    client.post("/generate", json=BODY)
    refused(client, 400, json={**BODY, "panels": [SECRET]})
    assert SECRET not in client.get("/metrics").text
    said = capfd.readouterr()
    assert SECRET not in said.out + said.err


def test_the_example_of_the_documentation_runs(client, capsys):
    text = (ROOT / "docs" / "hosting.md").read_text("utf-8")
    (example,) = re.findall(r"```python\n(.+?)```", text, re.DOTALL)
    own = str(client.base_url).rstrip("/")
    exec(example.replace("http://127.0.0.1:7860", own), {})
    told = capsys.readouterr().out
    assert told.startswith("baseline: ")
    assert "\nablation: " in told


def test_every_number_and_key_is_in_the_documentation(client):
    text = (ROOT / "docs" / "hosting.md").read_text("utf-8")
    kinds = re.findall(r"^# TYPE (\S+) (\S+)$", client.get("/metrics").text, re.MULTILINE)
    told = re.findall(r"^\| `(steering_\S+)` \| (\w+) \|", text, re.MULTILINE)
    assert [each for each in kinds if not each[0].endswith("_created")] == told
    panel = client.post("/generate", json=BODY).json()["panels"][0]
    assert [key for key in panel if f"`{key}`" not in text] == []


def test_the_container_s_check_tells_a_server_that_is_up_from_none(client):
    line = re.search(r"^HEALTHCHECK .+? CMD (\[.+\])$", (ROOT / "Dockerfile").read_text(), re.M)
    _python, *words = json.loads(line[1])

    def check(port):
        known = {**os.environ, "GRADIO_SERVER_PORT": str(port), "http_proxy": "http://127.0.0.1:9"}
        return subprocess.run([sys.executable, *words], env=known, capture_output=True).returncode

    assert check(client.base_url.port) == 0
    assert check(9) == 1


def test_a_public_host_allows_what_its_page_allows():
    private, public = (
        hosting.limits_of(HostLimits(max_new_tokens=300, chooser=own)) for own in (True, False)
    )
    assert (private.most_tokens, public.most_tokens) == (4096, 300)
    assert (public.usual_tokens, public.most_panels) == (300, 6)
    assert hosting.limits_of(HostLimits(chooser=False)).most_tokens == 256


def test_on_a_public_host_what_the_untouched_model_declines_is_cut(engine, monkeypatch):
    monkeypatch.setattr(safe_answers, "_SELDOM", 0.0)  # the tiny model declines nothing by rule
    monkeypatch.setattr(safe_answers, "_DECLINES", ("answered", "evaded", "unjudged", "empty"))
    monkeypatch.setattr(safe_answers, "_first_sentence", lambda text: text[:3])
    body = BODY | {"panels": ["ablation"]}
    with launched(engine, HostLimits(chooser=False)) as public:
        lines = streamed(public, panels=["ablation"])
        (once,) = public.post("/generate", json=body).json()["panels"]
    assert [len(line["panels"]) for line in lines] == [1] * len(lines), "the baseline is not shown"
    for panel in [once, *(line["panels"][0] for line in lines if line["panels"][0]["withheld"])]:
        assert panel["text"].endswith(" …")
        assert len(panel["text"]) <= 5
    assert once["withheld"]
    assert once["tokens"] == 6
    assert once == lines[-1]["panels"][0]


def test_a_program_that_asks_too_often_is_429_until_it_may_again(client, engine):
    engine.allowance = Allowance(1, proxies=1)
    body, ann = BODY | {"max_new_tokens": 1}, {"x-forwarded-for": "forged, 192.0.2.1"}
    try:
        assert client.post("/generate", json=body, headers=ann).status_code == 200
        assert "1 runs a minute" in refused(client, 429, json=body, headers=ann)
        later = client.post("/generate", json=body | {"stream": True}, headers=ann)
        assert later.status_code == 429
        assert 50 <= int(later.headers["retry-after"]) <= 60
        bob = {"x-forwarded-for": "192.0.2.2"}
        assert client.post("/generate", json=body, headers=bob).status_code == 200
        mistake = {"prompt": ""}
        refused(client, 400, json=mistake, headers={"x-forwarded-for": "192.0.2.3"})
        ok = client.post("/generate", json=body, headers={"x-forwarded-for": "192.0.2.3"})
        assert ok.status_code == 200, "a mistake takes nothing"
    finally:
        engine.allowance = Allowance()


@pytest.mark.parametrize("path", ["/", "/health", "/config", "/gradio_api/info", "/nothing"])
def test_every_response_says_what_a_browser_may_do_with_it(client, path):
    found = client.get(path).headers
    assert "default-src 'self'" in found["content-security-policy"]
    assert found["x-content-type-options"] == "nosniff"


def test_no_event_is_open_to_programs_but_what_is_documented(client):
    assert client.get("/gradio_api/info").json()["named_endpoints"] == {}


def test_a_machine_that_is_slow_with_its_first_page_serves_it_all_the_same(fitted, monkeypatch):
    """Gradio asks for the page, waits three seconds, and says that localhost cannot be reached."""
    monkeypatch.setattr("gradio.networking.url_ok", lambda _: False)
    engine = Engine("tiny", Supply(None, lambda _: fitted, lambda _: ()))
    with launched(engine) as client:
        assert client.get("/health").status_code == 200


def test_behind_a_path_of_a_proxy_and_without_a_model_the_routes_are_there(fitted, monkeypatch):
    monkeypatch.setenv("GRADIO_ROOT_PATH", "/play")
    engine = Engine("tiny", Supply(None, lambda _: fitted, lambda _: ()))
    with launched(engine, HostLimits(chooser=False)) as client:
        # A proxy takes its path off, or leaves it.
        for path in ("/health", "/ready", "/play/health"):
            assert client.get(path).status_code == 200, path
        assert numbers(client)["model_ready"] == 0
        assert "no model runs" in refused(client, 503, json=BODY)
