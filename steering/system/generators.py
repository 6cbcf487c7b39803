"""Generators that tell how far they are and return what they found: run them, or tell on."""

from collections.abc import Callable, Generator
from typing import TypeVar

_Step = TypeVar("_Step")
_Told = TypeVar("_Told")
_Found = TypeVar("_Found")


def returned(
    work: Generator[_Step, None, _Found], report: Callable[[_Step], object] | None = None
) -> _Found:
    """Run work to its end and return what was found; `report` hears every step."""
    while True:
        try:
            step = next(work)
        except StopIteration as end:
            found: _Found = end.value
            return found
        if report is not None:
            report(step)


def retold(
    work: Generator[_Step, None, _Found], tell: Callable[[_Step], _Told]
) -> Generator[_Told, None, _Found]:
    """Yield what `tell` makes of every step, and return what was found."""
    while True:
        try:
            step = next(work)
        except StopIteration as end:
            found: _Found = end.value
            return found
        yield tell(step)
