"""Numbers as they come from a field in which somebody types: possibly empty, or no number at all.

Gradio checks values before a handler sees them, and ends the handler with an error of its own
where one is empty or out of range. So the page's handlers take values as the browser sent them
(`preprocess=False`) and read them here, where a mistake is a sentence.
"""

import math

from steering.errors import SteeringError

_DIGITS = 10
"""Decimals that are kept: all that is typed, without the noise of a slider's sum (.1 + .2)."""


def finite(value: object) -> float | int | None:
    """Return a value that is a number, or None; a truth value or a text is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if isinstance(value, int) or math.isfinite(value) else None


def number(
    name: str, value: object, *, low: float, high: float, whole: bool = False
) -> int | float:
    """Return a number that a field holds.

    Args:
        name: What the field sets, as an error calls it.
        value: As the browser sent it.
        low: Least allowed value.
        high: Greatest allowed value; may be infinite.
        whole: Whether it has to be a whole number.

    Raises:
        SteeringError: If it is empty, no number, not whole where it has to be, or out of range.
    """
    kind = "a whole number" if whole else "a number"
    allowed = f"{kind} from {low:g}" + ("" if math.isinf(high) else f" to {_plain(high)}")
    if value is None:
        raise SteeringError(f"{name} is empty; give {allowed}")
    found = finite(value)
    if found is None or (whole and found != int(found)):
        raise SteeringError(f"{name}={str(value)[:40]} is not {kind}; give {allowed}")
    if not low <= found <= high:
        raise SteeringError(f"{name}={_plain(found)[:40]} is out of range; give {allowed}")
    return int(found) if whole else round(float(found), _DIGITS)


def _plain(value: float | int) -> str:
    """Return a number without an exponent where it is whole and short."""
    whole = isinstance(value, int) or (value.is_integer() and abs(value) < 1e15)
    return str(int(value)) if whole else f"{value:g}"
