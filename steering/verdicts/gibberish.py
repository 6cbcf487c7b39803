"""Whether a text is no language: strong edits make a model write numbers, signs or mixed scripts.

Each check is careful: what a person could have meant, such as a table, a formula, a word list in
several languages or a smiley, is no gibberish. Thresholds are chosen, not fitted.
"""

import re
import unicodedata
from typing import NamedTuple

from steering.verdicts.repetition import prose_of, without_tables, words_of

_NUMBER_FOR_A_WORD = re.compile(r"\W*\d+\.\s\W*\d{1,2}(?:\.\d{1,2}){2,}\W*")
_DOUBLED_SIGN = re.compile(r"([^\w\s])\1+")
_LATIN_WORD = re.compile(r"\b[a-zA-Z]{4,}\b")
_VOWEL = re.compile(r"[aeiouy]", re.IGNORECASE)

_SIGNS = 0.6
"""Share of characters that are neither letter nor digit, from which a text is noise."""

_VOWELLESS = 0.4
"""Share of Latin words of four letters and more that have no vowel, from which they are noise."""

_SCRIPTS_IN_A_LINE = 4
"""Scripts from which a line is a mixture; Japanese beside a Latin name counts two."""

_FEWEST_CHARACTERS = 20
_FEWEST_WORDS = 5
"""Characters and Latin words below which no share is taken: too few to tell."""

_ONE_SCRIPT = {"HIRAGANA": "CJK", "KATAKANA": "CJK", "HALFWIDTH": "", "FULLWIDTH": ""}
"""First words of Unicode names that are no script of their own."""


class Noise(NamedTuple):
    """Where a text stops being language.

    Attributes:
        start: The first character that is none, counted in the text.
        seen: What shows it, as a phrase for a reader.
    """

    start: int
    seen: str


def gibberish(text: str) -> Noise | None:
    """Say what shows that the text is no language, and from where on; None for a language."""
    prose = prose_of(text)
    return _numbers_for_words(text) or _mostly_signs(prose) or _mixed_scripts(prose) or _bare(prose)


def _numbers_for_words(text: str) -> Noise | None:
    """Seen under strong activation addition: "1. **1.1.1.0** is a very dangerous behavior"."""
    found = _NUMBER_FOR_A_WORD.match(text)
    enough = found is not None and len(words_of(text)) >= _FEWEST_WORDS
    return Noise(0, f"it begins with “{found[0].strip()}” for a word") if found and enough else None


def _mostly_signs(prose: str) -> Noise | None:
    text = without_tables(prose)
    characters = "".join(_DOUBLED_SIGN.sub(r"\1", text).split())
    others = [character for character in characters if not character.isalnum()]
    signs = sum(unicodedata.category(character)[0] not in "LMN" for character in others)
    if len(characters) < _FEWEST_CHARACTERS or signs < _SIGNS * len(characters):
        return None
    return Noise(0, f"{signs / len(characters):.0%} of its characters are signs")


def _mixed_scripts(prose: str) -> Noise | None:
    start = 0
    for line in without_tables(prose).splitlines(keepends=True):
        letters = "" if line.isascii() else line
        scripts = sorted({_script(letter) for letter in letters if letter.isalpha()} - {""})
        if len(scripts) >= _SCRIPTS_IN_A_LINE:
            seen = f"{len(scripts)} scripts in one line ({', '.join(scripts).lower()})"
            return Noise(start, seen)
        start += len(line)
    return None


def _bare(prose: str) -> Noise | None:
    """Find words without a vowel."""
    words = list(_LATIN_WORD.finditer(prose))
    bare = [word for word in words if not _VOWEL.search(word[0])]
    if len(words) < _FEWEST_WORDS or len(bare) < _VOWELLESS * len(words):
        return None
    return Noise(bare[0].start(), f"“{bare[0][0]}” and other words without a vowel")


def _script(letter: str) -> str:
    """The script by the first word of the letter's Unicode name, such as LATIN or CJK."""
    first = unicodedata.name(letter, "").split(" ")[0]
    return _ONE_SCRIPT.get(first, first)
