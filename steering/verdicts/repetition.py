"""Whether a text is stuck: it says the same words for ever instead of going on.

Rocchetti & Ferrara 2026 (arXiv:2606.13720) found that strong edits make models loop and that loops
often hold a refusal phrase. Thresholds marked "dev" were chosen on the development half of
`tests/verdicts/judged.jsonl`, answers of at most 160 tokens.

The compression ratio of a text (zlib; the one-line rule of Whisper) finds fewer: F1 .81 on the
held-out half against .97 of these rules (36 of 118 answers are broken; its threshold, 2.35, was
chosen on the development half).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

_IDEOGRAPH = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
"""Kana, Han and Hangul, which stand without spaces: one sign counts as one word."""

_WORD = re.compile(rf"[{_IDEOGRAPH}]|[^\W\d_{_IDEOGRAPH}]+(?:'[^\W\d_]+)*|\d+")
_ITEM_NUMBER = re.compile(r"^([ \t>*#-]*(?:[^\W\d_]+ )?)(\d{1,3})(?=[.):])", re.MULTILINE)
"""The number of an item at the start of a line, as in "3. Mix" or "Step 3: Mix"."""
_CODE = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)

_LONG_CYCLE = 10
"""Words from which a cycle said twice in a row is a loop: no writer repeats so much (dev)."""

_TWICE = 1.8
"""Repeats that count as twice, since a limit may cut the second before its end (dev)."""

_SHARE_OF_TEXT = 0.3
"""Share of the text that a long cycle fills: a long story may say a sentence twice (dev)."""

_SHORT_CYCLE_REPEATS = 3
"""How often a shorter cycle must stand in a row; "very, very" and a refrain are said twice."""

_SHORT_CYCLE_WORDS = 12
"""Words that the repeats of a shorter cycle fill at least: "ha ha ha" is no loop (chosen)."""

_ANY_CYCLE_REPEATS = 8
"""How often anything must stand in a row to be a loop, however short it is (chosen)."""

_CODE_REPEATS = 8
"""How often a cycle must end a block of code: tables and test data repeat lines (chosen)."""

_PHRASE = 4
"""Words in a phrase when the share of repeated phrases is counted (chosen)."""

_REPEATED_PHRASES = 0.45
"""Share of phrases said before, from which a text circles; refrains reach 0.42 (dev)."""

_ENOUGH_WORDS = 20
"""Words below which the share of repeated phrases says nothing (chosen)."""

_WINDOW = 40
"""Words among which different ones are counted (chosen: most of an answer of 64 tokens)."""

_DIFFERENT_WORDS = 14
"""Different words in a window, up to which a text circles; refusals reach down to 16 (dev)."""

_IN_A_WORD = re.compile(r"([^\s|=_~-]{1,40}?)\1{3,}")
"""Something that stands four times without a space between, in one word or in several signs."""

_LONG_WORD = 24
"""Characters that it fills at least: "hahahaha" is a word (chosen)."""

_SAID_BEFORE = 0.67
"""Share of repeated phrases from some place on, by which it circles from there on (chosen)."""

_SHOWN_WORDS = 8
"""Words of a cycle that a reader is shown."""


class Loop(NamedTuple):
    """Where a text begins to repeat itself.

    Attributes:
        start: The first character that was said before, counted in the text.
        seen: What is repeated, as a phrase for a reader.
    """

    start: int
    seen: str


@dataclass(frozen=True)
class Cycle:
    """A run of equal stretches of words at the end of a text.

    Attributes:
        words: What is repeated, once.
        repeats: How often it stands there; the last one may be cut short, so not whole.
        filled: How many words the run has.
        start: The place of its first word among the words of the text.
    """

    words: tuple[str, ...]
    repeats: float
    filled: int
    start: int

    @property
    def again(self) -> int:
        """The place of the first word that is said a second time."""
        return self.start + len(self.words)

    def __str__(self) -> str:
        """For a reader: the first words, and how often."""
        dots = " …" if len(self.words) > _SHOWN_WORDS else ""
        return f"“{' '.join(self.words[:_SHOWN_WORDS])}{dots}” {self.repeats:.1f} times"


@dataclass(frozen=True)
class _Words:
    """The words of a text in lower case, and where they begin in it."""

    words: list[str]
    starts: list[int]

    @classmethod
    def of(cls, text: str) -> "_Words":
        found = list(_WORD.finditer(text.replace("\u2019", "'")))
        return cls([each[0].lower() for each in found], [each.start() for each in found])


def words_of(text: str) -> list[str]:
    """Lower-case words and numbers, in order, without punctuation."""
    return _Words.of(text).words


def prose_of(text: str) -> str:
    """The text with blank lines for each fenced block of code, so that places stay the same."""
    return _CODE.sub(lambda found: "\n" * len(found[0]), text)


def without_tables(text: str) -> str:
    """The text with blanks for the rows of Markdown tables, whose cells repeat by right."""
    lines = text.splitlines(keepends=True)
    return "".join(" " * (len(x) - 1) + "\n" if x.count("|") > 1 else x for x in lines)


def without_item_numbers(text: str) -> str:
    """The text with blanks for the numbers of list items, which differ where the items do not."""
    return _ITEM_NUMBER.sub(lambda found: found[1] + " " * len(found[2]), text)


def repetition(text: str) -> Loop | None:
    """What is repeated, and from where on, or None where the text goes on.

    Repeated lines inside code, and rows or lists that begin alike, are no repetition; lists whose
    items are all the same but for their numbers are one.
    """
    prose = without_item_numbers(prose_of(text))
    found = _Words.of(prose)
    for cycle in cycles_at_end(found.words):
        if _is_loop(cycle, len(found.words)):
            return Loop(found.starts[cycle.again], f"{cycle} in a row")
    return (
        _circles(_Words.of(without_tables(prose)))
        or _inside_a_word(prose)
        or _loop_in_open_code(text)
    )


def cycles_at_end(words: list[str]) -> Iterator[Cycle]:
    """Every cycle that the text ends in, said about twice or more, the shortest first.

    A last word that was cut in the middle is overlooked.
    """
    for end in (words, words[:-1]):
        for period in range(1, int(len(end) / _TWICE) + 1):
            filled = period
            while filled < len(end) and end[-1 - filled] == end[-1 - filled + period]:
                filled += 1
            if filled >= _TWICE * period:
                start = len(end) - filled
                whole = tuple(end[start : start + period])
                yield Cycle(whole, filled / period, filled, start)


def repeated_phrases(words: Sequence[str]) -> float:
    """Share of the phrases of four words that have been said before, 0 to 1."""
    said = _said_before(words)
    return sum(said) / len(said) if said else 0.0


def _said_before(words: Sequence[str]) -> list[bool]:
    """Whether each phrase has been said before."""
    phrases = [tuple(words[i : i + _PHRASE]) for i in range(len(words) - _PHRASE + 1)]
    first: dict[tuple[str, ...], int] = {}
    return [first.setdefault(phrase, place) < place for place, phrase in enumerate(phrases)]


def _is_loop(cycle: Cycle, total: int) -> bool:
    if cycle.repeats >= _SHORT_CYCLE_REPEATS:
        return cycle.filled >= _SHORT_CYCLE_WORDS or cycle.repeats >= _ANY_CYCLE_REPEATS
    return len(cycle.words) >= _LONG_CYCLE and cycle.filled >= _SHARE_OF_TEXT * total


def _circles(found: _Words) -> Loop | None:
    """A text that comes back to the same phrases or words without a cycle."""
    words, said = found.words, _said_before(found.words)
    share = repeated_phrases(words)
    if len(words) >= _ENOUGH_WORDS and share >= _REPEATED_PHRASES:
        start = found.starts[_from_where(said)]
        return Loop(start, f"{share:.0%} of its phrases were said before")
    for start in range(len(words) - _WINDOW + 1):
        different = len(set(words[start : start + _WINDOW]))
        if different <= _DIFFERENT_WORDS:
            place = found.starts[start + _DIFFERENT_WORDS]
            return Loop(place, f"{_WINDOW} words in a row, {different} of them different")
    return None


def _from_where(said: Sequence[bool]) -> int:
    """Return the first phrase that was said before, and from which on most phrases were."""
    later, chosen = 0, said.index(True)
    for place in reversed(range(len(said))):
        later += said[place]
        if said[place] and later >= _SAID_BEFORE * (len(said) - place):
            chosen = place
    return chosen


def _inside_a_word(prose: str) -> Loop | None:
    """A word that is one piece for ever, such as "voidvoidvoid"; a bare number is none."""
    for found in _IN_A_WORD.finditer(prose):
        if len(found[0]) >= _LONG_WORD and any(character.isalpha() for character in found[1]):
            start = found.start()
            while start and prose[start - 1].isascii() and prose[start - 1].isalnum():
                start -= 1
            return Loop(start, f"“{found[1]}” for ever in one word")
    return None


def _loop_in_open_code(text: str) -> Loop | None:
    """A cycle at the end of code that was never closed; a closed block got somewhere."""
    if text.count("```") % 2 == 0:
        return None
    begin = text.rindex("```")
    found = _Words.of(text[begin:])
    for cycle in cycles_at_end(found.words):
        if cycle.repeats >= _CODE_REPEATS:
            return Loop(begin + found.starts[cycle.again], f"{cycle} at the end of its code")
    return None
