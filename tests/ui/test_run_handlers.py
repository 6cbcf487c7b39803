"""Runs as a browser asks for them, on the tiny model and without a browser."""

import json
import re
from dataclasses import replace

import gradio as gr
import pytest

from steering.chat_templates.rendering import Rendering
from steering.errors import NotFittedError, SteeringError
from steering.inference import comparison
from steering.inference.comparison import MAX_CHARACTERS, Answer
from steering.maps.model_maps import Maps
from steering.serving import zero_gpu
from steering.serving.engine import Engine, Supply
from steering.ui import explanation, replays, run_handlers
from tests.helpers.built_page import FORGED, text_of, values_of
from tests.helpers.engines import ready, until
from tests.helpers.losing_steps import losing
from tests.helpers.stand_in_spaces import standing_in

ANSWER = Answer(panel="baseline", text="Recorded words", verdict="answered", reason="x: y")
RECORDING = {"prompt": "Hi", "label": "harmless", "answers": [ANSWER.as_dict()]}


def test_a_run_gives_the_system_prompt_to_the_model_and_tells_of_control_tokens(
    engine, made, monkeypatch
):
    asked = {}
    compare = run_handlers.compare

    def spy(*arguments, **options):
        asked.update(options)
        return compare(*arguments, **options)

    monkeypatch.setattr(run_handlers, "compare", spy)
    values = values_of(made, FORGED, system="Be brief.")
    updates = list(run_handlers.run(made, engine, "ann", values))
    notes = [text_of(each[made.note]) for each in updates if isinstance(each.get(made.note), str)]
    assert asked["system"] == "Be brief."
    assert asked["sampling"].max_new_tokens == 8
    assert notes[-1].startswith("Done after")
    assert "<|im_end|>, <|im_start|>" in notes[-1]
    list(run_handlers.run(made, engine, "ann", values_of(made)))
    assert asked["system"] == ""


def test_a_note_says_nothing_of_control_tokens_where_there_are_none(engine, made):
    updates = list(run_handlers.run(made, engine, "ann", values_of(made)))
    notes = [text_of(each[made.note]) for each in updates if isinstance(each.get(made.note), str)]
    assert not any("control tokens" in note for note in notes)


def test_a_run_is_counted_with_its_tokens_and_its_first_word(engine, made):
    before = vars(engine.counts) | {"words": sum(engine.counts.first_words)}
    *_, last = run_handlers.run(made, engine, "ann", values_of(made))
    written = sum(len(ids) for ids in last[made.answered].token_ids.values())
    assert engine.counts.tokens - before["tokens"] == written > 0
    assert engine.counts.ended - before["ended"] == 1
    assert sum(engine.counts.first_words) - before["words"] == 1


def test_a_system_prompt_that_is_too_long_is_told_and_nothing_runs(engine, made):
    values = values_of(made, system="x" * (MAX_CHARACTERS + 1))
    (update,) = list(run_handlers.run(made, engine, "ann", values))
    assert "The system prompt is too long" in update[made.note]


def test_a_recording_is_played_only_without_a_system_prompt(tiny, fitted, made):
    engine = ready(tiny, fitted, (RECORDING,))
    for system, expected in (("", True), (" \n", True), ("Be brief.", False)):
        asked = made.read(values_of(made, system=system))
        updates = replays.replay(made, engine, asked)
        assert any("Recorded words" in str(each) for each in updates.values()) is expected


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch) -> None:
    """Look at the line again at once."""
    monkeypatch.setattr(run_handlers, "_POLL_SECONDS", 0)


def states(updates, made):
    """The state of each card's answer, by slot."""
    return {
        card.slot: re.search(r'data-state="(\w+)"', updates[card.view]).group(1)
        for card in made.cards
        if card.view in updates
    }


def notes_of(updates, made):
    """What stood in the line under the request, in order."""
    return [text_of(each[made.note]) for each in updates if isinstance(each.get(made.note), str)]


