"""Keeps what a visitor wrote apart from a model's control tokens.

A tokenizer turns the text `<|im_end|>` into the token that ends a turn, whoever wrote it. Here the
control tokens of a text are found by the tokenizer itself, a mark is put inside each before the
chat template sees it, and of the rendered text only what the template wrote becomes control tokens:

1. The marked text is tokenized; a marked token is none any more, so all that are found are the
   template's.
2. The stretches between them that hold marks are tokenized again without marks, by a copy of the
   tokenizer that knows no control tokens.

A text without control tokens never comes here: its ids are those of the tokenizer, to the last one.
"""

import copy
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from tokenizers import Tokenizer

_HTML: Final = re.compile(
    r"</?(?:table|caption|thead|tbody|tfoot|tr|th|td|h[1-6]|blockquote|strong|em|b|i|u|s|sub|sup"
    r"|code)>"
)
"""Elements of HTML that some tokenizers add as tokens of their own (Gemma's): ordinary text."""

_TURN_MARK: Final = re.compile(
    r"<\|[^|<>\s]{1,40}\|>|<｜[^｜<>\s]{1,40}｜>|\[/?[A-Z_]{2,20}\]|<</?[A-Z]{2,20}>>"
    r"|</?[a-z]+_of_[a-z]+>|</?think>"
)
"""Signs that templates mark turns with, as far as they write them as plain text (Llama-2)."""

_PRIVATE: Final = range(0xE000, 0xF900)
"""Unicode's private use area: signs without a meaning, that nobody types."""


def told(tokens: Sequence[str]) -> str:
    """Return the sentence that says which control tokens stood in a visitor's text."""
    listed = ", ".join(tokens)
    return f"The text holds control tokens of this model ({listed}); they were read as plain text."


