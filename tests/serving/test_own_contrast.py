"""Contrasts of visitors: one at a time, stopped at a click, nothing left on the model."""

from dataclasses import replace

import pytest

from steering.contrasts.contrast_fit import ContrastSettings
from steering.contrasts.text_lists import text_lists
from steering.errors import SteeringError
from steering.serving.own_contrast import OwnContrasts
from steering.system.generators import returned
from tests.helpers.engines import ready
from tests.helpers.two_lists import ASKED, ORDERED

LISTS = text_lists(ASKED, ORDERED, ("asked", "ordered"))
SETTINGS = ContrastSettings(layers=(1, 3))


@pytest.fixture
def engine(tiny, fitted):
    return ready(tiny, fitted)


def hooks(model) -> int:
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.network.modules())


def test_a_fit_tells_how_far_it_is_and_returns_what_was_found(engine):
    fitting = OwnContrasts(engine).fit("a", LISTS, SETTINGS)
    assert next(fitting).label == "Reading the texts"
    found = returned(fitting)
    assert found.separates
    assert found.directions.class_names == ("asked", "ordered")


def test_one_at_a_time_and_the_next_when_it_has_ended(engine):
    contrasts = OwnContrasts(engine)
    first = contrasts.fit("a", LISTS, SETTINGS)
    next(first)
    with pytest.raises(SteeringError, match="another contrast is being fitted"):
        next(contrasts.fit("b", LISTS, SETTINGS))
    first.close()
    assert next(contrasts.fit("b", LISTS, SETTINGS)).done == 0


def test_a_stopped_fit_gives_nothing_and_leaves_no_hook(engine):
    contrasts, before = OwnContrasts(engine), hooks(engine.model)
    fitting = contrasts.fit("a", LISTS, SETTINGS)
    next(fitting)
    next(fitting)
    contrasts.stop("somebody else")
    next(fitting)
    contrasts.stop("a")
    assert returned(fitting) is None
    assert hooks(engine.model) == before
    assert returned(contrasts.fit("a", LISTS, SETTINGS)) is not None


def test_a_fit_ends_when_the_model_is_another_one(engine):
    fitting = OwnContrasts(engine).fit("a", LISTS, SETTINGS)
    next(fitting)
    engine.model = None
    with pytest.raises(SteeringError, match=r"another model .* is gone"):
        returned(fitting)


def test_where_only_recordings_are_played_it_says_so(engine):
    engine.status = replace(engine.status, phase="recorded")
    with pytest.raises(SteeringError, match="no model runs here"):
        next(OwnContrasts(engine).fit("a", LISTS, SETTINGS))


def test_without_a_model_it_says_so(engine):
    engine.model = None
    with pytest.raises(SteeringError, match="not there yet"):
        next(OwnContrasts(engine).fit("a", LISTS, SETTINGS))