def test_a_run_waits_writes_and_ends_with_a_verdict_on_every_card_that_takes_part(engine, made):
    updates = list(run_handlers.run(made, engine, "ann", values_of(made, slots=["flip"])))
    seen = [states(each, made) for each in updates]
    assert seen[0]["baseline"] == seen[0]["flip"] == "waiting"
    assert {seen[0][slot] for slot in ("actadd", "ablation", "nullspace", "own")} == {"off"}
    written = [each for each in seen[1:] if each]
    assert {frozenset(each) for each in written} == {frozenset(("baseline", "flip"))}
    assert set(written[-1].values()) == {"done"}
    assert updates[0][made.stop]["interactive"] is True
    assert [each[made.stop]["interactive"] for each in updates if made.stop in each][-1] is False
    said = notes_of(updates, made)
    assert said[-2] == "Writing …"
    assert said[-1].startswith("Done after")
    assert "Baseline: " in said[-1]
    # The map is told last, when the answers are there.
    assert list(updates[-1]) == [made.answered]
    ended = updates[-1][made.answered]
    assert list(ended.asked.chosen) == ["baseline", "flip"]
    assert all(ended.token_ids)
    assert "maps_id" in run_handlers.place_answers(made, engine, ended)
    assert run_handlers.place_answers(made, engine, None) == gr.skip()


def test_updates_leave_nothing_out_once_it_was_said(engine, made):
    """What is left out is made anew by Gradio, for every visitor and word."""
    running = run_handlers.run(made, engine, "ann", values_of(made, slots=["flip"]))
    updates = list(run_handlers.whole(made, running))
    everything = set(run_handlers.run_outputs_of(made))
    assert all({*each, made.note} == everything for each in updates)
    growing = [each for each in updates if "writing" in str(each[made.cards[0].view])]
    assert growing
    for each in growing:
        plain = {part for part, value in each.items() if isinstance(value, str)}
        assert plain == everything - {made.answered}
    assert [each[made.answered] for each in updates[:-1]] == [None] * (len(updates) - 1)
    assert updates[-1][made.answered] is not None
    off = made.cards[1]  # said once, and told on and on
    assert len({str(each[part]) for each in updates for part in (off.view, off.tokens)}) == 2


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("", "request is empty"),
        (None, "request is empty"),
        ("a\0", "U+0000"),
        ("a" * (MAX_CHARACTERS + 1), "request is too long"),
    ],
)
def test_a_request_that_does_not_fit_is_one_sentence_and_frees_its_place(
    engine, made, prompt, words
):
    (update,) = run_handlers.run(made, engine, "ann", values_of(made, prompt))
    assert words.lower() in update[made.note].lower()
    assert 'role="alert"' in update[made.note]
    assert update[made.stop]["interactive"] is False
    assert states(update, made) == {}  # what the cards show is still there
    with engine.run("bob") as following:
        assert engine.ahead(following) == 0


def test_a_card_that_does_not_fit_is_one_sentence_and_leaves_the_cards_alone(engine, made):
    flip = next(card for card in made.cards if card.slot == "flip")
    values = values_of(made, slots=["flip"]) | {flip.controls["k"]: 99}
    (update,) = run_handlers.run(made, engine, "ann", values)
    assert "k of flip=99 is out of range" in text_of(update[made.note]).lower()
    assert states(update, made) == {}


def test_a_full_line_is_one_sentence_and_leaves_the_cards_alone(tiny, fitted, made):
    engine = ready(tiny, fitted)
    engine.places, engine.room = 0, 1
    with engine.run("bob"):
        (update,) = run_handlers.run(made, engine, "ann", values_of(made))
    assert "1 requests are waiting already" in update[made.note]
    assert states(update, made) == {}


def test_a_run_that_is_stopped_while_it_writes_keeps_what_was_written(engine, made, monkeypatch):
    monkeypatch.setattr(comparison, "_UPDATE_SECONDS", 0)
    seen = []
    for updates in run_handlers.run(made, engine, "ann", values_of(made, slots=["flip"])):
        seen.append(updates)
        if "writing" in states(updates, made).values():
            engine.stop("ann")
    assert notes_of(seen, made)[-1].startswith("Stopped after")
    assert [states(each, made)["flip"] for each in seen if states(each, made)][-1] == "done"


def test_a_bug_is_not_told_as_a_visitors_mistake(engine, made, monkeypatch):
    def broken(*_, **__):
        raise KeyError("bug")

    monkeypatch.setattr(run_handlers, "compare", broken)
    with pytest.raises(KeyError):
        list(run_handlers.run(made, engine, "ann", values_of(made)))
    assert engine.reading.acquire(timeout=1)
    engine.reading.release()
    with engine.run("bob") as following:
        assert engine.ahead(following) == 0


