"""Puts the files of an artifact in their place together, so that no mixture is taken for one."""

import contextlib
import shutil
import tempfile
from collections.abc import Generator, Sequence
from pathlib import Path

from steering.artifacts import folders, local_fits
from steering.errors import SteeringError
from steering.system import disk_space, whole_files

PARTIAL = ".partial"
"""Folder in that of an artifact, with files that are to take the place of those there."""


@contextlib.contextmanager
def replacing(folder: Path, *, leaving_out: Sequence[str] = ()) -> Generator[Path]:
    """Give a folder to write an artifact's files in; in the end they replace those of a folder.

    A kill on the way leaves the folder as it was.

    Args:
        folder: Is made if need be; files of other names stay.
        leaving_out: Files that go if no new ones replace them.

    Raises:
        SteeringError: If the disk refuses, as `publish` says.
    """
    with disk_space.writing(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        beside = tempfile.TemporaryDirectory(dir=folder.parent, prefix=".making-")
    with beside as root:
        # One level deeper than a fit, so that a search for fits does not find it.
        made = Path(root) / "made"
        yield made
        publish(made, folder, leaving_out=leaving_out)


def publish(made: Path, folder: Path, *, leaving_out: Sequence[str] = ()) -> None:
    """Put a finished artifact in its place: every file is written whole, then all are named anew.

    The manifest comes last: until then the old one says a hash that new directions do not have, so
    that no mixture is taken for an artifact.

    Args:
        made: Holds the files, and nothing else; it is removed.
        folder: Is made if need be; files of other names stay.
        leaving_out: Files that go if `made` has none of their name.

    Raises:
        SteeringError: If the disk refuses; unless it does so between two renames, `folder` is then
            as it was.
    """
    partial = folder / PARTIAL
    shutil.rmtree(partial, ignore_errors=True)  # of a run that was killed right here
    try:
        names = sorted((path.name for path in made.iterdir()), key=_manifest_last)
        gone = [name for name in leaving_out if name not in names]
        for name in names:
            whole_files.write_file(partial / name, (made / name).read_bytes())
        for name in names:
            if name == local_fits.MANIFEST:
                for each in gone:
                    (folder / each).unlink(missing_ok=True)
            (partial / name).replace(folder / name)
    except OSError as error:
        raise SteeringError(f"{folder} could not be written: {error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    shutil.rmtree(made, ignore_errors=True)


def _manifest_last(name: str) -> tuple[bool, str]:
    return name == local_fits.MANIFEST, name


def written_beside(model: str) -> Path:
    """Return the folder of a model's artifact, to write results of its directions into.

    One that came with an installed package is copied to where it may be written, once: results
    belong to the very directions that they were measured on.

    Raises:
        SteeringError: If the disk refuses.
    """
    found, own = folders.folder_of(model), folders.made(model)
    if folders.INSTALLED and found == folders.shipped(model) and found.is_dir():
        with replacing(own) as made, disk_space.writing(own):
            shutil.copytree(found, made, ignore=shutil.ignore_patterns(".*"))
        return own
    return found
