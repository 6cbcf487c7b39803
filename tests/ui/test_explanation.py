from dataclasses import replace

from steering.interventions.openers import Opener, OpenerTable
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


def test_the_facts_tell_the_openers_that_were_found_or_the_models_own(tiny, fitted):
    own = ", ".join(f"“{opener}”" for opener in tiny.openers)
    assert own in explanation.facts(ready(tiny, fitted))
    rows = (Opener(70, "No", 0.61, 0.014, True), Opener(71, "The", 0.3, 0.2, False))
    found = explanation.facts(ready(tiny, replace(fitted, openers=OpenerTable(rows, 20, 30))))
    assert "found in 50 answers: “No” (0.61 of refusals, 0.01 of answers)" in found
    assert "The" not in found.split("Refusal openers")[1].split("</dd>")[0]
    assert own not in found


def test_the_facts_tell_what_the_directions_tell_apart(tiny, fitted):
    assert "harmful against harmless, as written" in explanation.facts(ready(tiny, fitted))
    old = replace(fitted, dim_classes="behaviour", inlp_classes="label")
    told = explanation.facts(ready(tiny, old))
    assert "difference in means: refused against answered by this model; INLP: harmful" in told
    unknown = replace(fitted, dim_classes=None, inlp_classes=None)
    assert "Classes" not in explanation.facts(ready(tiny, unknown))
