"""How far work on what is a visitor's own has come: a sentence, and a button that stops it."""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final, TypeVar

import gradio as gr
from markupsafe import Markup

from steering import formatting
from steering.errors import SteeringError
from steering.system.progress import Step, amount
from steering.ui.templates import template

_Found = TypeVar("_Found")
_Updates = dict[Any, Any]
_BETWEEN_SECONDS: Final = 0.2
"""How often at most a step of one kind is told (chosen)."""
_STATE = template(
    '<p class="note {{ tone }}" role="{{ "alert" if tone == "error" else "status" }}">{{ words }}'
    "{% if more %} <b>{{ more }}</b>{% endif %}</p>"
)


def say(words: str, tone: str = "", more: str = "") -> Markup:
    """Return a sentence that is told to those who do not see it as well.

    Args:
        words: The sentence.
        tone: `busy`, `error` or none.
        more: How far it is.
    """
    return _STATE(words=words, tone=tone, more=more)


def mistake(error: SteeringError) -> Markup:
    """Return what is wrong, as a sentence."""
    return say(formatting.sentence(str(error)), "error")


@dataclass(frozen=True)
class OwnProgress:
    """The two components.

    Attributes:
        said: How far it is, or what is wrong.
        stop: The button; pressed in vain while nothing is done.
    """

    said: gr.HTML
    stop: gr.Button

    def told(
        self,
        work: Callable[[], Generator[Step, None, _Found | None]],
        ended: Callable[[_Found], _Updates],
    ) -> Iterator[_Updates]:
        """Yield updates until the work has ended, was stopped or was refused.

        Args:
            work: Begins it; returns None where it was stopped.
            ended: Returns what shows what was found.
        """
        began, label, at = False, "", 0.0
        try:
            with closing(work()) as steps:
                while True:
                    try:
                        step = next(steps)
                    except StopIteration as end:
                        yield self._end(end.value, ended)
                        break
                    if began and step.label == label and monotonic() - at < _BETWEEN_SECONDS:
                        continue
                    label, at = step.label, monotonic()
                    words = say(f"{step.label} …", "busy", amount(step))
                    now: _Updates = {self.said: words}
                    yield now if began else now | {self.stop: gr.update(interactive=True)}
                    began = True
        except SteeringError as error:
            yield {self.said: mistake(error)}
        # Not in a `finally`: whoever leaves closes this generator, and takes nothing more.
        if began:
            yield {self.stop: gr.update(interactive=False)}

    def _end(self, found: _Found | None, ended: Callable[[_Found], _Updates]) -> _Updates:
        if found is None:
            return {self.said: say("Stopped; nothing was kept.")}
        return {self.said: say("Done.")} | ended(found)
