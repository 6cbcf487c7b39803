"""Whether a text is no language: strong edits make a model write numbers, signs or mixed scripts.

Each check is careful: what a person could have meant, such as a table, a formula, a word list in
several languages or a smiley, is no gibberish. Thresholds are chosen, not fitted.
"""

import re
import unicodedata

from steering.verdicts.repetition import prose_of, without_tables, words_of

_NUMBER_FOR_A_WORD = re.compile(r"\W*\d+\.\s\W*\d{1,2}(?:\.\d{1,2}){2,}\W*")
_DOUBLED_SIGN = re.compile(r"([^\w\s])\1+")
_LATIN_WORD = re.compile(r"\b[a-z]{4,}\b")
_VOWEL = re.compile(r"[aeiouy]")

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


def gibberish(text: str) -> str | None:
    """What shows that the text is no language, as a phrase for a reader, or None."""
    return (
        _numbers_for_words(text) or _mostly_signs(text) or _mixed_scripts(text) or _no_vowels(text)
    )


def _numbers_for_words(text: str) -> str | None:
    """Seen under strong activation addition: "1. **1.1.1.0** is a very dangerous behavior"."""
    found = _NUMBER_FOR_A_WORD.match(text)
    enough = found is not None and len(words_of(text)) >= _FEWEST_WORDS
    return f"it begins with “{found[0].strip()}” for a word" if found and enough else None


def _mostly_signs(text: str) -> str | None:
    characters = "".join(_DOUBLED_SIGN.sub(r"\1", without_tables(prose_of(text))).split())
    signs = sum(unicodedata.category(character)[0] not in "LMN" for character in characters)
    if len(characters) < _FEWEST_CHARACTERS or signs < _SIGNS * len(characters):
        return None
    return f"{signs / len(characters):.0%} of its characters are signs"


def _mixed_scripts(text: str) -> str | None:
    for line in without_tables(prose_of(text)).splitlines():
        scripts = sorted({_script(character) for character in line if character.isalpha()} - {""})
        if len(scripts) >= _SCRIPTS_IN_A_LINE:
            return f"{len(scripts)} scripts in one line ({', '.join(scripts).lower()})"
    return None


def _no_vowels(text: str) -> str | None:
    words = _LATIN_WORD.findall(prose_of(text).lower())
    bare = [word for word in words if not _VOWEL.search(word)]
    if len(words) < _FEWEST_WORDS or len(bare) < _VOWELLESS * len(words):
        return None
    return f"“{bare[0]}” and other words without a vowel"


def _script(letter: str) -> str:
    """The script by the first word of the letter's Unicode name, such as LATIN or CJK."""
    first = unicodedata.name(letter, "").split(" ")[0]
    return _ONE_SCRIPT.get(first, first)
