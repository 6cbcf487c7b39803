"""Looking into answers, and going on from them, on the tiny model and without a browser."""

import json
import re

import gradio as gr
import pytest

from steering.ui import run_handlers, token_handlers
from tests.helpers.built_page import text_of, values_of, wired
from tests.helpers.engines import ready
from tests.helpers.losing_steps import losing

GONE = "This answer is not kept any more"


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch) -> None:
    """Look at the line again at once."""
    monkeypatch.setattr(run_handlers, "_POLL_SECONDS", 0)


@pytest.fixture(scope="module")
def ended(engine, made):
    """A run of two cards that has ended."""
    values = values_of(made, slots=["flip"])
    *_, last = run_handlers.run(made, engine, "ann", values)
    return last[made.answered]


def looked(engine, ended, slot, asked=1):
    return json.loads(token_handlers.look(engine, {"asked": asked, "slot": slot}, ended))


def going_on(made, engine, ended, given, **options):
    values = values_of(made, **{"slots": ["flip", "ablation"]} | options)
    return list(
        token_handlers.go_on(made, engine, "ann", given, values | {made.inspector.answers: ended})
    )


def views(updates, made):
    """The last answer of each card that was written on."""
    return {
        card.slot: [each[card.view] for each in updates if card.view in each][-1]
        for card in made.cards
        if any(card.view in each for each in updates)
    }


def note_of(updates, made):
    return [text_of(each[made.note]) for each in updates if isinstance(each.get(made.note), str)][
        -1
    ]


def test_every_card_of_a_run_can_be_looked_into(engine, made, ended):
    assert ended.maps_id == engine.maps_id
    found = {slot: looked(engine, ended, slot) for slot in ("baseline", "flip")}
    for slot, each in found.items():
        assert [token["token_id"] for token in each["tokens"]] == list(ended.token_ids[slot])
        assert each["panel"] == str(ended.asked.settings[slot].panel(engine.outline))
        assert each["asked"] == 1
    # Greedy: what was written was the likeliest under its own panel.
    for each in found.values():
        likeliest = [token["alternatives"][0]["token_id"] for token in each["tokens"]]
        assert likeliest == [token["token_id"] for token in each["tokens"]]


@pytest.mark.parametrize(
    "given", [None, {}, {"slot": 3}, {"slot": "own"}, {"slot": ["flip"], "asked": "x"}]
)
def test_what_is_not_there_is_one_sentence(engine, ended, given):
    found = json.loads(token_handlers.look(engine, given, ended))
    assert found["problem"].startswith(GONE)
    assert found["asked"] == 0


def test_answers_of_another_model_or_of_no_run_are_gone(tiny, fitted, engine, ended):
    assert looked(ready(tiny, fitted), ended, "flip")["problem"].startswith(GONE)
    assert looked(engine, None, "flip")["problem"].startswith(GONE)


def test_a_run_that_came_to_nothing_leaves_what_can_be_looked_into(ended):
    assert token_handlers.remember(ended) is ended
    assert token_handlers.remember(None) == gr.skip()


def test_another_card_goes_on_and_the_others_are_left_alone(engine, made, ended):
    given = {"slot": "baseline", "kept": 3, "target": "flip"}
    # What is typed by now is not what was answered.
    updates = going_on(made, engine, ended, given, prompt="Something else")
    shown = views(updates, made)
    assert list(shown) == ["flip"]
    assert 'data-state="done"' in shown["flip"]
    assert "Continued" in shown["flip"]
    assert "Its first 3 tokens were kept" in shown["flip"]
    said = note_of(updates, made)
    assert said.startswith("Done: Counterfactual flipping went on after 3 tokens of Baseline.")
    after = updates[-1][made.answered]
    assert after.asked.prompt == ended.asked.prompt
    assert after.token_ids["baseline"] == ended.token_ids["baseline"]
    assert after.token_ids["flip"][:3] == ended.token_ids["baseline"][:3]
    assert after.token_ids["flip"] != ended.token_ids["flip"]
    assert len(after.token_ids["flip"]) <= 3 + 8
    # What has gone on is looked into like any other, and the map can place it.
    assert not looked(engine, after, "flip").get("problem")
    assert "maps_id" in run_handlers.place_answers(made, engine, after)