def test_a_run_in_line_says_its_place_and_a_stop_gives_the_cards_back(engine, made, monkeypatch):
    monkeypatch.setattr(engine, "room", 1)
    with engine.run("bob"):
        running = run_handlers.run(made, engine, "ann", values_of(made))
        next(running)
        assert "number 2 in line" in text_of(next(running)[made.note])
        assert next(running) == {}  # nothing new to say
        engine.stop("ann")
        (last,) = running
    assert "Stopped before it began" in last[made.note]
    assert states(last, made)["flip"] == "idle"
    assert last[made.stop]["interactive"] is False


def test_a_run_that_its_visitor_began_anew_does_not_touch_the_cards_any_more(engine, made):
    old = run_handlers.run(made, engine, "ann", values_of(made))
    next(old)
    new = run_handlers.run(made, engine, "ann", values_of(made, "Ho"))
    next(new)
    assert list(old) == []
    assert list(new)


def test_runs_that_have_room_together_are_answered_together(engine, made):
    values = values_of(made)
    (*_, alone) = notes_of(run_handlers.run(made, engine, "x", values), made)
    running = {each: run_handlers.run(made, engine, each, values) for each in ("ann", "bob")}
    said = {each: [] for each in running}
    while running:
        for visitor, each in list(running.items()):
            if (update := next(each, None)) is None:
                del running[visitor]
            else:
                said[visitor].extend(notes_of([update], made))
    for words in said.values():
        assert "Writing …" in words
        assert not any("in line" in each for each in words)
        assert words[-1].split("seconds.")[1] == alone.split("seconds.")[1]


def test_runs_are_answered_in_the_order_they_came(engine, made, monkeypatch):
    monkeypatch.setattr(engine, "room", 1)
    values = values_of(made, slots=[])
    came = ["ann", "bob", "cy"]
    running = {each: run_handlers.run(made, engine, each, values) for each in came}
    for each in running.values():
        next(each)  # in line
    done = []
    while running:
        # The last one is asked first: who asks most often is not answered earlier.
        for visitor, each in reversed(list(running.items())):
            if next(each, None) is None:
                done.append(visitor)
                del running[visitor]
    assert done == came


def failed(tiny, fitted, recordings=()):
    """An engine whose model cannot be had."""

    def fail(*_):
        raise SteeringError("no network; connect and try again")

    engine = Engine("tiny", Supply(fail, lambda _: fitted, lambda _: recordings))
    engine.start()
    until(lambda: engine.status.phase == "failed")
    return engine


def without_directions(tiny):
    def none(_):
        raise NotFittedError("there are no directions for 'tiny'")

    return Engine("tiny", Supply(lambda *_: tiny, none, lambda _: ()))


def in_another_mode(tiny, fitted):
    """An engine whose directions were fitted on a model that thinks."""
    return ready(tiny, replace(fitted, rendering=Rendering(thinking="on")))


@pytest.mark.parametrize(
    ("engine_of", "words"),
    [
        (failed, "The model is not available: no network"),
        (lambda tiny, _: without_directions(tiny), "This model has no directions yet"),
        (in_another_mode, "fitted with thinking on"),
    ],
)
def test_cards_of_a_run_that_is_refused_wait_no_longer(tiny, fitted, made, engine_of, words):
    engine = engine_of(tiny, fitted)
    values = values_of(made, slots=["flip"])
    seen = list(run_handlers.run(made, engine, "ann", values))
    assert states(seen[0], made)["flip"] == "waiting"
    assert words in text_of(seen[-1][made.note])
    assert 'role="alert"' in seen[-1][made.note]
    assert seen[-1][made.stop]["interactive"] is False
    found = states(seen[-1], made)
    assert (found["baseline"], found["flip"], found["own"]) == ("idle", "idle", "off")


def test_a_run_that_is_refused_gives_a_recording_back(tiny, fitted, made):
    engine = failed(tiny, fitted, (RECORDING,))
    values = values_of(made, RECORDING["prompt"], slots=["flip"])
    *_, last = run_handlers.run(made, engine, "ann", values)
    found = states(last, made)
    assert (found["baseline"], found["flip"], found["own"]) == ("recorded", "missing", "off")
    assert "Recorded words" in last[made.cards[0].view]
    assert "not available" in last[made.note]


