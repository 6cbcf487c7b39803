"""Reads and writes small files; what is written is there whole or not at all."""

import contextlib
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from steering.errors import SteeringError
from steering.system import disk_space, strict_json


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON document: an object, with its keys.

    Raises:
        SteeringError: If it is not JSON, or another value.
    """
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise SteeringError(f"{path} cannot be read ({error}); write it again") from error
    if not isinstance(found, dict):
        raise SteeringError(
            f"{path} cannot be read (it holds {str(found)[:40]!r} where an object with keys is "
            "expected); write it again"
        )
    return found


def write_json(path: Path, document: Any) -> None:  # noqa: ANN401
    """Write a JSON document atomically, readable and stable in order."""
    write_file(path, (strict_json.dumps(document, indent=1) + "\n").encode())


def write_lines(path: Path, documents: Sequence[Mapping[str, object]]) -> None:
    """Write a JSONL file atomically."""
    lines = [strict_json.dumps(document) + "\n" for document in documents]
    write_file(path, "".join(lines).encode())


def write_file(path: Path, content: bytes) -> None:
    """Write a file whole or not at all.

    Raises:
        SteeringError: If the disk refuses; nothing is left behind.
    """
    temporary: str | None = None
    with disk_space.writing(path):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            Path(temporary).chmod(0o644)
            os.replace(temporary, path)  # noqa: PTH105
        except OSError:
            if temporary is not None:
                with contextlib.suppress(OSError):
                    Path(temporary).unlink()
            raise
