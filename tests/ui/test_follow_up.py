"""Follow-ups as a browser asks for them, on the tiny model and without a browser."""

import gradio as gr
import pytest

from steering.errors import SteeringError
from steering.ui import follow_up, replays, run_handlers, token_handlers
from tests.helpers.built_page import text_of, values_of, wired
from tests.helpers.engines import ready
from tests.ui.test_growing_cards import states


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch) -> None:
    """Look at the line again at once."""
    monkeypatch.setattr(run_handlers, "_POLL_SECONDS", 0)


@pytest.fixture(scope="module")
def ended(engine, made):
    *_, last = run_handlers.run(made, engine, "ann", values_of(made, slots=["flip"]))
    return last[made.answered]


def followed(made, engine, before, prompt="And then?", **options):
    values = values_of(made, prompt, **{"slots": ["flip"]} | options)
    values |= {made.follow: True, made.inspector.answers: before}
    return list(run_handlers.run(made, engine, "ann", values))


def view_of(updates, made, slot):
    card = next(card for card in made.cards if card.slot == slot)
    return [each[card.view] for each in updates if card.view in each][-1]


def note_of(updates, made):
    return [text_of(each[made.note]) for each in updates if isinstance(each.get(made.note), str)][
        -1
    ]


def test_a_follow_up_goes_on_with_each_card(engine, made, ended):
    updates = followed(made, engine, ended)
    after = updates[-1][made.answered]
    assert after.is_conversation
    assert not ended.is_conversation
    for slot in ("baseline", "flip"):
        first, second = after.talks[slot]
        assert first == ended.said[slot]
        assert (first.request, second.request) == ("Hi", "And then?")
        assert second.answer.verdict
        view = view_of(updates, made, slot)
        assert 'class="earlier"' in view
        assert "And then?" in view
    assert note_of(updates, made).startswith("Done after")
    # The map stays with the first request, and its answers.
    assert run_handlers.place_answers(made, engine, after) == gr.skip()
    third = followed(made, engine, after, "Why?")[-1][made.answered]
    assert [said.request for said in third.talks["flip"]] == ["Hi", "And then?", "Why?"]
    for part in (set(each) for each in updates):
        assert part <= set(run_handlers.run_outputs_of(made))


def test_without_the_tick_a_request_is_a_new_one(engine, made, ended):
    values = values_of(made, "And then?", slots=["flip"]) | {
        made.follow: False,
        made.inspector.answers: ended,
    }
    *_, last = run_handlers.run(made, engine, "ann", values)
    assert not last[made.answered].is_conversation


def test_a_card_that_is_switched_on_meanwhile_waits(engine, made, ended):
    updates = followed(made, engine, ended, slots=["flip", "ablation"])
    assert states(updates[0], made)["ablation"] == "joins"
    assert "ablation" not in updates[-1][made.answered].talks
    # One that missed a turn is out as well.
    alone = followed(made, engine, ended, slots=[])[-1][made.answered]
    updates = followed(made, engine, alone, "Why?")
    assert states(updates[0], made)["flip"] == "joins"


@pytest.mark.parametrize("fails", ["at once", "while it is written"])
def test_a_follow_up_that_fails_leaves_the_turns_before_it(engine, made, ended, monkeypatch, fails):
    compare = run_handlers.compare

    def breaks(*arguments, **options):
        if fails != "at once":
            yield next(compare(*arguments, **options))
        raise SteeringError("the conversation is too long")

    before = followed(made, engine, ended)[-1][made.answered]
    monkeypatch.setattr(run_handlers, "compare", breaks)
    updates = followed(made, engine, before, "Why?")
    assert "The conversation is too long" in note_of(updates, made)
    assert not any(made.answered in each for each in updates)
    shown = states(updates[-1], made)
    assert (shown["baseline"], shown["flip"]) == ("done", "done")
    view = view_of(updates, made, "flip")
    assert "And then?" in view
    assert "Why?" not in view


def test_a_stop_keeps_what_was_written_as_a_turn(engine, made, ended, monkeypatch):
    def stopped(_page, _engine, run):
        run.stop.set()
        yield from ()

    monkeypatch.setattr(run_handlers, "wait_for_turn", stopped)
    updates = followed(made, engine, ended)
    assert note_of(updates, made) == "Stopped before it began."
    assert states(updates[-1], made)["flip"] == "done"


