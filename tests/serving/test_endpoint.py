"""Requests of programs: what is read, what is refused, and that they stand in the one line."""

import json

import pytest

from steering.errors import SteeringError
from steering.inference.comparison import compare
from steering.inference.sampling import Sampling
from steering.interventions.panel import DEFAULT_PANELS, parse, usual
from steering.serving import endpoint
from steering.serving.endpoint import EndpointLimits, NoModelError
from steering.serving.engine import Engine, Supply
from steering.serving.visitor_line import LineFullError
from tests.helpers.engines import ready
from tests.helpers.losing_steps import losing

LIMITS = EndpointLimits(usual_tokens=8, most_tokens=16, most_panels=3)


def asked(fitted, limits=None, **given):
    body = json.dumps({"prompt": "Hi", **given}).encode()
    return endpoint.read(body, fitted, limits or EndpointLimits(8))


@pytest.fixture
def engine(tiny, fitted):
    return ready(tiny, fitted)


def test_what_is_left_out_is_the_baseline_and_the_usual_panels_of_the_model(fitted):
    found = asked(fitted)
    assert [str(panel) for panel in found.panels] == list(usual(fitted))
    assert found.panels[0].name == "baseline"
    assert (found.system, found.stream) == ("", False)
    assert found.sampling == Sampling(8)


def test_what_is_given_is_what_is_asked(fitted):
    own = {"max_new_tokens": 3, "temperature": 0.5, "top_p": 0.9, "seed": 7}
    found = asked(fitted, panels=["flip:k=1"], system="Be brief.", stream=True, **own)
    assert found.sampling == Sampling(**own)
    assert (found.panels, found.system, found.stream) == ((parse("flip:k=1"),), "Be brief.", True)


MISTAKES = [
    ({"prompt": ""}, "the request is empty"),
    ({"prompt": "x" * 5000}, "the request is too long"),
    ({"prompt": "\ud800"}, "the request holds half a character"),
    ({"prompt": 3}, "prompt is not a text"),
    ({"prompt": None}, "prompt is not a text"),
    ({"system": "x" * 5000}, "the system prompt is too long"),
    ({"panels": []}, "there are 0 panels; allowed: 1 to 3"),
    ({"panels": ["baseline"] * 4}, "there are 4 panels"),
    ({"panels": "flip"}, "panels is not a list"),
    ({"panels": [3]}, "a panel is not a text"),
    ({"panels": ["flop"]}, "unknown panel 'flop'"),
    ({"panels": ["flip:k=9999"]}, "k=9999"),
    ({"panels": ["flip:layer=0"]}, "layer"),
    ({"max_new_tokens": 0}, "max_new_tokens=0 is out of range"),
    ({"max_new_tokens": 17}, "max_new_tokens=17 is more than this host allows; allowed: 1 to 16"),
    ({"max_new_tokens": 2.5}, "max_new_tokens is not a whole number"),
    ({"max_new_tokens": True}, "max_new_tokens is not a whole number"),
    ({"temperature": "hot"}, "temperature is not a number"),
    ({"temperature": float("nan")}, "temperature=nan is out of range"),
    ({"top_p": 0}, "top_p=0 is out of range"),
    ({"seed": -1}, "seed=-1 is out of range"),
    ({"stream": 1}, "stream is not true or false"),
    ({"promt": "Hi"}, "unknown key 'promt'; allowed: prompt, panels"),
]


@pytest.mark.parametrize(("given", "words"), MISTAKES, ids=[words for _, words in MISTAKES])
def test_a_mistake_is_a_sentence(given, words, fitted):
    with pytest.raises(SteeringError, match=words.replace("(", r"\(")):
        asked(fitted, LIMITS, **given)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff", b"[1]", b'"Hi"', b"null", b"[" * 100_000, b"9" * 5000], ids=str
)
def test_a_body_that_is_no_object_is_a_sentence(body, fitted):
    with pytest.raises(SteeringError, match="the body is not "):
        endpoint.read(body, fitted, LIMITS)


