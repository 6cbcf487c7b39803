"""A visitor looks into an answer, and lets it go on from there under another panel."""

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import gradio as gr

from steering import formatting
from steering.errors import SteeringError
from steering.inference.comparison import Answer, compare
from steering.serving.engine import Engine
from steering.serving.from_the_start import from_the_start
from steering.serving.visitor_line import Run
from steering.ui import text
from steering.ui.growing_cards import show_growing
from steering.ui.layout import Page
from steering.ui.playground import ended_runs, inspector
from steering.ui.playground.asked import EndedRun, Values
from steering.ui.playground.request_mark import mark_of
from steering.ui.replays import Updates
from steering.ui.run_handlers import (
    begun_again,
    ended_note,
    in_line,
    now_served,
    wait_for_turn,
)

if TYPE_CHECKING:
    from steering.inference.answer_tokens import AnswerTokens

_GONE = "this answer is not kept any more; run the request again, and look into that"


def remember(ended: EndedRun | None) -> object:
    """Return what can be looked into once a run has ended; None, of no run, changes nothing."""
    return gr.skip() if ended is None else ended


def look(engine: Engine, given: object, ended: EndedRun | None) -> str:
    """Return the popover's value for a question of the browser.

    Args:
        engine: The model.
        given: `{"asked": number of the question, "slot": the card}`.
        ended: The visitor's latest run.
    """
    asked, slot = _whole(given, "asked"), _text(given, "slot")
    try:
        return inspector.told(asked, _looked(engine, ended, slot))
    except SteeringError as error:
        return inspector.refused(asked, formatting.sentence(str(error)))


def _looked(engine: Engine, ended: EndedRun | None, slot: str) -> "AnswerTokens":
    from steering.inference.answer_tokens import answer_tokens  # with torch

    if not isinstance(ended, EndedRun) or slot not in ended.token_ids:
        raise SteeringError(_GONE)
    found, maps_id = now_served(engine)
    if found is None or maps_id != ended.maps_id:
        raise SteeringError(_GONE)
    steerable, _ = found
    panel = ended.asked.settings[slot].panel(steerable.directions)
    with engine.asked():  # its passes take turns with those of all visitors
        return answer_tokens(
            steerable,
            ended.asked.prompt,
            panel,
            ended.token_ids[slot],
            system=ended.asked.system,
            turns=ended.turns_before(slot),
        )


@dataclass(frozen=True)
class _Onward:
    """What is to go on.

    Attributes:
        ended: The run whose answer it is.
        source: The card that has the answer.
        kept: How many of its tokens are kept.
        target: The card that goes on, as it is set now.
    """

    ended: EndedRun
    source: str
    kept: int
    target: str


def go_on(
    page: Page, engine: Engine, visitor: str, given: object, values: Values
) -> Iterator[Updates]:
    """Let a card go on from the beginning of an answer; the other cards are left alone.

    Args:
        page: The page.
        engine: The model and the line in front of it.
        visitor: Whose browser it is.
        given: `{"slot": whose answer, "kept": tokens of it, "target": the card that goes on}`.
        values: Of `page.asked` and of the latest run.
    """

    def answer(run: Run) -> Iterator[Updates]:
        return _continued(page, engine, run, _onward(page, given, values), values)

    yield from in_line(page, engine, visitor, answer)


def _onward(page: Page, given: object, values: Values) -> _Onward:
    ended = values[page.inspector.answers]
    source, target = _text(given, "slot"), _text(given, "target")
    kept = _whole(given, "kept")
    known = ended.token_ids.get(source, ()) if isinstance(ended, EndedRun) else ()
    if not 1 <= kept <= len(known):
        raise SteeringError(_GONE)
    chosen = page.read(values).chosen
    if target not in chosen:
        raise SteeringError(
            "the card that is to go on is switched off; switch it on, or take another"
        )
    return _Onward(ended, source, kept, target)


def _continued(
    page: Page, engine: Engine, run: Run, onward: _Onward, values: Values
) -> Iterator[Updates]:
    before, target = onward.ended, onward.target
    setting = page.read(values).settings[target]
    # The words that are kept belong to the request that they answered, whatever is typed since.
    asked = replace(before.asked, settings={**before.asked.settings, target: setting})
    panel, sampling = setting.panel(engine.outline), page.shared.sampling(values)
    run.rows = 1 + (panel.name != "baseline")
    yield {page.stop: gr.update(interactive=True)}
    yield from wait_for_turn(page, engine, run)
    found, maps_id = now_served(engine, run)
    if found is None:
        yield ended_note(page, "Stopped before it began.")
        return
    if maps_id != before.maps_id:
        raise SteeringError(_GONE)
    steerable, steps = found
    yield {page.note: text.note("Writing …", "busy")}
    mark = mark_of(engine, asked.prompt, asked.system)

    def written() -> Generator[Updates, None, tuple[Answer, ...]]:
        growing = compare(
            steerable,
            asked.prompt,
            [panel],
            sampling=sampling,
            stop=run.stop,
            system=asked.system,
            decode=steps.generate,
            begin=before.token_ids[onward.source][: onward.kept],
            histories=[before.turns_before(onward.source)],
        )
        growing = engine.counts.watched(growing, run)
        talks = {target: before.talks[onward.source][:-1]}
        return show_growing(page, talks, growing, asked.prompt, mark, engine.paces)

    (answer,) = yield from from_the_start(written, lambda lost: begun_again(page, lost))
    word = "Stopped" if run.stop.is_set() else "Done"
    said = f"{word}: {setting.title} went on after {_tokens(onward.kept)} of "
    said += f"{before.asked.settings[onward.source].title}."
    yield ended_note(page, said, text.outcome([setting.title], [answer]))
    yield {
        page.answered: ended_runs.gone_on(
            before, asked, target, onward.source, answer, sampling, steerable
        )
    }


def _tokens(count: int) -> str:
    return "1 token" if count == 1 else f"{count} tokens"


def _text(given: object, key: str) -> str:
    """Return a text of what a browser sends, which may be anything."""
    found = given.get(key) if isinstance(given, Mapping) else None
    return found if isinstance(found, str) else ""


def _whole(given: object, key: str) -> int:
    """Return a whole number of the same; 0, of which there is none, for anything else."""
    found = given.get(key) if isinstance(given, Mapping) else None
    return found if isinstance(found, int) else 0
