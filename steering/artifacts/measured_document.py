"""Reads documents of what was measured of a model, which lie beside its directions.

Each is optional, and each has its type: a document that is not of it is broken, whoever wrote it.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from steering.artifacts import folders
from steering.artifacts.local_fits import MANIFEST
from steering.errors import SteeringError
from steering.system import whole_files

if TYPE_CHECKING:
    from pydantic import TypeAdapter

_Document = TypeVar("_Document")
_MOST_FAULTS = 3
_DIGEST = "directions_sha256"


def of_directions(document: Mapping[str, object], folder: Path) -> Mapping[str, object]:
    """Return a document that names the directions in a folder as those it was measured with."""
    manifest = folder / MANIFEST
    digest = whole_files.read_json(manifest).get(_DIGEST) if manifest.is_file() else None
    return {**document, "directions": digest} if digest else document


@dataclass(frozen=True)
class DocumentKind(Generic[_Document]):
    """One kind of document.

    Attributes:
        file: Its name beside the directions.
        schema: The only one that is read.
        form: The `TypedDict` that it is of.
        command: Of the command line, measures it again.
        flaw: Says what is wrong with a document of that form, or nothing.
    """

    file: str
    schema: int
    form: type[_Document]
    command: str
    flaw: Callable[[_Document], str] = lambda _document: ""

    def read(self, model: str, folder: Path | None = None) -> _Document | None:
        """Return the document of a model, or None where it was not measured.

        Args:
            model: Its name.
            folder: Of its directions; None for the model's artifact.

        Raises:
            SteeringError: If it is broken, of another schema, another model, or directions that
                were replaced since.
        """
        folder = folder or folders.folder_of(model)
        path = folder / self.file
        if not folders.is_file(path):
            return None
        document = whole_files.read_json(path)
        if document.get("schema") != self.schema:
            schema = f"schema {document.get('schema')}, this version reads schema {self.schema}"
            raise self._not_read(path, model, schema)
        found = self._checked(document, path, model)
        manifest = folder / MANIFEST
        fitted = whole_files.read_json(manifest) if manifest.is_file() else {}
        if fitted.get("model") not in (None, document.get("model")):
            raise self._not_read(
                path, model, f"model {document.get('model')}, not {fitted['model']}"
            )
        if document.get("directions") not in (None, fitted.get(_DIGEST)):
            raise self._not_read(path, model, "what was measured with other directions")
        return found

    def _checked(self, document: object, path: Path, model: str) -> _Document:
        from pydantic import ValidationError

        try:
            json.dumps(document, allow_nan=False)
        except ValueError as error:
            raise self._not_read(path, model, "numbers that are not finite") from error
        try:
            found = self._adapter.validate_python(document)
        except ValidationError as error:
            faults = [
                f"{'.'.join(map(str, each['loc']))}: {each['msg']}"
                for each in error.errors(include_url=False, include_input=False)[:_MOST_FAULTS]
            ]
            raise self._not_read(path, model, "; ".join(faults)) from error
        if flaw := self.flaw(found):
            raise self._not_read(path, model, flaw)
        return found

    @cached_property
    def _adapter(self) -> "TypeAdapter[_Document]":
        from pydantic import TypeAdapter

        return TypeAdapter(self.form)

    def _not_read(self, path: Path, model: str, why: str) -> SteeringError:
        return SteeringError(
            f"{path} has {why}; measure it again with "
            f"`python -m steering {self.command} --model {model}`"
        )
