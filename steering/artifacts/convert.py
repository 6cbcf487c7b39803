"""Writes the documents of an artifact anew in the form of this version; no number is changed.

`python -m steering.artifacts.convert FOLDER` converts evaluation.json and transfer.json in FOLDER.
Readers convert what they read, so a folder that is left as it is serves as well.
"""

import argparse
from pathlib import Path

from steering.artifacts import store
from steering.system import whole_files

_READERS = {"evaluation.json": store.read_evaluation, "transfer.json": store.read_transfer}


def convert(folder: Path) -> tuple[str, ...]:
    """Convert the documents of a folder, each atomically, and return the names of those changed.

    Raises:
        SteeringError: If a document is broken; those before it are converted.
    """
    changed = []
    for name, read in _READERS.items():
        path = folder / name
        if not path.is_file():
            continue
        document = read(path)
        if dict(document) != whole_files.read_json(path):
            whole_files.write_json(path, document)
            changed.append(name)
    return tuple(changed)


def main() -> None:
    """Convert a folder and say what was changed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="an artifact, such as precomputed/MODEL")
    folder = parser.parse_args().folder
    print(*(convert(folder) or ["nothing to convert"]), sep="\n")  # noqa: T201 - a command


if __name__ == "__main__":
    main()
