"""What the cards show while a run waits and writes, and again where a follow-up fails."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any

from steering.inference.comparison import Answer
from steering.serving.engine import Engine
from steering.serving.page_pace import PagePaces
from steering.ui.layout import Page
from steering.ui.playground import answer_html
from steering.ui.playground.asked import EndedRun, Said
from steering.ui.playground.conversations import Following
from steering.ui.playground.request_mark import RequestMark, mark_of


def waiting(page: Page, follow: Following) -> dict[Any, Any]:
    """Return the updates of cards that wait for the first word."""
    updates: dict[Any, Any] = {}
    for card in page.cards:
        state: answer_html.State = "joins" if card.slot in follow.joining else "off"
        if card.slot in follow.talks:
            state = "waiting"
        earlier = follow.talks.get(card.slot, ())
        updates[card.view] = answer_html.view(None, state, earlier, follow.asked.prompt)
        updates[card.tokens] = answer_html.first_tokens(())
    return updates


def ended(page: Page, engine: Engine, run: EndedRun) -> dict[Any, Any]:
    """Return the updates that show a run as it stood when it had ended."""
    updates: dict[Any, Any] = {}
    for card in page.cards:
        if talk := run.talks.get(card.slot):
            *earlier, latest = talk
            mark = mark_of(engine, latest.request, run.asked.system)
            updates[card.view] = answer_html.view(
                latest.answer, "done", earlier, latest.request, mark=mark
            )
            updates[card.tokens] = answer_html.first_tokens(latest.answer.first_tokens)
        else:
            on = run.asked.settings[card.slot].on if card.slot in run.asked.settings else False
            updates[card.view] = answer_html.view(None, "idle" if on else "off")
    return updates


def show_growing(
    page: Page,
    talks: Mapping[str, Sequence[Said]],
    growing: Generator[tuple[Answer, ...]],
    request: str,
    mark: RequestMark,
    paces: PagePaces,
) -> Generator[dict[Any, Any], None, tuple[Answer, ...]]:
    """Show answers as they grow, and return them as they were at the end.

    A page that is behind gets no words that more words will replace; verdicts and numbers always.

    Args:
        page: The page.
        talks: What was said before on each card that takes part, by slot.
        growing: The answers.
        request: What they answer.
        mark: The same, for scripts.
        paces: Know which pages are behind.
    """
    shown = [card for card in page.cards if card.slot in talks]
    answers: tuple[Answer, ...] = ()
    with closing(growing), paces.follow() as pace:
        for index, answers in enumerate(growing):
            if pace.waits and not all(answer.verdict for answer in answers):
                continue
            mark, updates = replace(mark, update=pace.send()), {}
            for card, answer in zip(shown, answers, strict=True):
                state: answer_html.State = "done" if answer.verdict else "writing"
                updates[card.view] = answer_html.view(
                    answer, state, talks[card.slot], request, mark=mark
                )
                if index == 0:
                    updates[card.tokens] = answer_html.first_tokens(answer.first_tokens)
            yield updates
    return answers
