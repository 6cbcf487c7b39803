"""The text of each token, so that the texts of all tokens together are the text of the whole.

One token alone may be half a character, or lose the blank before it: what it adds to the tokens
before it is its text.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise, takewhile
from typing import Final

_HALF: Final = "\ufffd"


def token_texts(tokens: Sequence[int], decode: Callable[[Sequence[int]], str]) -> tuple[str, ...]:
    """Return what each token adds to the text.

    A character of several tokens belongs to the last of them; the others add nothing.

    Args:
        tokens: Token ids.
        decode: Returns the text of tokens, special ones included.
    """
    texts: list[str] = []
    # Only what began with the last whole character is decoded again: the work grows with the
    # number of tokens, not with its square.
    start = read = 0
    for end in range(1, len(tokens) + 1):
        before = decode(tokens[start:read])
        now = decode(tokens[start:end])
        if now.endswith(_HALF) and end < len(tokens):
            texts.append("")
            continue
        texts.append(now[len(before) :])
        start, read = read, end
    whole = decode(tokens)
    return tuple(texts) if "".join(texts) == whole else _by_prefixes(tokens, whole, decode)


def _by_prefixes(
    tokens: Sequence[int], whole: str, decode: Callable[[Sequence[int]], str]
) -> tuple[str, ...]:
    """Return the same where a token changes the text before it, as a wrong byte after others may.

    A token then ends where the text of all up to it stops being that of the whole.
    """
    ends = [0]
    for end in range(1, len(tokens)):
        pairs = zip(decode(tokens[:end]), whole, strict=False)
        shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
        ends.append(max(ends[-1], shared))
    ends.append(len(whole))
    return tuple(whole[start:end] for start, end in pairwise(ends))
