"""How numbers and errors are written for people: real minus signs, a dash for what is not known."""

import math
import re
from collections.abc import Callable, Sequence
from typing import TypedDict
from unicodedata import category


class _Estimate(TypedDict):
    estimate: float
    low: float
    high: float


class _Range(TypedDict):
    mean: float
    low: float
    high: float


_PATH = re.compile(
    r"(?<![\w:/.<])(?:/|~/|[A-Za-z]:[\\/])(?:[^\s/\\'\"()]+[\\/])+([^\s/\\'\"(),;]*)"
)
"""An absolute path of more than one part: not an address, not a fraction, not a closing tag."""


def plain(value: float | None, digits: int = 2) -> str:
    """Return a number with so many decimals; none from 100 on, where they say nothing."""
    if value is None or math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    shown = f"{value:,.{digits if abs(value) < 100 else 0}f}"
    return shown.replace("-", "−") if float(shown.replace(",", "")) else shown.lstrip("-")


def signed(value: float | None, digits: int = 2) -> str:
    """Return a difference, with its sign whatever it is."""
    shown = plain(value, digits)
    return shown if shown[0] in "−–" else f"+{shown}"


def between(low: float | None, high: float | None) -> str:
    """Return an interval of a rate."""
    return f"[{plain(low)}, {plain(high)}]"


def signed_between(low: float | None, high: float | None) -> str:
    """Return an interval of a difference."""
    return f"[{signed(low)}, {signed(high)}]"


def with_interval(found: _Estimate | None, form: Callable[[float], str] = plain) -> str:
    """Return an estimate with its interval, or a dash; `form` is `signed` for a difference."""
    if found is None:
        return plain(None)
    return f"{form(found['estimate'])} [{form(found['low'])}, {form(found['high'])}]"


def with_range(found: _Range | None, form: Callable[[float], str] = plain) -> str:
    """Return a mean with the range of what it is of, or a dash."""
    if found is None:
        return plain(None)
    return f"{form(found['mean'])} ({form(found['low'])} to {form(found['high'])})"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def p_value(value: float) -> str:
    """Return a p-value as papers print it."""
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"


def sentence(text: str) -> str:
    """Return an error's words as a sentence: a capital first, a full stop last.

    A setting, as in `k=9`, keeps its letter: no panel has a K.
    """
    text = text.strip()
    if not re.match(r"\w+=", text):
        text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


def without_folders(text: str) -> str:
    """Return a message in which a path is its last name alone, as strangers may see it."""
    return _PATH.sub(lambda found: f"…/{found[1]}", text)


def visible(token: str) -> str:
    """Return a token with its blanks, line ends and control characters as signs."""
    shown = token.replace("\n", "⏎").replace("\t", "⇥").replace(" ", "␣")
    # A terminal would obey them.
    shown = "".join(f"⟨{ord(each):02X}⟩" if category(each) == "Cc" else each for each in shown)
    return shown or "(nothing)"
