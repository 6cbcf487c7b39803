"""A run as the part of a link that holds its answers: compressed JSON, in signs an address takes.

A link is anybody's, so nothing is unpacked beyond a size that is known beforehand.
"""

import re
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final

from steering.artifacts import saved_runs
from steering.artifacts.run_document import RunDocument
from steering.artifacts.saved_runs import SavedRun
from steering.errors import SteeringError
from steering.system import strict_json

MOST_SIGNS: Final = 30_000
"""Signs of a packed run (chosen: mail and chat programs take links of about this length)."""
_MOST_BYTES: Final = 2**20
"""What it may unpack to (chosen: a run of six cards and 4,096 tokens each has about 1 MB)."""
_SIGNS: Final = re.compile(r"[A-Za-z0-9_-]+")
_NAME: Final = "the run in this link"


def packed(document: RunDocument) -> str:
    """Return a run as one word of letters, digits, `-` and `_`.

    Raises:
        SteeringError: If it is too long for a link.
    """
    text = strict_json.dumps(document).encode()
    word = urlsafe_b64encode(zlib.compress(text, 9)).decode().rstrip("=")
    if len(word) > MOST_SIGNS or len(text) > _MOST_BYTES:
        raise SteeringError(
            f"these answers make a link of {len(word):,} signs, and many programs cut what has "
            f"more than {MOST_SIGNS:,}; save the run as data in Settings, and send that file"
        )
    return word


def unpacked(word: str) -> SavedRun:
    """Return the run that `packed` has made a word of.

    Raises:
        SteeringError: If the word is too long, damaged, or holds no run.
    """
    if len(word) > MOST_SIGNS:
        raise SteeringError(
            f"{_NAME} has {len(word):,} signs; at most {MOST_SIGNS:,} are read; ask for the file"
        )
    try:
        text = _text(word)
    except (ValueError, zlib.error) as error:
        raise SteeringError(
            f"{_NAME} is damaged ({str(error)[:80]}); copy the whole link anew"
        ) from error
    return saved_runs.parsed(text, _NAME)


def _text(word: str) -> str:
    if not _SIGNS.fullmatch(word):
        raise ValueError("a sign that no packed run has")
    reader = zlib.decompressobj()
    found = reader.decompress(urlsafe_b64decode(word + "=" * (-len(word) % 4)), _MOST_BYTES + 1)
    if len(found) > _MOST_BYTES:
        raise SteeringError(
            f"{_NAME} unpacks to more than {_MOST_BYTES:,} bytes, which no run of the playground "
            "does; ask for the file"
        )
    if not reader.eof or reader.unused_data:
        raise ValueError("its end is missing, or is not its end")
    return found.decode()