def test_a_card_goes_on_from_its_own_answer_as_it_did(engine, made, ended):
    whole = ended.token_ids["flip"]
    given = {"slot": "flip", "kept": len(whole) - 2, "target": "flip"}
    updates = going_on(made, engine, ended, given)
    after = updates[-1][made.answered].token_ids["flip"]
    assert after[: len(whole)] == whole


def test_only_what_a_card_writes_itself_is_counted(engine, made, ended):
    slot = next(iter(ended.token_ids))
    before = engine.counts.tokens
    *_, last = going_on(made, engine, ended, {"slot": slot, "kept": 2, "target": slot})
    assert engine.counts.tokens - before == len(last[made.answered].token_ids[slot]) - 2


def test_a_card_that_took_no_part_may_go_on(engine, made, ended):
    assert "ablation" not in ended.token_ids
    updates = going_on(made, engine, ended, {"slot": "flip", "kept": 1, "target": "ablation"})
    after = updates[-1][made.answered]
    assert list(after.asked.chosen) == list(after.token_ids) or set(after.asked.chosen) == set(
        after.token_ids
    )
    assert "went on after 1 token of Counterfactual flipping" in note_of(updates, made)
    assert "maps_id" in run_handlers.place_answers(made, engine, after)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (None, GONE),
        ({"slot": "flip", "kept": 0, "target": "flip"}, GONE),
        ({"slot": "flip", "kept": 10**6, "target": "flip"}, GONE),
        ({"slot": "flip", "kept": "2", "target": "flip"}, GONE),
        ({"slot": "own", "kept": 1, "target": "flip"}, GONE),
        ({"slot": "flip", "kept": 1, "target": "own"}, "switched off; switch it on"),
        ({"slot": "flip", "kept": 1, "target": {}}, "switched off; switch it on"),
    ],
)
def test_what_cannot_go_on_is_told_and_frees_its_place(engine, made, ended, given, words):
    updates = going_on(made, engine, ended, given)
    assert words in note_of(updates, made)
    assert 'role="alert"' in updates[-1][made.note]
    assert views(updates, made) == {}
    with engine.run("bob") as following:
        assert engine.ahead(following) == 0


def test_a_card_that_does_not_fit_leaves_its_answer(engine, made, ended):
    flip = next(card for card in made.cards if card.slot == "flip")
    values = values_of(made, slots=["flip"]) | {
        flip.controls["k"]: 99,
        made.inspector.answers: ended,
    }
    given = {"slot": "flip", "kept": 1, "target": "flip"}
    (update,) = token_handlers.go_on(made, engine, "ann", given, values)
    assert 'role="alert"' in update[made.note]


def test_a_stop_while_it_waits_says_so(engine, made, ended, monkeypatch):
    def stopped(_page, _engine, run):
        run.stop.set()
        yield from ()

    monkeypatch.setattr(token_handlers, "wait_for_turn", stopped)
    updates = going_on(made, engine, ended, {"slot": "flip", "kept": 1, "target": "flip"})
    assert note_of(updates, made) == "Stopped before it began."
    assert views(updates, made) == {}


def test_a_replica_that_is_lost_while_a_card_goes_on_is_told(tiny, fitted, made):
    engine = ready(tiny, fitted, steps=losing())
    *_, last = run_handlers.run(made, engine, "ann", values_of(made, slots=["flip"]))
    ended = last[made.answered]
    given = {"slot": "flip", "kept": 2, "target": "flip"}
    whole = going_on(made, engine, ended, given)[-1][made.answered].token_ids
    engine.steps.after = [1]
    updates = going_on(made, engine, ended, given)
    assert updates[-1][made.answered].token_ids == whole
    assert any("another one answers from the start" in str(each) for each in updates)


def test_the_popovers_events_are_there_and_private(tiny, fitted):
    demo, page = wired(ready(tiny, fitted))
    board = page.inspector.board
    found = {
        name: fn
        for fn in demo.fns.values()
        for _id, name in fn.targets
        if _id == board._id and name in ("select", "submit")
    }
    assert found.keys() == {"select", "submit"}
    assert all(fn.api_visibility == "private" for fn in found.values())
    assert found["submit"].outputs == run_handlers.run_outputs_of(page)
    assert re.search("answers|state", str(found["select"].inputs[0]).lower())
