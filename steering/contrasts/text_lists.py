"""Two lists of texts that somebody wants told apart, checked before any model reads them.

The first list takes the place that harmful requests have elsewhere, the second that of harmless
ones: directions point from the second to the first, and t is 0 at the first and 1 at the second.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from steering.data import prompt_rows
from steering.data.input_text import require_clean
from steering.data.splits import different, evenly, same
from steering.errors import SteeringError

FEWEST_TEXTS: Final = 16
"""Texts a list needs (chosen: of 32 held-out texts .66 must be right to be beyond chance)."""
MOST_TEXTS: Final = 512
"""Texts of a list that are read (chosen: with more, two cores read for minutes)."""
LONGEST_NAME: Final = 40
"""Characters of a list's name (chosen: it stands in legends)."""


@dataclass(frozen=True)
class TextLists:
    """Two lists of as many texts, with their names; made by `text_lists`.

    Attributes:
        names: What a reader calls them, the first one first.
        first: Different texts, none of which is in `second`.
        second: As many.
        notes: What was left out, in whole sentences.
    """

    names: tuple[str, str]
    first: tuple[str, ...]
    second: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Texts of each list."""
        return len(self.first)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of names and texts, in hexadecimal."""
        content = json.dumps([self.names, self.first, self.second])
        return hashlib.sha256(content.encode()).hexdigest()


def text_lists(
    first: Sequence[str],
    second: Sequence[str],
    names: tuple[str, str] = ("first", "second"),
    *,
    most: int = MOST_TEXTS,
) -> TextLists:
    """Check two lists and make them equally long.

    Blank texts and repeated ones are left out, a longer list is thinned out evenly, and each of
    that is said in `notes`.

    Args:
        first: Texts of the first kind, as a user would type them to the model.
        second: Texts of the second kind.
        names: What they are called.
        most: Texts of a list that are read at most.

    Raises:
        SteeringError: If a name is blank, too long or both are the same; if a text is no text or
            too long, or stands in both lists; or if a list has fewer than 16 different texts.
    """
    names = _checked_names(names)
    notes: list[str] = []
    kept = [_kept(texts, name, notes) for texts, name in zip((first, second), names, strict=True)]
    _require_disjoint(kept, names)
    for texts, name in zip(kept, names, strict=True):
        if len(texts) < FEWEST_TEXTS:
            raise SteeringError(
                f"{name!r} has {len(texts)} different texts; at least {FEWEST_TEXTS} are needed in "
                "each list, so that enough can be held out; add some"
            )
    size = min(most, *map(len, kept))
    for texts, name in zip(kept, names, strict=True):
        if len(texts) > size:
            why = "as many as the other list has" if size < most else "the most that are read"
            notes.append(f"Of the {len(texts)} texts of {name}, {size} are taken: {why}.")
    one, other = (tuple(evenly(texts, size)) for texts in kept)
    return TextLists(names, one, other, tuple(notes))


def lines_of(pasted: str) -> list[str]:
    """Return the texts of a field in which every line is one; blank lines are none."""
    # Not str.splitlines(), which also cuts at signs that may stand inside a text (U+2028).
    lines = pasted.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return [line.strip() for line in lines if line.strip()]


def _checked_names(names: tuple[str, str]) -> tuple[str, str]:
    for name in names:
        require_clean(name, f"the name {name!r}")
    one, other = (" ".join(name.split()) for name in names)
    for name in (one, other):
        if not 0 < len(name) <= LONGEST_NAME:
            raise SteeringError(
                f"{name[:60]!r} is no name of a list: it has {len(name)} characters; give it 1 to "
                f"{LONGEST_NAME}"
            )
    if same(one) == same(other):
        raise SteeringError(f"both lists are called {one!r}; give them two names")
    return one, other


def _kept(texts: Sequence[str], name: str, notes: list[str]) -> list[str]:
    """Return the texts that are not blank and repeat no earlier one; what is left out is noted."""
    written = [text for text in texts if text.strip()]
    if blank := len(texts) - len(written):
        notes.append(f"{blank} blank of {name} {'is' if blank == 1 else 'are'} left out.")
    for number, text in enumerate(written, start=1):
        prompt_rows.checked(text, f"{name}, text {number}")
    found = different(written)
    if repeated := len(written) - len(found):
        notes.append(
            f"{repeated} of {name} {'repeats another' if repeated == 1 else 'repeat others'} and "
            f"{'is' if repeated == 1 else 'are'} left out."
        )
    return found


def _require_disjoint(lists: Sequence[Sequence[str]], names: tuple[str, str]) -> None:
    """Refuse lists that share texts: what is in both does not tell them apart."""
    known = set(map(same, lists[1]))
    shared = [text for text in lists[0] if same(text) in known]
    if not shared:
        return
    if len(shared) == len(lists[0]) == len(lists[1]):
        raise SteeringError(
            f"{names[0]!r} and {names[1]!r} hold the same {len(shared)} texts, so there is nothing "
            "to tell apart; give two different lists"
        )
    raise SteeringError(
        f"{len(shared)} texts are in both lists, for example {shared[0][:60]!r}; a text is "
        f"{names[0]!r} or {names[1]!r}, so take each out of one list"
    )
