"""Single tokens as people read them, and which part of a shown answer each token writes.

Unlike `token_texts`, which cuts a text into the shares of its tokens, this says what a token is by
itself: a token that only stands for some bytes of a character is shown as these bytes.
"""

import re
from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from steering.chat_templates.thinking import Reply

_HALF: Final = "\ufffd"
_BYTE: Final = re.compile("<0x([0-9A-F]{2})>")
"""How SentencePiece spells a byte that stands for itself."""
_ESCAPED: Final = range(0xDC80, 0xDD00)
"""Python's signs for bytes that are no text (surrogateescape, PEP 383)."""


def readable_token(
    token: int,
    before: Sequence[int],
    decode: Callable[[Sequence[int]], str],
    spelling: Callable[[int], object],
) -> str:
    """Return what a token adds to the text before it; of a part of a character, its bytes.

    Args:
        token: Token id.
        before: Token ids that stand before it; a few are enough. With none, some tokenizers leave
            out the blank that a token begins with.
        decode: Returns the text of tokens, special ones included.
        spelling: Returns a token as the vocabulary spells it.

    Returns:
        Bytes that are no text as `⟨E7⟩`.
    """
    # From the last whole character on: bytes that wait for this token are no text yet.
    whole = (decode(before[:end]) for end in range(len(before), 0, -1))
    earlier = next((text for text in whole if not text.endswith(_HALF)), "")
    now = decode([*before, token])
    added = now[_shared(earlier, now) :]
    if added and _HALF not in added:
        return added
    spelt = spelling(token)
    own = _bytes(spelt) if isinstance(spelt, str) else None
    if own is None:
        return added
    text = own.decode("utf-8", "surrogateescape")
    return "".join(
        f"⟨{ord(sign) - 0xDC00:02X}⟩" if ord(sign) in _ESCAPED else sign for sign in text
    )


def answer_texts(tokens: Sequence[int], split: "Callable[[Sequence[int]], Reply]") -> list[str]:
    """Return the part of the shown answer that each token writes; together they are the answer.

    Thinking and control tokens write nothing of it. A character of several tokens is written by
    the last of them.

    Args:
        tokens: All that a model wrote.
        split: Splits it into thinking and answer.
    """
    answer = split(tokens).answer
    ends = [0] * (len(tokens) + 1)
    ends[-1] = standing = len(answer)
    # Backwards: what stood as answer for a while may turn out to be the mark of thinking.
    for place in range(len(tokens) - 1, 0, -1):
        reply = split(tokens[:place])
        shared = _shared(reply.answer, answer) if reply.is_answered else 0
        ends[place] = standing = min(standing, shared)
    return [answer[start:end] for start, end in pairwise(ends)]


def _shared(first: str, second: str) -> int:
    """Return how many characters two texts begin with alike."""
    pairs = enumerate(zip(first, second, strict=False))
    return next((place for place, (a, b) in pairs if a != b), min(len(first), len(second)))


def _bytes(spelt: str) -> bytes | None:
    """Return the bytes of a token that is spelt by bytes; None for any other spelling."""
    if found := _BYTE.fullmatch(spelt):
        return bytes([int(found[1], 16)])
    alphabet = _byte_alphabet()
    if spelt and all(sign in alphabet for sign in spelt):
        return bytes(alphabet[sign] for sign in spelt)
    return None


@cache
def _byte_alphabet() -> dict[str, int]:
    """Return the byte of each sign of a byte-level vocabulary (GPT-2's, Radford et al. 2019).

    Bytes that are printable in Latin-1 are spelt by that sign, the others by those from U+0100 on.
    """
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in plain]
    return {chr(byte): byte for byte in plain} | {
        chr(0x100 + place): byte for place, byte in enumerate(others)
    }
