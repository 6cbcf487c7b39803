"""Stand-ins for where weights come from: a hub on this machine, wheels in a folder, a tiny GGUF."""

import hashlib
import json
import threading
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
from huggingface_hub import constants

from steering.models import loading
from steering.models.chat_model import ChatModel
from steering.sources.catalog import CatalogEntry, GgufSource, WheelSource

DATA = bytes(range(256)) * 4096  # 1 MiB
MODEL_FILES = {
    "config.json": b"{}",
    "model.safetensors": (55).to_bytes(8, "little")
    + b'{"a": {"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'.ljust(55)
    + bytes(4),
    "tokenizer.json": b"{}",
}
"""The fewest files that pass for a model until torch opens them."""
REPO, FILENAME, COMMIT = "org/tiny-GGUF", "tiny.gguf", "c" * 40


def entry(data: bytes = DATA, *, pieces: int = 1, **changes: object) -> CatalogEntry:
    """A catalog entry whose GGUF file should hold `data`."""
    names = [f"tiny-part{number}" for number in range(1, pieces + 1)]
    facts: dict[str, object] = {
        "name": "tiny",
        "title": "Tiny",
        "licence": "Apache-2.0",
        "gated": False,
        "hub": None,
        "revision": "main",
        "gguf": GgufSource(REPO, FILENAME, hashlib.sha256(data).hexdigest(), len(data)),
        "wheels": WheelSource(
            tuple(f"{name}==1.0" for name in names),
            tuple(f"{name.replace('-', '_')}/data.bin" for name in names),
        ),
        "refusal_openers": ("I",),
        "n_layers": 2,
        "d_model": 16,
        "parameters": 1000,
        "embeddings": 100,
        "note": "A stand-in.",
    }
    return CatalogEntry(**(facts | changes))  # type: ignore[arg-type]


def write_gguf(
    path: Path,
    architecture: str = "llama",
    tensors: Sequence[str] = ("token_embd.weight",),
    *,
    kind: str | None = None,
    **entries: str | int,
) -> Path:
    """A GGUF file with a header of these entries and tensors of 32 weights each."""
    writer = gguf.GGUFWriter(path, architecture)
    if kind is not None:
        writer.add_type(kind)
    for key, value in entries.items():
        name = key.replace("__", ".")
        writer.add_string(name, value) if isinstance(value, str) else writer.add_uint32(name, value)
    writer.add_token_list(["a", "b"])
    for tensor in tensors:
        writer.add_tensor(tensor, np.ones(32, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def write_wheels(folder: Path, data: bytes = DATA, *, pieces: int = 1) -> None:
    """Wheels as pip expects them, `data` cut into `pieces` that their modules never mention."""
    folder.mkdir(exist_ok=True)
    length = -(-len(data) // pieces)
    for number in range(1, pieces + 1):
        module = f"tiny_part{number}"
        info = f"{module}-1.0.dist-info"
        with zipfile.ZipFile(folder / f"{module}-1.0-py3-none-any.whl", "w") as wheel:
            wheel.writestr(f"{module}/__init__.py", "raise SystemExit('this wheel was imported')")
            wheel.writestr(f"{module}/data.bin", data[(number - 1) * length : number * length])
            wheel.writestr(
                f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n"
            )
            wheel.writestr(
                f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
            )
            wheel.writestr(f"{info}/RECORD", "")


@dataclass
class Hub:
    """What a pretended hub has, how it misbehaves, and what it was asked.

    Attributes:
        address: For HF_ENDPOINT.
        files: Contents by `repo/filename`.
        cut: How many downloads break off half way before one succeeds.
        gated: Whether files are refused without a token.
        stall: While set, requests get no answer.
        asked: Method and path of every request.
        tokens: Authorization header of every request.
    """

    address: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    cut: int = 0
    gated: bool = False
    stall: threading.Event | None = None
    asked: list[str] = field(default_factory=list)
    tokens: list[str | None] = field(default_factory=list)


class _Handler(BaseHTTPRequestHandler):
    hub: Hub  # set in a subclass, since the server makes one handler a request

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def log_message(self, *_: object) -> None:
        pass

    def _answer(self) -> None:
        self.hub.asked.append(f"{self.command} {self.path}")
        self.hub.tokens.append(self.headers.get("Authorization"))
        if self.hub.stall is not None:
            self.hub.stall.wait(30)
            return
        if self.path.startswith("/api/models/"):
            self._information()
        else:
            repo, _, rest = self.path[1:].partition("/resolve/")
            self._file(f"{repo}/{rest.split('/', 1)[1]}" if rest else "")

    def _information(self) -> None:
        repo = "/".join(self.path.split("?")[0].split("/")[3:5])
        names = {
            key[len(repo) + 1 :]: data
            for key, data in self.hub.files.items()
            if key.startswith(f"{repo}/")
        }
        if not names:
            self._refuse(404, "RepoNotFound")
            return
        if "/tree/" in self.path:
            body: object = [
                {"type": "file", "path": name, "size": len(data), "oid": _oid(data)}
                for name, data in names.items()
            ]
        else:
            body = {
                "id": repo,
                "sha": COMMIT,
                "siblings": [
                    {"rfilename": name, "size": len(data), "blobId": _oid(data)}
                    for name, data in names.items()
                ],
            }
        text = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def _file(self, key: str) -> None:
        if self.hub.gated and not self.headers.get("Authorization"):
            self._refuse(401, "GatedRepo")
            return
        if key not in self.hub.files:
            known = any(name.startswith(key.rsplit("/", 1)[0] + "/") for name in self.hub.files)
            self._refuse(404, "EntryNotFound" if known else "RepoNotFound")
            return
        self._send(self.hub.files[key])

    def _send(self, data: bytes) -> None:
        start = 0
        if asked := self.headers.get("Range"):
            start = int(asked.removeprefix("bytes=").split("-")[0])
        self.send_response(206 if asked else 200)
        self.send_header("ETag", f'"{_oid(data)}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Content-Length", str(len(data) - start))
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.end_headers()
        if self.command == "HEAD":
            return
        stop = len(data)
        if self.hub.cut > 0:
            self.hub.cut -= 1
            stop = start + (len(data) - start) // 2
        self.wfile.write(data[start:stop])

    def _refuse(self, status: int, code: str) -> None:
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()


@contextmanager
def running_hub() -> Iterator[Hub]:
    """A hub on 127.0.0.1 until the block ends."""
    hub = Hub()
    handler = type("Handler", (_Handler,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    hub.address = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield hub
    finally:
        if hub.stall is not None:
            hub.stall.set()
        server.shutdown()
        server.server_close()


def _oid(data: bytes) -> str:
    return hashlib.sha1(data).hexdigest()


def place_in_hub_cache(cache: Path, entry: CatalogEntry, network: Any, tokenizer: Any) -> None:
    assert entry.hub
    assert entry.revision
    repository = cache / f"models--{entry.hub.replace('/', '--')}"
    commit = entry.revision if len(entry.revision) == 40 else COMMIT
    folder = repository / "snapshots" / commit
    network.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    reference = repository / "refs" / entry.revision
    reference.parent.mkdir()
    reference.write_text(commit)


def load_as_fetched(cache: Path, entry: CatalogEntry, network: Any, tokenizer: Any) -> ChatModel:
    """Load a network in float32 as if the hub's client had fetched it for a catalog entry."""
    place_in_hub_cache(cache, entry, network, tokenizer)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(constants, "HF_HUB_CACHE", str(cache))
        patch.setenv("HF_HUB_OFFLINE", "1")
        return loading.load(entry.name, dtype="float32", device="cpu")
