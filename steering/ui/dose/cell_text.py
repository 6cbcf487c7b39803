"""What is said of a cell where one points at it, as the little HTML that plotly reads."""

from collections.abc import Callable, Mapping
from typing import Any

from steering.ui.dose.figure_parts import fixed, number, percent
from steering.ui.templates import template

Cell = Mapping[str, Any]
_HEAD = template("<b>{{ kind }}{% if settings %} ({{ settings }}){% endif %}</b>")
_LINES = template(
    "{% for each in lines %}{% if not loop.first %}<br>{% endif %}{{ each }}{% endfor %}"
)


def _score(value: float) -> str:
    return fixed(value, 1)


def told(cell: Cell, *, n: int, n_answered: int) -> str:
    """Return the lines about a cell.

    Args:
        cell: Of `dose_data.cell`.
        n: Prompts a class behind the measures.
        n_answered: Prompts a class that were answered and judged.
    """
    lines: list[str] = [_HEAD(kind=cell["kind"], settings=cell["settings"])]
    perplexity = cell["perplexity"]
    more = f" · perplexity {number(perplexity)}" if perplexity else ""
    for name, key, say, end in (
        ("refuses harmful", "harmful_rate", percent, ""),
        ("refuses harmless", "harmless_rate", percent, ""),
        ("refusal score, harmful", "harmful_score", _score, ""),
        ("refusal score, harmless", "harmless_score", _score, ""),
        ("KL", "kl", number, ""),
        ("loss", "loss", number, more),
    ):
        if cell[key]:
            lines.append(f"{name} {_between(cell[key], say)}{end}")
    for name, key in (("questions right", "questions"), ("ends of functions right", "code")):
        if cell[key]:
            lines.append(f"{name} {_between(cell[key], percent)}")
    if not cell["kl"]:
        lines.append("This edit breaks the model.")
    lines.append(f"n = {n} a class, first token, 95 % intervals")
    if shares := cell["answered"]:
        lines.append(
            f"answered (n = {n_answered}): refuses {percent(shares['harmful_refused'])} of harmful,"
            f" {percent(shares['harmless_refused'])} of harmless; "
            f"loops {percent(shares['harmful_looping'])}"
        )
    return _LINES(lines=lines)


def _between(interval: tuple[float, float, float], say: Callable[[float], str]) -> str:
    value, low, high = interval
    return f"{say(value)} [{say(low)}, {say(high)}]"
