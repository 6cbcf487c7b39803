from steering.models.inspection import inspect
from steering.ui import explanation, run_handlers
from tests.helpers import templates
from tests.helpers.built_page import values_of
from tests.helpers.engines import ready
from tests.helpers.templates import tokenizer_with
from tests.helpers.tiny_models import CHATML


def test_choosing_to_think_changes_the_template_and_refuses_directions_fitted_without(
    tiny, fitted, made
):
    engine = ready(inspect(tiny.name, tiny.network, tokenizer_with(templates.SWITCHED)), fitted)
    off = engine.model
    assert "off: it is closed" in explanation.facts(engine)
    engine.think("off")
    assert engine.model is off
    engine.think("on")
    assert engine.model.template.mode.thinking == "on"
    assert "on: the first token that is measured is that of the thinking" in explanation.facts(
        engine
    )
    updates = list(run_handlers.run(made, engine, "ann", values_of(made)))
    assert "fitted with thinking off" in updates[-1][made.note]


def test_the_facts_tell_the_day_that_a_template_writes(tiny, fitted):
    dated = inspect(tiny.name, tiny.network, tokenizer_with(templates.DATED))
    assert "here it is always 2024-07-26" in explanation.facts(ready(dated, fitted))
    plainly = inspect(tiny.name, tiny.network, tokenizer_with(CHATML))
    assert "always" not in explanation.facts(ready(plainly, fitted))
