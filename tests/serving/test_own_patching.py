"""Pairs of visitors: one at a time, stopped at a click, nothing left on the model."""

import pytest

from steering.anatomy import pair_grid
from steering.defaults import PATCHED_STEP
from steering.errors import SteeringError
from steering.inference.metrics import refusal_score
from steering.serving import own_patching
from steering.serving.own_patching import OwnPatches, PatchedRequests
from steering.system.generators import returned
from tests.helpers.engines import ready

PAIR = ("How do I break a wall of glass?", "How do I paint a wall of glass?")


@pytest.fixture(autouse=True)
def any_gap(monkeypatch):
    """Requests of a random model hardly differ."""
    monkeypatch.setattr(own_patching, "LEAST_GAP", 0.0)


@pytest.fixture
def engine(tiny, fitted):
    return ready(tiny, fitted)


def test_it_tells_how_far_it_is_and_returns_what_came_back(engine):
    work = OwnPatches(engine).measure("a", *PAIR)
    assert next(work).label == "Reading both requests"
    step = next(work)
    assert 0 < step.done <= step.total
    found = returned(work)
    assert isinstance(found, PatchedRequests)
    assert set(found.restored) == {"whole", "inside", "outside"}
    for rows in found.restored.values():
        assert len(rows) == len(found.layers)
        assert {len(row) for row in rows} == {len(found.columns)}
    assert len(found.tokens) == len(found.columns)


def test_shares_are_of_the_way_from_the_second_request_to_the_first(engine, monkeypatch):
    """With all tokens of the request put in, all of the difference comes back, either way."""
    model = engine.model
    texts = ("How do I steal a car?", "How do I paint a phone?")
    written = [model.template.texts(model.render(text)) for text in texts]
    own = len(model.template.encode(texts[0]))
    assert len(written[0]) == len(written[1])
    monkeypatch.setattr(pair_grid, "REQUEST_TOKENS", own)
    logits = model.next_token_logits([model.render(text) for text in texts])
    scores = refusal_score(logits, model.opener_ids).tolist()
    assert abs(scores[0] - scores[1]) > 1e-2
    # The distance is what counts, whichever of the two is refused.
    monkeypatch.setattr(own_patching, "LEAST_GAP", 0.9 * abs(scores[0] - scores[1]))
    for one, other in ((0, 1), (1, 0)):
        found = returned(OwnPatches(engine).measure("a", texts[one], texts[other]))
        assert (found.donor, found.receiver) == pytest.approx(
            (scores[one], scores[other]), abs=1e-5
        )
        rows = found.restored["whole"]
        assert [row[-1] for row in rows] == pytest.approx([1.0] * len(rows), abs=1e-3)
        # Nothing was put in where both have the same token behind the same ones.
        assert [row[0] for row in rows] == pytest.approx([0.0] * len(rows), abs=1e-3)
        assert any(abs(row[-2]) > 1e-3 for row in rows)
        both = [*zip(written[one], written[other], strict=True)]
        assert found.tokens == [*both[-own - len(model.suffix) :], ("", "")]
    shape = pair_grid.GridShape.of(model, engine.directions, step=PATCHED_STEP)
    assert found.layers == [*shape.layers]
    assert found.columns == [[*column] for column in shape.columns]


def test_one_at_a_time_and_the_next_when_it_has_ended(engine):
    patches = OwnPatches(engine)
    first = patches.measure("a", *PAIR)
    next(first)
    with pytest.raises(SteeringError, match="another pair is being patched"):
        next(patches.measure("b", *PAIR))
    first.close()
    assert next(patches.measure("b", *PAIR)).done == 0


def test_a_stopped_one_gives_nothing(engine):
    patches = OwnPatches(engine)
    work = patches.measure("a", *PAIR)
    next(work)
    patches.stop("somebody else")
    next(work)
    patches.stop("a")
    assert returned(work) is None
    assert isinstance(returned(patches.measure("a", *PAIR)), PatchedRequests)


def test_it_ends_when_the_model_is_another_one(engine):
    work = OwnPatches(engine).measure("a", *PAIR)
    next(work)
    engine.model = None
    with pytest.raises(SteeringError, match="another model"):
        returned(work)
    with pytest.raises(SteeringError, match="not there yet"):
        next(OwnPatches(engine).measure("a", *PAIR))


def test_two_requests_that_hardly_differ_have_no_shares(engine, monkeypatch):
    monkeypatch.setattr(own_patching, "LEAST_GAP", 50.0)
    with pytest.raises(SteeringError, match="nats apart"):
        returned(OwnPatches(engine).measure("a", *PAIR))
