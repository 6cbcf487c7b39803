"""What a .gguf file is, by its header: a chat model, or something else that comes in the format.

Layout: github.com/ggml-org/ggml, docs/gguf.md. Keys, values and the table of tensors are read, in
well under a second; the tensors are not.
"""

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from steering.checkpoints import model_file
from steering.errors import SteeringError

_VERSIONS = (2, 3)
"""Of the format; version 1 was used for some days in August 2023."""

_FORERUNNERS = (b"lmgg", b"ggml", b"fmgg", b"ggmf", b"tjgg", b"ggjt", b"algg", b"ggla")
"""How the formats before GGUF begin, in both byte orders."""

_SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
"""Bytes of a value by its type; 8 is text, 9 a list."""
_NUMBERS = {0: "<B", 2: "<H", 4: "<I", 5: "<i", 10: "<Q"}
_TEXT, _LIST = 8, 9

_LONGEST_LIST = 1 << 24
"""Entries; the largest vocabularies have some 260,000 (chosen)."""

_NO_MODELS: Mapping[str, str] = {
    "controlvector": "a control vector, not a model: `python -m steering import` reads it",
    "mmproj": "the image part of a model (mmproj), not a chat model: give the .gguf file beside it",
    "imatrix": "an importance matrix, made for quantizing, not a model",
    "adapter": "an adapter (LoRA), not a model: merge it into its base model first "
    "(llama-export-lora), and give the merged file",
}

_EMBEDDERS = ("bert", "nomic-bert", "nomic-bert-moe", "jina-bert-v2", "jina-bert-v3", "modern-bert")


@dataclass(frozen=True)
class GgufFacts:
    """What the header says.

    Attributes:
        entries: Keys with their value where that is a text or a whole number; others are left out.
        tensors: Names, in the order of the file.
        end: Bytes that the file has to have at least.
    """

    entries: Mapping[str, Any]
    tensors: tuple[str, ...]
    end: int


def check(path: Path) -> None:
    """Refuse a .gguf file that holds no whole model of its own.

    Raises:
        SteeringError: Says what the file is and what to do.
    """
    facts = read(path)
    architecture = str(facts.entries.get("general.architecture", ""))
    kind = str(facts.entries.get("general.type", "model"))
    if architecture == "clip":
        kind = "mmproj"
    if facts.tensors and all(name.startswith("direction.") for name in facts.tensors):
        architecture = "controlvector"
    if said := _NO_MODELS.get(architecture) or _NO_MODELS.get(kind):
        based = facts.entries.get("general.base_model.0.name")
        raise SteeringError(f"{path} is {said}" + (f"; it was made for {based}" if based else ""))
    pooled = facts.entries.get(f"{architecture}.pooling_type")  # 0 is none
    if architecture in _EMBEDDERS or pooled:
        raise SteeringError(f"{path} is an embedding model ({architecture}): it writes no text")
    parts, number = (facts.entries.get(key) for key in ("split.count", "split.no"))
    if isinstance(parts, int) and parts > 1:
        part = f"part {number + 1}" if isinstance(number, int) else "a part"
        raise SteeringError(
            f"{path} is {part} of {parts} of a model; join them into one file with "
            "`llama-gguf-split --merge`, and give that"
        )
    if not architecture or not facts.tensors:
        raise SteeringError(f"{path} holds no model: it names no architecture, or has no tensors")
    size = path.stat().st_size
    if size < facts.end:
        raise SteeringError(
            f"{path} is cut: its header says {facts.end:,} bytes, it has {size:,}; "
            f"{model_file.again(path)}"
        )


def read(path: Path) -> GgufFacts:
    """Read the header of a .gguf file.

    Raises:
        SteeringError: Names the file: it is missing, unreadable, no GGUF file, of another version
            or byte order, or ends within its header.
    """
    head = model_file.opening(path)
    if head.startswith(_FORERUNNERS):
        raise SteeringError(
            f"{path} is of a format older than GGUF; get the model as GGUF, or convert it anew"
        )
    if not head.startswith(b"GGUF"):
        raise SteeringError(f"{path} is no GGUF file, though its name says so")
    version = int.from_bytes(head[4:8], "little")
    if version and version & 0xFFFF == 0:
        raise SteeringError(
            f"{path} is a big-endian GGUF file; convert it with gguf's `gguf_convert_endian`"
        )
    if version not in _VERSIONS:
        raise SteeringError(
            f"{path} is of GGUF version {version}; allowed are {_VERSIONS[0]} and {_VERSIONS[1]}"
        )
    try:
        with path.open("rb") as file:
            return _Reader(file, path.stat().st_size).facts()
    except (EOFError, struct.error) as error:
        raise SteeringError(
            f"{path} is cut: it ends within its header; {model_file.again(path)}"
        ) from error
    except (ValueError, OSError) as error:
        raise SteeringError(
            f"{path} has a broken header ({error}); {model_file.again(path)}"
        ) from error


class _Reader:
    """Goes through a header once."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file, self._size = file, size
        file.seek(8)

    def facts(self) -> GgufFacts:
        count, n_entries = self._number("<Q"), self._number("<Q")
        entries: dict[str, Any] = {}
        for _ in range(n_entries):
            key = self._text()
            value = self._value(self._number("<I"))
            if value is not None:
                entries[key] = value
        names, end = [], 0
        for _ in range(count):
            names.append(self._text())
            shape = [self._number("<Q") for _ in range(self._number("<I"))]
            length = self._length(self._number("<I"), math.prod(shape))
            end = max(end, self._number("<Q") + length)
        aligned = int(entries.get("general.alignment", 32)) or 1
        start = -(-self._file.tell() // aligned) * aligned
        return GgufFacts(entries, tuple(names), start + end)

    def _bytes(self, count: int) -> bytes:
        if count > self._size:  # before so much memory is asked for
            raise EOFError
        found = self._file.read(count)
        if len(found) < count:
            raise EOFError
        return found

    def _number(self, form: str) -> int:
        return int(struct.unpack(form, self._bytes(struct.calcsize(form)))[0])

    def _text(self) -> str:
        return self._bytes(self._number("<Q")).decode("utf-8", errors="replace")

    def _value(self, kind: int) -> str | int | None:
        if kind == _TEXT:
            return self._text()
        if kind == _LIST:
            self._skip_list()
            return None
        if kind not in _SIZES:
            raise ValueError(f"a value of unknown type {kind}")
        if kind in _NUMBERS:
            return self._number(_NUMBERS[kind])
        self._bytes(_SIZES[kind])
        return None

    def _skip_list(self) -> None:
        kind, count = self._number("<I"), self._number("<Q")
        if count > _LONGEST_LIST:
            raise ValueError(f"a list of {count:,} values")
        if kind in _SIZES:
            self._file.seek(_SIZES[kind] * count, 1)
            return
        for _ in range(count):
            self._value(kind)

    def _length(self, kind: int, count: int) -> int:
        """Bytes of a tensor of `count` weights in GGML's number format `kind`."""
        from gguf import GGML_QUANT_SIZES, GGMLQuantizationType

        if kind not in GGMLQuantizationType._value2member_map_:
            raise ValueError(f"number format {kind} is unknown to the installed gguf package")
        block, size = GGML_QUANT_SIZES[GGMLQuantizationType(kind)]
        return int(count // block * size)