def test_answers_are_those_of_compare(engine, tiny, fitted):
    request = asked(fitted, panels=["ablation", "flip"], system="Be brief.")
    *_, found = [each for each in endpoint.answers(engine, request) if each]
    steerable, _ = engine.steerable()
    *_, own = compare(steerable, "Hi", request.panels, sampling=Sampling(8), system="Be brief.")
    assert [each.text for each in found] == [each.text for each in own]
    assert [each.kl for each in found] == pytest.approx([each.kl for each in own], abs=1e-5)
    assert [each.perplexity for each in found] == pytest.approx([each.perplexity for each in own])
    assert engine.counts.tokens == sum(each.tokens for each in own)
    assert (engine.counts.begun, engine.counts.ended) == (1, 1)


def test_where_answers_are_shown_safely_the_baseline_is_written_and_not_shown(engine, fitted):
    safe = EndpointLimits(8, safe=True)
    for panels, written in ((["flip"], 2), (["flip", "baseline"], 2), (["baseline"], 1)):
        request = asked(fitted, safe, panels=panels)
        *_, found = [each for each in endpoint.answers(engine, request) if each]
        assert len(found) == written
        shown = endpoint.document("tiny", request, found, done=True)["panels"]
        assert [each["panel"] for each in shown] == [each.panel for each in found[: len(panels)]]
    plain = asked(fitted, panels=["flip"])
    assert plain.written == plain.panels


def test_a_request_waits_for_those_that_came_before_and_says_that_it_does(engine, fitted):
    engine.room = 1
    with engine.run("ann"):
        growing = endpoint.answers(engine, asked(fitted))
        assert next(growing) is None
        assert engine.waiting == 1
    found = [each for each in growing if each is not None]
    assert len(found[-1]) == len(DEFAULT_PANELS)


def test_two_requests_at_once_share_the_steps(engine, fitted):
    one, other = (endpoint.answers(engine, asked(fitted, panels=["baseline"])) for _ in "12")
    engine.room = 2
    assert next(one)
    # The second writes while the first has not ended.
    assert next(other)
    assert engine.counts.ended == 0
    engine.room = 1
    with engine.run("ann"):
        assert engine.waiting == 2
    *_, first = one
    *_, second = other
    assert first[0].text == second[0].text


def test_closing_frees_the_place_whether_it_waits_or_writes(engine, fitted):
    engine.room = 1
    writing, waiting = (endpoint.answers(engine, asked(fitted)) for _ in "12")
    assert next(writing)
    assert next(waiting) is None
    waiting.close()
    assert engine.counts.ended == 1
    writing.close()
    assert engine.counts.ended == 2
    assert not engine.wanted


def test_a_full_line_is_an_error_of_its_own(tiny, fitted):
    engine = ready(tiny, fitted)
    engine.room, engine.places = 1, 0
    with engine.run("ann"), pytest.raises(LineFullError, match="try again"):
        next(endpoint.answers(engine, asked(fitted)))


def test_without_a_model_nothing_is_answered_and_loading_begins(fitted):
    recorded = Engine("tiny", Supply(None, lambda _: fitted, lambda _: ()))
    with pytest.raises(NoModelError, match=r"no model can answer now: .*no model runs$"):
        next(endpoint.answers(recorded, asked(fitted)))
    begun = []
    idle = Engine("tiny", Supply(lambda *_: None, lambda _: fitted, lambda _: ()))
    idle.start = lambda: begun.append(True)
    with pytest.raises(NoModelError, match="not been loaded yet; try again in a minute"):
        next(endpoint.answers(idle, asked(fitted)))
    assert begun == [True]
    assert idle.counts.begun == 0


def test_a_run_whose_replica_is_lost_is_answered_from_the_start(tiny, fitted, engine):
    request = asked(fitted, panels=["baseline"], max_new_tokens=8)
    *_, whole = endpoint.answers(engine, request)
    lost = ready(tiny, fitted, steps=losing(2))
    told = list(endpoint.answers(lost, request))
    assert told.count(None) == 1
    assert told[-1][0].text == whole[0].text
    assert lost.waiting == 0
    with pytest.raises(SteeringError, match="again and again"):
        list(endpoint.answers(ready(tiny, fitted, steps=losing(2, 2, 2)), request))