@dataclass(frozen=True, eq=False)
class ControlTokens:
    """The control tokens of one tokenizer, as its template uses them.

    Attributes:
        tokenizer: A transformers tokenizer.
        template: Source of the chat template.
    """

    tokenizer: Any
    template: str

    @cached_property
    def by_id(self) -> Mapping[int, str]:
        """Texts of the control tokens: special tokens and all that were added, but blanks and HTML.

        A single sign is none, since there is no other way to write it.
        """
        return {
            int(token): added.content
            for token, added in self.tokenizer.added_tokens_decoder.items()
            if not self._is_ordinary(added.content, is_special=added.special)
        }

    def _is_ordinary(self, text: str, *, is_special: bool) -> bool:
        if _HTML.fullmatch(text) and not is_special and text not in self.template:
            return True
        # SentencePiece writes a blank as a low line.
        return len(text) < 2 or not text.replace("\u2581", " ").strip()

    @cached_property
    def turn_marks(self) -> frozenset[str]:
        """Signs by which the template marks turns and that are ordinary text to the tokenizer."""
        return frozenset(_TURN_MARK.findall(self.template)) - set(self.by_id.values())

    def within(self, text: str) -> tuple[str, ...]:
        """Return the control tokens that stand in a text, each once, in order of appearance."""
        found = [(start, token) for start, _, token in self._spans(text)]
        found += [(text.find(sign), sign) for sign in self.turn_marks if sign in text]
        return tuple(dict.fromkeys(token for _, token in sorted(found)))

    def mark_for(self, *texts: str) -> str:
        """Return a sign that stands in none of the texts."""
        taken = set("".join(texts))
        return next(sign for sign in map(chr, _PRIVATE) if sign not in taken)

    def broken(self, text: str, mark: str) -> str:
        """Return a text with `mark` inside each of its control tokens, so that it holds none."""
        while spans := self._spans(text):
            for start, end, _ in reversed(spans):
                middle = (start + end) // 2
                text = text[:middle] + mark + text[middle:]
        return text

    def encode(self, text: str, mark: str) -> list[int]:
        """Return the ids of a text that `broken` marked; whole control tokens stay control tokens.

        Args:
            text: What `broken` gave, or a template around it.
            mark: The same mark; none of it is left.
        """
        if mark not in text:
            return self._ids(text)
        if not self.tokenizer.is_fast:
            return [token for piece in text.split(mark) for token in self._ids(piece)]
        result: list[int] = []
        begin, start = 0, 0
        ids, offsets = self._with_offsets(text)
        for index, end, after in [*self._controls(text, ids, offsets), (len(ids), len(text), 0)]:
            stretch = text[start:end]
            result += self._as_text(stretch, mark, start) if mark in stretch else ids[begin:index]
            result += ids[index : index + 1]
            begin, start = index + 1, after
        return result

    def _ids(self, text: str) -> list[int]:
        return [int(t) for t in self.tokenizer(text, add_special_tokens=False)["input_ids"]]

    def _spans(self, text: str) -> list[tuple[int, int, str]]:
        """Return first sign, end and text of each control token, in order."""
        if not self.tokenizer.is_fast:
            longest = sorted(self.by_id.values(), key=len, reverse=True)
            pattern = re.compile("|".join(map(re.escape, longest)) or "(?!)")
            return [(*found.span(), found[0]) for found in pattern.finditer(text)]
        ids, offsets = self._with_offsets(text)
        found = self._controls(text, ids, offsets)
        return [(start, end, self.by_id[ids[index]]) for index, start, end in found]

    def _with_offsets(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        encoded = self.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        return [int(token) for token in encoded["input_ids"]], encoded["offset_mapping"]

    def _controls(
        self, text: str, ids: Sequence[int], offsets: Sequence[tuple[int, int]]
    ) -> list[tuple[int, int, int]]:
        """Return index among the ids, first sign and end of each control token."""
        unknown = self.tokenizer.unk_token_id
        return [
            (index, start, end)
            for index, (token, (start, end)) in enumerate(zip(ids, offsets, strict=True))
            # A sign that the vocabulary lacks gives the token for unknowns, and wrote none.
            if token in self.by_id
            and end - start > 1
            and (token != unknown or text[start:end].strip() == self.by_id[token])
        ]

    def _as_text(self, stretch: str, mark: str, start: int) -> Sequence[int]:
        """Return the ids of a stretch between two of the template's control tokens."""
        blind = self._blind[min(start, 1)]
        ids = blind.encode(stretch.replace(mark, ""))
        if self.by_id.keys().isdisjoint(ids):
            return ids
        # Some vocabularies hold control tokens as words, too: then each is written in two parts.
        first, *rest = stretch.split(mark)
        later = [token for piece in rest for token in self._blind[2].encode(piece)]
        return [*blind.encode(first), *later]

    @cached_property
    def _blind(self) -> "tuple[_Blind, ...]":
        """Copies that know no control tokens.

        They are for the start of a text, for what follows a control token, and for a word's middle.
        """
        full = self.tokenizer.backend_tokenizer
        kept = {
            int(token): added
            for token, added in self.tokenizer.added_tokens_decoder.items()
            if int(token) not in self.by_id
        }
        copies = []
        for schemes in ((), ("first",), ("first", "always")):
            # The vocabulary is shared, so that this takes no time.
            blind = Tokenizer(full.model)
            for part in ("normalizer", "pre_tokenizer"):
                if (found := getattr(full, part)) is not None:
                    setattr(blind, part, _unprefixed(found, schemes))
            blind.add_tokens(list(kept.values()))
            # Tokens that stay get new numbers where others before them are gone.
            numbers = {
                number: token
                for token, added in kept.items()
                if (number := blind.token_to_id(added.content)) is not None
            }
            copies.append(_Blind(blind, numbers))
        return tuple(copies)


@dataclass(frozen=True, eq=False)
class _Blind:
    """A tokenizer without control tokens, and what its added tokens are called in the full one."""

    tokenizer: Tokenizer
    numbers: Mapping[int, int]

    def encode(self, text: str) -> list[int]:
        ids = self.tokenizer.encode(text, add_special_tokens=False).ids
        return [self.numbers.get(token, token) for token in ids]


def _unprefixed(part: Any, schemes: Sequence[str]) -> Any:  # noqa: ANN401
    """Return a normalizer or pre-tokenizer that puts no blank before a text.

    Args:
        part: A part of a tokenizer.
        schemes: When it did so: `first` at the start of a whole text only, `always`.
    """
    changed = copy.deepcopy(part)
    state = _without_prefix(json.loads(part.__getstate__()), schemes)
    changed.__setstate__(json.dumps(state).encode())
    return changed


def _without_prefix(state: Any, schemes: Sequence[str]) -> Any:  # noqa: ANN401 - JSON
    if isinstance(state, list):
        return [_without_prefix(each, schemes) for each in state]
    if not isinstance(state, dict):
        return state
    if state.get("prepend_scheme") in schemes:
        return {**state, "prepend_scheme": "never"}
    if "always" in schemes and state.get("type") == "Prepend":
        return {**state, "prepend": ""}
    if "always" in schemes and "add_prefix_space" in state:
        return {**state, "add_prefix_space": False}
    return {key: _without_prefix(value, schemes) for key, value in state.items()}