def test_what_has_ended_a_conversation_is_one_sentence(tiny, fitted, engine, made, ended):
    updates = followed(made, engine, ended, system="Be brief.")
    assert "its system prompt was changed" in note_of(updates, made)
    updates = followed(made, engine, None)
    assert "There is no conversation to follow up" in note_of(updates, made)
    other = followed(made, ready(tiny, fitted), ended)
    assert "model or its directions were changed" in note_of(other, made)
    assert states(other[-1], made)["flip"] == "done"


def test_an_answer_of_a_conversation_is_looked_into_and_gone_on_from(engine, made, ended):
    after = followed(made, engine, ended)[-1][made.answered]
    told = token_handlers.look(engine, {"asked": 1, "slot": "flip"}, after)
    assert "problem" not in told
    values = values_of(made, slots=["flip"]) | {made.inspector.answers: after}
    given = {"slot": "baseline", "kept": 2, "target": "flip"}
    *_, last = token_handlers.go_on(made, engine, "ann", given, values)
    talk = last[made.answered].talks["flip"]
    # The words that are kept belong to the conversation that they were said in.
    assert talk[0] == after.talks["baseline"][0]
    assert talk[1].answer.token_ids[:2] == after.token_ids["baseline"][:2]
    assert last[made.answered].talks["baseline"] == after.talks["baseline"]


def bar(made, *, on, typed, ended):
    values = {made.follow: on, made.request: typed, made.inspector.answers: ended}
    return follow_up.turned(made, values)


def test_the_bar_says_what_is_sent(made, ended):
    on = bar(made, on=True, typed="Hi", ended=ended)
    assert on[made.run]["value"] == "Send"
    assert on[made.request]["value"] == ""
    assert "next message" in on[made.request]["placeholder"]
    assert bar(made, on=True, typed="Typed", ended=ended)[made.request]["value"] == "Typed"
    off = bar(made, on=False, typed=" ", ended=ended)
    assert (off[made.run]["value"], off[made.request]["value"]) == ("Run", "Hi")
    assert bar(made, on=False, typed="Typed", ended=None)[made.request]["value"] == "Typed"


def test_a_run_that_has_ended_can_be_followed_up(engine, made, ended):
    values = {made.answered: ended, made.request: "Hi"}
    found = follow_up.settled(made, values)
    assert found[made.follow]["interactive"] is True
    assert found[made.request] == gr.skip()
    after = followed(made, engine, ended)[-1][made.answered]
    sent = {made.answered: after, made.request: "And then?"}
    assert follow_up.settled(made, sent)[made.request] == ""
    # Whoever has typed on meanwhile keeps it.
    assert follow_up.settled(made, sent | {made.request: "And"})[made.request] == gr.skip()
    assert follow_up.settled(made, {made.answered: None, made.request: ""}) == {
        made.follow: gr.skip(),
        made.request: gr.skip(),
    }


def test_what_brings_other_cards_ends_the_conversation(engine, made):
    for updates in (
        run_handlers.restarted(made, engine),
        replays.replay(made, engine, made.read(values_of(made))),
    ):
        assert updates[made.follow]["value"] is False
        assert updates[made.follow]["interactive"] is False
    assert made.follow in run_handlers.outputs_of(made)
    # Gradio takes an update apart: each handler has its own.
    once, again = (replays.no_conversation(made)[made.follow] for _ in range(2))
    assert once == again
    assert once is not again


def test_the_tick_and_the_ends_of_runs_are_wired(tiny, fitted):
    demo, page = wired(ready(tiny, fitted))
    targets = [name for fn in demo.fns.values() for at, name in fn.targets if at == page.follow._id]
    assert "change" in targets
    ends = [fn for fn in demo.fns.values() if fn.outputs == [page.follow, page.request]]
    assert len(ends) == 2


def test_in_a_conversation_the_map_places_its_first_request(engine, made, ended, monkeypatch):
    placed = []
    monkeypatch.setattr(
        run_handlers, "placed_or_kept", lambda _made, _engine, asked: placed.append(asked.prompt)
    )
    values = values_of(made, "Half a follow-") | {made.inspector.answers: ended}
    for tick in (True, False):
        run_handlers.place(made, engine, values | {made.follow: tick})
    assert placed == ["Hi", "Half a follow-"]
