"""`reproduce.json`: how each part of an artifact was made, and what came of it.

For every part that is there: the command that makes it again, and the SHA-256 of its files; beside
them weights, number format, prompts, seed, machine and versions. `python -m steering reproduce`
makes the parts again and says what differs.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final, TypedDict, cast

from steering.artifacts.manifest_document import ProvenanceEntry
from steering.errors import SteeringError
from steering.system import whole_files

RECIPE_SCHEMA: Final = 1
"""Raised whenever a reader of the old document would misread the new one."""
RECIPE: Final = "reproduce.json"
"""Name of the document in an artifact."""
RECIPE_PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    "directions": ("directions.safetensors", "controls.safetensors", "manifest.json"),
    "maps": ("maps.safetensors",),
    "evaluation": ("evaluation.json",),
    "sweep": ("sweep.csv", "sweep.json"),
    "transfer": ("transfer.json",),
    "capability": ("capability.json",),
    "harm": ("harm.json",),
    "patch": ("patching.json",),
    "wordings": ("wordings.json",),
}
"""Parts of an artifact that can be made again alone, and their files. Recordings hold seconds,
which no two runs share."""
MADE_APART: Final = ("capability", "harm", "patch", "wordings")
"""Parts that a new fit does not make anew; they say which directions they were measured with."""


class RecipePart(TypedDict):
    """One part: the command that makes it again, and the SHA-256 of each of its files."""

    command: str
    files: dict[str, str]


class RecipeDocument(TypedDict):
    """`reproduce.json`; `made` is of the directions, other documents say their own."""

    schema: int
    model: str
    made: ProvenanceEntry
    parts: dict[str, RecipePart]


def recipe_of(folder: Path, model: str, made: ProvenanceEntry) -> RecipeDocument:
    """Return the recipe of the artifact in a folder, of the parts that are there."""
    parts = {part: _part(folder, model, part) for part in RECIPE_PARTS}
    there = {name: part for name, part in parts.items() if part["files"]}
    return {"schema": RECIPE_SCHEMA, "model": model, "made": made, "parts": there}


def _part(folder: Path, model: str, part: str) -> RecipePart:
    return {
        "command": f"python -m steering reproduce --model {model} --only {part}",
        "files": {
            name: hashlib.sha256((folder / name).read_bytes()).hexdigest()
            for name in RECIPE_PARTS[part]
            if (folder / name).is_file()
        },
    }


def write_recipe(folder: Path, model: str, made: ProvenanceEntry) -> None:
    """Write the recipe of the artifact in a folder, atomically."""
    whole_files.write_json(folder / RECIPE, recipe_of(folder, model, made))


def note_part(folder: Path, part: str) -> None:
    """Write down a part that was made by itself, where the folder has a recipe."""
    document = read_recipe(folder)
    if document is not None:
        document["parts"][part] = _part(folder, document["model"], part)
        whole_files.write_json(folder / RECIPE, document)


def read_recipe(folder: Path) -> RecipeDocument | None:
    """Return the recipe in a folder; None where there is none, as in older artifacts.

    Raises:
        SteeringError: If it is broken, or of another schema.
    """
    path = folder / RECIPE
    if not path.is_file():
        return None
    document = whole_files.read_json(path)
    if document.get("schema") != RECIPE_SCHEMA:
        raise SteeringError(
            f"{path} has schema {document.get('schema')}, this version reads schema "
            f"{RECIPE_SCHEMA}; remove it, or use the version that wrote it"
        )
    return cast(RecipeDocument, document)
