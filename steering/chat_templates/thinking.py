"""Models that think before they answer: a template's mode, and thinking apart from the answer.

A mode is found by what it does to the rendered text, not by the model's name: a template either
changes with a switch (Qwen3's `enable_thinking`, Granite's and DeepSeek-V3.1's `thinking`), or it
always opens the thinking (DeepSeek-R1), or its answers come in channels (gpt-oss), of which one is
opened here. A template that leaves it to the model to open the thinking, as every answer begins
with the same sign, has it opened here: the first token that varies is then the next one.
"""

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from steering.chat_templates.rendering import ASKED, Thinking
from steering.errors import SteeringError


@dataclass(frozen=True)
class Marks:
    """How a model sets its thinking apart: what opens it, and what closes it."""

    opening: str
    closing: str


_CHANNELS: Final = Marks(
    "<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"
)
_ANSWER_CHANNEL: Final = "<|channel|>final<|message|>"
_USUAL: Final = Marks("<think>", "</think>")
_KNOWN: Final = (
    _CHANNELS,
    _USUAL,
    Marks("<seed:think>", "</seed:think>"),
    Marks("[THINK]", "[/THINK]"),
    Marks("<|START_THINKING|>", "<|END_THINKING|>"),
    Marks("<|channel>thought", "<channel|>"),
    Marks("<thinking>", "</thinking>"),
    Marks("Here is my thought process:", "Here is my response:"),
)
"""In this order; the first that a template writes is its own."""
_SWITCHES: Final[tuple[tuple[str, Any, Any], ...]] = (
    ("enable_thinking", False, True),
    ("thinking", False, True),
    ("reasoning", False, True),
    ("reasoning_effort", "none", "high"),
)
"""Variables of templates that turn thinking off and on, with their values for both."""
PROBE: Final = "Zebra 7?"
"""A request whose end is known in any rendered text."""


@dataclass(frozen=True)
class Mode:
    """How a template is rendered.

    Attributes:
        thinking: `none`, `off` or `on`.
        choices: What may be asked for of this template.
        marks: How its model sets thinking apart.
        options: Variables that are given to the template.
        opening: Text put behind the template's own, so that the next token is the first that
            varies.
        is_inside: Whether the answer begins inside the thinking.
    """

    thinking: Thinking
    choices: tuple[Thinking, ...]
    marks: Marks = _USUAL
    options: Mapping[str, Any] = field(default_factory=dict)
    opening: str = ""
    is_inside: bool = False


def find_mode(
    name: str, source: str, render: Callable[[Mapping[str, Any]], str | None], asked: str
) -> Mode:
    """Return the mode that was asked for, as far as a template has it.

    Args:
        name: The model's, for the sentence.
        source: The template.
        render: Renders `PROBE` with variables of the template; None where the template refuses.
        asked: `auto`, `on` or `off`; `auto` is off where the template allows it.

    Raises:
        SteeringError: If the template has no such mode.
    """
    if asked not in ASKED:
        raise SteeringError(f"unknown thinking {asked!r}; allowed: {', '.join(ASKED)}")
    modes = _modes(source, render)
    if asked == "auto":
        return modes[0]
    for mode in modes:
        if mode.thinking == asked or (asked, mode.thinking) == ("off", "none"):
            return mode
    if asked == "off":
        raise SteeringError(
            f"the chat template of {name} always opens the thinking, so that it cannot be off; "
            "choose on or auto"
        )
    raise SteeringError(
        f"the chat template of {name} knows no thinking, so that it cannot be on; choose off or "
        "auto"
    )


def _modes(source: str, render: Callable[[Mapping[str, Any]], str | None]) -> list[Mode]:
    """Return the modes that a template has; the first is the one that nobody asked for."""
    marks = next((each for each in _KNOWN if each.opening.split("<|message")[0] in source), _USUAL)
    plain = _tail(render({})) or ""
    if marks is _CHANNELS and plain.endswith("<|start|>assistant"):
        both: tuple[Thinking, ...] = ("off", "on")
        return [
            Mode("off", both, marks, opening=_ANSWER_CHANNEL),
            Mode("on", both, marks, opening=marks.opening, is_inside=True),
        ]
    for key, off, on in _SWITCHES:
        if key not in source or (off == "none" and not {"'none'", '"none"'} & _words(source)):
            continue
        without, thinking = render({key: off}), render({key: on})
        if without is None or thinking is None or without == thinking:
            continue
        opening = _left_open(_tail(without) or "", _tail(thinking) or "", marks)
        inside = bool(opening) or _is_open(_tail(thinking) or "", marks)
        return [
            Mode("off", ("off", "on"), marks, {key: off}),
            Mode("on", ("off", "on"), marks, {key: on}, opening, inside),
        ]
    if _is_open(plain, marks):
        return [Mode("on", ("on",), marks, is_inside=True)]
    return [Mode("none", ("none",), marks)]


def _words(source: str) -> set[str]:
    return {word for word in ("'none'", '"none"') if word in source}


def _tail(text: str | None) -> str | None:
    """Return what stands behind the request, if anything was rendered."""
    return None if text is None else text.rpartition(PROBE)[2]


def _is_open(tail: str, marks: Marks) -> bool:
    return tail.rfind(marks.opening) > tail.rfind(marks.closing)


def _left_open(without: str, thinking: str, marks: Marks) -> str:
    """Return the opening that a template leaves to the model, as its closed block writes it.

    Qwen3 appends an empty block, an opening and a closing sign, where thinking is off, and nothing
    where it is on: the model then begins with the opening and the same line end.
    """
    start = without.rfind(marks.opening)
    # The template may have changed the request as well: then the ends alone are alike.
    before = without.rfind(thinking, 0, max(start, 0))
    if _is_open(thinking, marks) or start < 0 or before < 0:
        return ""
    end = start + len(marks.opening)
    return without[before + len(thinking) : end + without[end:].startswith("\n")]


@dataclass(frozen=True)
class Reply:
    """What a model wrote, with its thinking apart.

    Attributes:
        thinking: The thinking so far; None where the model does not think.
        answer: What it says to the visitor; empty while it thinks.
        is_answered: Whether the thinking has ended, or there was none.
    """

    thinking: str | None
    answer: str
    is_answered: bool = True


def split_thinking(
    tokens: Sequence[int], decode: Callable[[Sequence[int], bool], str], mode: Mode
) -> Reply:
    """Split what a model wrote into thinking and answer.

    Args:
        tokens: Token ids of the whole reply.
        decode: Returns the text of tokens, without special tokens where its second argument is
            true.
        mode: How the request was rendered.
    """
    raw, marks = decode(tokens, False), mode.marks
    begins = raw.lstrip().startswith(marks.opening)
    if not mode.is_inside and not begins:
        return Reply(None, _whole(decode(tokens, True)))
    if marks.closing not in raw:
        thought = raw.lstrip().removeprefix(marks.opening) if begins else raw
        return Reply(_whole(thought).strip(), "", is_answered=False)
    # The fewest tokens that hold the closing sign; what else is in the last one is the answer's.
    n = bisect_left(
        range(len(tokens)), True, key=lambda i: marks.closing in decode(tokens[:i], False)
    )
    thought, _, after = decode(tokens[:n], False).partition(marks.closing)
    thought = thought.lstrip().removeprefix(marks.opening) if begins else thought
    return Reply(thought.strip(), (after + _whole(decode(tokens[n:], True))).lstrip())


def _whole(text: str) -> str:
    """Leave out a character whose bytes have not all come yet."""
    return text.rstrip("\ufffd")