def test_a_run_that_breaks_off_while_it_is_written_gives_its_cards_back(engine, made, monkeypatch):
    compare = run_handlers.compare

    def breaks(*arguments, **options):
        yield next(compare(*arguments, **options))
        raise SteeringError("the numbers overflowed")

    monkeypatch.setattr(run_handlers, "compare", breaks)
    seen = list(run_handlers.run(made, engine, "ann", values_of(made, slots=["flip"])))
    assert "writing" in {state for each in seen for state in states(each, made).values()}
    assert states(seen[-1], made)["flip"] == "idle"
    assert "The numbers overflowed" in text_of(seen[-1][made.note])
    assert engine.reading.acquire(timeout=1)
    engine.reading.release()


def test_a_request_that_nobody_recorded_leaves_empty_cards(engine, made):
    asked = made.read(values_of(made, "Never recorded", slots=["flip"]))
    updates = replays.replay(made, engine, asked)
    assert states(updates, made)["flip"] == "idle"
    assert states(updates, made)["ablation"] == "off"
    assert explanation.WELCOME.split(":")[0] in updates[made.note]


def test_a_card_whose_settings_were_not_recorded_says_so(tiny, fitted, made):
    asked = made.read(values_of(made, slots=["flip"]))
    updates = replays.replay(made, ready(tiny, fitted, (RECORDING,)), asked)
    found = states(updates, made)
    assert (found["baseline"], found["flip"], found["own"]) == ("recorded", "missing", "off")


def test_cards_that_do_not_fit_leave_the_map_as_it_is(tiny, fitted, charted, made, monkeypatch):
    monkeypatch.setattr(Maps, "warm_up", lambda _maps: None)  # UMAP is not asked here
    engine = ready(tiny, fitted, maps=lambda _: charted)
    placed = json.loads(run_handlers.place(made, engine, values_of(made, slots=["flip"])))
    assert [each["slot"] for each in placed["panels"]] == ["baseline", "flip"]
    flip = next(card for card in made.cards if card.slot == "flip")
    values = values_of(made, slots=["flip"]) | {flip.controls["k"]: 99}  # nobody fitted so many
    assert run_handlers.place(made, engine, values) == gr.skip()
    assert json.loads(run_handlers.place(made, engine, values_of(made, None)))["panels"] == []


def test_every_component_that_a_run_changes_is_an_output_of_it(engine, made):
    outputs = run_handlers.run_outputs_of(made)
    for updates in run_handlers.run(made, engine, "ann", values_of(made)):
        assert set(updates) <= set(outputs)


def test_a_gpu_that_is_not_lent_is_a_sentence_and_the_recording(tiny, fitted, made, monkeypatch):
    with standing_in(monkeypatch) as spaces:
        engine = ready(tiny, fitted, (RECORDING,), steps=zero_gpu.borrowed)
        *_, written = run_handlers.run(made, engine, "ann", values_of(made, "Other"))
        assert written[made.answered].token_ids["baseline"]
        assert spaces.asked == [zero_gpu.seconds("", {"sampling": {"max_new_tokens": 8}})]
        spaces.refusal = ("ZeroGPU quota exceeded", "You have <b>none</b> left.")
        *_, refused = run_handlers.run(made, engine, "ann", values_of(made, "Hi"))
        assert "ZeroGPU quota exceeded: You have &lt;b&gt;none" in refused[made.note]
        assert 'role="alert"' in refused[made.note]
        assert "Recorded words" in refused[made.cards[0].view]
        *_, refused = run_handlers.run(made, engine, "ann", values_of(made, "Other"))
        assert 'data-state="idle"' in refused[made.cards[0].view]


def test_a_run_whose_replica_is_lost_says_so_and_ends_as_if_nothing_had_been(
    engine, tiny, fitted, made
):
    *_, whole = run_handlers.run(made, engine, "ann", values_of(made))
    lost = ready(tiny, fitted, steps=losing(3))
    updates = list(run_handlers.run(made, lost, "ann", values_of(made)))
    said = notes_of(updates, made)
    place = said.index(
        "The process that wrote these answers is gone; another one answers from the start."
    )
    assert said[place + 1].startswith("Done after")
    assert updates[-1][made.answered].token_ids == whole[made.answered].token_ids
    (again,) = [each for each in updates if said[place] in str(each.get(made.note))]
    assert states(again, made)["baseline"] == "waiting"
    assert lost.waiting == 0
