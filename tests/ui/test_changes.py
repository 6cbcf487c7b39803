"""Another model, mode or speed, and what the page shows of it."""

from dataclasses import replace

import gradio as gr
import pytest

from steering.models.inspection import inspect
from steering.serving.speed_switch import Switch
from steering.ui import changes
from steering.ui.layout import HostLimits
from tests.helpers import templates
from tests.helpers.built_page import laid_out
from tests.helpers.engines import ready, until
from tests.helpers.templates import tokenizer_with


@pytest.fixture(scope="module")
def thinker(tiny, fitted):
    return ready(inspect(tiny.name, tiny.network, tokenizer_with(templates.SWITCHED)), fitted)


def test_thinking_can_be_chosen_where_the_template_has_it_and_the_host_allows_it(
    thinker, engine, made
):
    update = changes._thinking(made, thinker)
    assert update[made.thinking] == gr.update(visible=True, value="off")
    update = changes._thinking(made, engine)
    assert update[made.thinking] == gr.update(visible=False)
    public = laid_out(thinker, HostLimits(chooser=False))
    assert public.thinking is None
    assert changes._thinking(public, thinker) == {}


def test_an_emptied_list_of_models_changes_no_model(engine, made):
    before = engine.model
    updates = changes._choose(made, engine, None)
    assert engine.model is before
    assert made.cards[0].view not in updates


@pytest.fixture
def hurried(tiny, fitted):
    """An engine that can be served with fast products, too."""
    fast = replace(tiny, number_format=replace(tiny.number_format, parts=1))
    loaded = {"exact": tiny, "fast": fast}
    return ready(tiny, fitted, at_speed=lambda _, speed: loaded[speed])


def test_products_can_be_chosen_where_there_is_a_choice_and_the_host_allows_it(
    hurried, engine, made
):
    assert changes._speed(made, hurried)[made.speed] == gr.update(
        visible=True, value="exact", info=""
    )
    assert changes._speed(made, engine)[made.speed] == gr.update(visible=False)
    public = laid_out(hurried, HostLimits(chooser=False))
    assert public.speed is None
    assert changes._speed(public, hurried) == {}


def test_a_change_of_products_is_told_while_it_loads_and_why_it_failed(hurried, made):
    hurried.switch = Switch(to="fast")
    shown = changes.tick(made, hurried)
    assert shown[made.speed]["value"] == "fast"
    assert shown[made.speed]["info"].startswith("Loading")
    assert shown[made.timer].value == 0.5
    hurried.switch = Switch(said="Too far off.")
    shown = changes.tick(made, hurried)
    assert (shown[made.speed]["value"], shown[made.speed]["info"]) == ("exact", "Too far off.")
    assert shown[made.timer].value > 0.5


@pytest.mark.parametrize("sent", ["fast", "quick", None, ["fast"]])
def test_only_products_that_there_are_can_be_asked_for(hurried, made, sent):
    changes._hurry(made, hurried, sent)
    until(lambda: not hurried.switch.to)
    assert (hurried.model.number_format.parts == 1) == (sent == "fast")
    assert ("fast" in changes._speed(made, hurried)[made.speed]["value"]) == (sent == "fast")
