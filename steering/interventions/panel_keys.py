"""The keys of a panel's text form: which kind takes which, and what they may be."""

import math
import re
from decimal import Decimal
from typing import Final

from steering.errors import SteeringError
from steering.interventions.class_definitions import DEFINITIONS

_FITTED: Final = ("layer", "position", "where")
_DRAWN: Final = ("basis", "seed", "side", "classes")
_PROJECTION: Final = (*_FITTED, "center", *_DRAWN, "sites")
KEYS: Final = {
    "baseline": (),
    "actadd": ("c", *_FITTED, *_DRAWN),
    "ablation": ("alpha", *_PROJECTION),
    "nullspace": ("k", "alpha", *_PROJECTION),
    "flip": ("k", "alpha", *_PROJECTION),
    "leace": ("alpha", *_FITTED, *_DRAWN),
    "ace": ("alpha", "c", *_FITTED, *_DRAWN),
    "alterrep": ("k", "c", *_FITTED, "center", *_DRAWN),
}
"""Which keys each kind of panel takes. Of the last three, where they measure from is part of what
they are, or they act by the side of a state: they have no `sites`, and act at block inputs."""
ALONG_DIFFERENCE: Final = ("actadd", "ablation", "leace", "ace")
"""Kinds that act along the difference in means unless told otherwise."""
KEY_CHOICES: Final = {
    "where": ("source", "all"),
    "center": ("origin", "midpoint"),
    "basis": ("dim", "inlp", "random", "covariance", "shuffled"),
    "side": ("both", "harmful"),
    "classes": DEFINITIONS,
    "sites": ("input", "block"),
}
DRAWN: Final = ("random", "covariance", "shuffled")
"""Bases that are controls: drawn with a seed."""
RANGES: Final = {
    "alpha": (0.0, 3.0),
    "c": (-3.0, 3.0),
    "k": (1, math.inf),
    "layer": (0, math.inf),
    "position": (-math.inf, -1),
    "seed": (0, 2**63 - 1),
}
"""alpha and c: the sliders' ranges (beyond them texts only get more broken); k, layer and position
are bounded further by the model, when the panel meets it; seed as in `generation.Sampling`."""
_WHOLE: Final = ("k", "layer", "position", "seed")


def choices(name: str, key: str) -> tuple[str, ...]:
    """Return the words that a key of a kind of panel can be.

    INLP has no length to add, and neither a mean difference that LEACE and ACE are defined by.
    """
    left_out = ("inlp", "shuffled") if name in ("actadd", "leace", "ace") else ()
    return tuple(each for each in KEY_CHOICES[key] if each not in left_out)


def read(name: str, key: str, value: str) -> int | float | str:
    """Return what the text of a key's value says.

    Raises:
        SteeringError: If the kind of panel has no such key, or the text is no number.
    """
    _check_key(name, key)
    if key in KEY_CHOICES:
        return value
    # Python refuses to read whole numbers of thousands of digits, with an error of its own.
    wanted = r"[+-]?[0-9]{1,30}" if key in _WHOLE else r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)"
    if not re.fullmatch(wanted, value):
        raise SteeringError(_not_a_number(name, key, value[:40]))
    return int(value) if key in _WHOLE else float(value)


def _not_a_number(name: str, key: str, value: object) -> str:
    kind = "a whole number" if key in _WHOLE else "a number"
    return f"{key}={value} of panel {name} is not {kind}"


def _check_key(name: str, key: str) -> None:
    if key not in KEYS[name]:
        allowed = ", ".join(KEYS[name]) or "no keys"
        raise SteeringError(f"panel {name} has no key {key!r}; allowed: {allowed}")


def check(name: str, key: str, value: int | float | str) -> None:
    """Refuse a key that a kind of panel does not take, and a value out of range.

    Raises:
        SteeringError: Says what is allowed.
    """
    _check_key(name, key)
    if key in KEY_CHOICES:
        allowed = choices(name, key)
        if value not in allowed:
            raise SteeringError(
                f"{key}={value} of panel {name} is unknown; allowed: {', '.join(allowed)}"
            )
        return
    if isinstance(value, bool | str) or (key in _WHOLE and not isinstance(value, int)):
        raise SteeringError(_not_a_number(name, key, value))
    low, high = RANGES[key]
    if not low <= value <= high:
        raise SteeringError(
            f"{key}={as_text(value)} of panel {name} is out of range; allowed: {_span(low, high)}"
        )


def _span(low: float, high: float) -> str:
    if math.isinf(high):
        return f"{as_text(low)} or more"
    if math.isinf(low):
        return f"{as_text(high)} or less"
    return f"{as_text(low)} to {as_text(high)}"


def as_text(value: int | float | str) -> str:
    """Shortest text that reads back as the same value; without an exponent, for readers."""
    if not isinstance(value, float) or not math.isfinite(value):
        return str(value)
    return str(int(value)) if value.is_integer() else format(Decimal(repr(value)), "f")
