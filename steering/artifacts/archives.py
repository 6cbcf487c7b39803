"""Zip files that hold an artifact: the same bytes for the same members, and read with suspicion."""

import hashlib
import io
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from steering.errors import SteeringError

SUMS: Final = "SHA256SUMS"
"""Member with the SHA-256 of every other one, as `sha256sum -c` reads it."""
LARGEST: Final = 4_000_000_000
"""Bytes that an archive may hold (chosen: far above any model's directions)."""
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
"""The earliest date that a zip file can hold, for every member."""


def summed(members: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the members with their SHA-256 sums as one more."""
    sums = [f"{hashlib.sha256(members[name]).hexdigest()}  {name}\n" for name in sorted(members)]
    return {**members, SUMS: "".join(sums).encode()}


def zipped(members: Mapping[str, bytes]) -> bytes:
    """Return a zip file: no clock, no compression, a fixed order."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as file:
        for name in sorted(members):
            member = zipfile.ZipInfo(name, _EPOCH)
            member.create_system = 3  # Unix, wherever this runs
            member.external_attr = 0o100644 << 16
            file.writestr(member, members[name])
    return content.getvalue()


def unzipped(
    path: Path, *, remedy: str = "copy it again", largest: int = LARGEST
) -> dict[str, bytes]:
    """Return the members, sums included, of a zip file that `zipped` made of `summed` ones.

    Args:
        path: The file.
        remedy: What to do if it is broken.
        largest: Bytes that it may hold; fewer where somebody else brings it.

    Raises:
        SteeringError: If it is no zip file, or one that is broken, too large, or not what its sums
            say.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            # Sizes first: a small file may unpack to more than there is room for.
            if sum(each.file_size for each in archive.infolist()) > largest:
                raise SteeringError(
                    f"{path} holds more than {largest / 1e6:,.0f} MB, which no directions have; "
                    f"{remedy}"
                )
            members = {name: archive.read(name) for name in archive.namelist()}
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, OSError) as error:
        raise SteeringError(f"{path} is no whole archive ({error}); {remedy}") from error
    if SUMS not in members:
        raise SteeringError(f"{path} has no {SUMS}, so nothing in it can be checked; {remedy}")
    rest = {name: content for name, content in members.items() if name != SUMS}
    if summed(rest)[SUMS] != members[SUMS]:
        raise SteeringError(f"{path} is damaged: what is in it is not what {SUMS} says; {remedy}")
    return members
