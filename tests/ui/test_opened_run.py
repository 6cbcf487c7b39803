"""A run of a file or a link on the page, on the tiny model."""

import json
from dataclasses import replace

import gradio as gr
import pytest

from steering.artifacts import saved_runs
from steering.errors import SteeringError
from steering.inference import comparison
from steering.maps.steerable_model import SteerableModel
from steering.ui import opened_run
from steering.ui.playground import ended_runs
from steering.ui.playground.asked import Said
from tests.helpers.ended import ended

EVIL = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def run(tiny, fitted, engine):
    found = ended(SteerableModel(tiny, fitted), slots=("baseline", "flip"), system="Be brief.")
    document = json.dumps(ended_runs.document(found))
    return replace(saved_runs.parsed(document, "x"), model=engine.name)


def of(made, updates):
    return {card.slot: str(updates[card.view]) for card in made.cards}


@pytest.mark.parametrize(("source", "word"), [("saved", "Saved"), ("shared", "Shared")])
def test_a_run_is_shown_as_it_was_and_marked(made, engine, run, source, word, monkeypatch):
    monkeypatch.setattr(comparison, "compare", None)  # whatever runs would be an error
    shown = opened_run.opened(made, engine, run, source)
    views = of(made, shown.updates)
    for slot, (turn,) in zip(("baseline", "flip"), run.turns, strict=True):
        assert f'data-state="{source}"' in views[slot]
        assert f'<span class="word">{word}</span>' in views[slot]
        assert f'data-verdict="{turn.answer.verdict}"' in views[slot]
        assert "tokens" in views[slot]
    assert 'data-state="off"' in views["ablation"]
    cards = {card.slot: card for card in made.cards}
    assert shown.updates[cards["flip"].on]["value"] is True
    assert shown.updates[cards["ablation"].on]["value"] is False
    # A card whose form is another than its answer's would be marked as stale.
    assert f'data-panel="{run.turns[1][0].answer.panel}"' in views["flip"]
    assert shown.updates[made.request] == run.turns[0][0].request
    assert shown.updates[made.shared.system] == "Be brief."
    assert shown.updates[made.shared.length] == 6
    assert shown.updates[made.follow]["interactive"] is False
    assert shown.asked.chosen.keys() == {"baseline", "flip"}


def test_of_another_model_only_texts_and_verdicts_are_shown(made, engine, run):
    other = replace(run, model=EVIL)
    shown = opened_run.opened(made, engine, other, "saved").updates
    note = str(shown[made.note])
    assert "another model, &lt;img" in note
    assert "<img" not in note
    views = of(made, shown)
    ours = of(made, opened_run.opened(made, engine, run, "saved").updates)
    turn = run.turns[1][0]
    assert f'data-verdict="{turn.answer.verdict}"' in views["flip"]
    # Its numbers would be taken for this model's.
    assert f"<dd>{turn.answer.tokens}</dd>" not in views["flip"]
    assert f"<dd>{turn.answer.tokens}</dd>" in ours["flip"]
    card = next(each for each in made.cards if each.slot == "flip")
    assert not set(card.controls.values()) & set(shown)
    assert turn.answer.panel in shown[card.form]
    assert str(shown[card.tokens]) == str(shown[made.cards[3].tokens])


def test_a_conversation_is_shown_whole_and_the_request_is_its_first(made, engine, run):
    turns = tuple(
        (turn, replace(turn, request="And then?", answer=replace(turn.answer, text=EVIL)))
        for (turn,) in run.turns
    )
    shown = opened_run.opened(made, engine, replace(run, turns=turns), "shared").updates
    flip = of(made, shown)["flip"]
    assert flip.count('<details class="earlier"') == 1
    assert "And then?" in flip
    assert "<img" not in flip
    assert shown[made.request] == run.turns[0][0].request


def test_a_panel_that_no_card_has_goes_to_the_own_edit_and_a_third_is_refused(made, engine, run):
    titles = ("Baseline", "Counterfactual flipping", "Your own edit")
    turns = (*run.turns, run.turns[1])
    two = replace(run, titles=titles, turns=turns)
    views = of(made, opened_run.opened(made, engine, two, "saved").updates)
    assert 'data-state="saved"' in views["own"]
    three = replace(run, titles=(*titles, "Counterfactual flipping"), turns=(*turns, run.turns[1]))
    with pytest.raises(SteeringError, match="more like flip"):
        opened_run.opened(made, engine, three, "saved")


def test_settings_that_these_directions_do_not_have_leave_the_card_as_it_is(made, engine, run):
    (turn,) = run.turns[1]
    strange = replace(turn, answer=replace(turn.answer, panel="flip:k=99"))
    shown = opened_run.opened(
        made, engine, replace(run, turns=(run.turns[0], (strange,))), "saved"
    ).updates
    card = next(each for each in made.cards if each.slot == "flip")
    assert not set(card.controls.values()) & set(shown)
    assert "flip:k=99" in shown[card.form]
    assert shown[card.on] == gr.update(value=True)


def test_what_is_shown_can_be_said_again(run):
    (turn,) = run.turns[1]
    assert Said(turn.request, turn.answer, str(turn.panel), turn.sampling).turn == turn.turn
