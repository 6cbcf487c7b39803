"""What is served: the model's own directions, or those of somebody's contrast, and back."""

from dataclasses import replace

import pytest

from steering.contrasts.contrast_fit import ContrastSettings, fit_contrast
from steering.contrasts.text_lists import text_lists
from steering.errors import NotFittedError, SteeringError
from steering.interventions.openers import Opener, OpenerTable
from steering.interventions.panel import parse
from steering.serving import served
from steering.serving.engine import Engine
from steering.serving.served import refused
from steering.system.generators import returned
from tests.helpers.engines import charted_supply, ready, until
from tests.helpers.two_lists import ASKED, ORDERED


@pytest.fixture(scope="module")
def contrast(tiny):
    lists = text_lists(ASKED, ORDERED, ("asked", "ordered"))
    return returned(fit_contrast(tiny, lists, ContrastSettings(layers=(1, 3))))


@pytest.fixture
def engine(tiny, fitted, charted):
    recordings = ({"prompt": "A recorded request", "answers": []},)
    supply = replace(charted_supply(tiny, fitted, charted), recordings=lambda _: recordings)
    engine = Engine("tiny", supply)
    engine.start()
    until(lambda: engine.check is not None)
    return engine


def test_a_contrast_is_served_and_the_own_directions_come_back(engine, contrast):
    maps_id, measured_id, own = engine.maps_id, engine.measured_id, engine.outline
    assert engine.recording("A recorded request") is not None
    engine.capability = {"schema": 1, "model": "tiny", "source": "", "panels": []}
    engine.play(contrast.directions, contrast.maps)
    assert engine.contrast == ("asked", "ordered")
    assert engine.maps_id != maps_id
    assert engine.measured_id != measured_id
    steerable, _ = engine.steerable()
    assert steerable.directions.inlp_point == contrast.directions.inlp_point
    assert engine.tracer.trace("How do I wash it?", [parse("baseline"), parse("flip")]) is not None
    # Nothing that was recorded or measured is of these.
    assert engine.recording("A recorded request") is None
    assert (engine.evaluation, list(engine.sweep), engine.transfer) == (None, [], None)
    assert engine.capability is None
    engine.take_back()
    assert engine.contrast is None
    until(lambda: engine.check is not None)  # the maps are checked again
    assert engine.outline.inlp_point == own.inlp_point
    assert engine.recording("A recorded request") is not None


def test_refusal_is_told_by_the_same_first_tokens_as_before(engine, contrast):
    table = OpenerTable((Opener(70, "No", 0.6, 0.1, True),), 9, 9)
    engine.directions = replace(engine.directions, openers=table)
    assert engine.model.openers != {"No": 70}
    engine.play(contrast.directions, contrast.maps)
    assert engine.steps.model.openers == {"No": 70}


def test_a_contrast_without_a_model_is_an_error_and_changes_nothing(engine, contrast):
    engine.model, maps_id = None, engine.maps_id
    with pytest.raises(SteeringError, match="not there yet"):
        engine.play(contrast.directions, contrast.maps)
    assert engine.maps_id == maps_id
    assert engine.contrast is None


def test_a_contrast_of_another_model_or_shape_is_refused_and_changes_nothing(engine, contrast):
    maps_id, directions = engine.maps_id, engine.directions
    with pytest.raises(SteeringError, match="fitted on another"):
        engine.play(replace(contrast.directions, model="another"), contrast.maps)
    found = contrast.directions
    narrow = replace(
        found,
        difference=found.difference[..., :-1],
        harmless_mean=found.harmless_mean[..., :-1],
        inlp={},
        controls=None,
    )
    with pytest.raises(SteeringError):
        engine.play(narrow, contrast.maps)
    assert (engine.maps_id, engine.directions, engine.contrast) == (maps_id, directions, None)


def test_another_model_ends_a_contrast(engine, contrast):
    engine.play(contrast.directions, contrast.maps)
    engine.choose("other")
    assert engine.contrast is None


def test_a_model_without_directions_is_unfitted_and_any_other_fault_is_a_failure():
    assert refused("m", NotFittedError("none")).phase == "unfitted"
    assert refused("m", SteeringError("no")).phase == "failed"


def test_a_document_that_cannot_be_read_is_left_out_and_the_model_serves(tiny, fitted, monkeypatch):
    logged = []
    monkeypatch.setattr(served._logger, "warning", lambda _form, error: logged.append(str(error)))

    def broken(name):
        raise SteeringError(f"/somewhere/{name}.json has schema 99")

    for kind in ("harm", "patching", "capability", "transfer", "evaluation", "sweep"):
        engine = ready(tiny, fitted, **{kind: broken})
        assert not getattr(engine, kind)
        assert engine.status.phase == "ready"
        assert "somewhere" not in engine.status.sentence
        assert "/somewhere/tiny.json" in logged.pop()


def test_what_was_measured_keeps_its_name_until_it_is_another(tiny, fitted):
    told = [{"made": 1}]
    engine = ready(tiny, fitted, harm=lambda _name: dict(told[0]))
    first = engine.measured_id
    engine.take_instead(engine.model)
    assert engine.measured_id == first
    told[0] = {"made": 2}
    engine.take_instead(engine.model)
    assert engine.measured_id != first
