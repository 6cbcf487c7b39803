"""Other programs on the same weights: llama.cpp, steering-vectors, nnsight; each only if installed.

None of them is needed by anything here, so they are looked for when a suite is made, and one that
is not there is named with the reason.
"""

import importlib
import threading
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import torch

from steering.bench import row_edits
from steering.bench.rounds import Contender
from steering.errors import SteeringError
from steering.models.chat_model import ChatModel
from steering.sources import catalog
from steering.system.cache_folders import cache_folder

STREAMS: Final = 5
"""Streams of llama.cpp at once: as many as the page starts with panels."""
PACKAGES: Final = {
    "llama.cpp": "xllamacpp",
    "steering-vectors": "steering-vectors",
    "nnsight": "nnsight",
}
"""What is installed for each."""


@dataclass(frozen=True)
class PeerTask:
    """The work that every peer does.

    Attributes:
        plain: The weights as transformers has them.
        prompt: Token ids of the request.
        rows: How many answers at once, where a peer takes one vector for all.
        tokens: Length of an answer.
        gguf: The same weights as a file; None looks for one that the cache still has.
    """

    plain: ChatModel
    prompt: Sequence[int]
    rows: int
    tokens: int
    gguf: Path | None = None


def peers(task: PeerTask) -> tuple[dict[str, Contender], dict[str, str]]:
    """Return what the peers that are here run, by name, and why the others do not."""
    makers: dict[str, Callable[[PeerTask, ModuleType], dict[str, Contender]]] = {
        "llama.cpp": _llama_cpp,
        "steering-vectors": _steering_vectors,
        "nnsight": _nnsight,
    }
    contenders: dict[str, Contender] = {}
    missing: dict[str, str] = {}
    for name, make in makers.items():
        try:
            module = importlib.import_module(PACKAGES[name].replace("-", "_"))
            contenders |= make(task, module)
        except ImportError as error:
            missing[name] = f"not installed ({error}); pip install {PACKAGES[name]}"
        except SteeringError as error:
            missing[name] = str(error)
    return contenders, missing


def gguf_of(task: PeerTask) -> Path:
    """Return the model's GGUF file: the one that was named, the model itself, or one in the cache.

    Raises:
        SteeringError: If there is none; a download is deleted once it is converted.
    """
    name = task.plain.name
    if task.gguf is not None:
        if not task.gguf.is_file():
            raise SteeringError(f"there is no file {task.gguf}; give a .gguf file with --gguf")
        return task.gguf
    if name.endswith(".gguf"):
        return Path(name)
    entry = catalog.find(name)
    kept = [*(cache_folder() / "downloads" / entry.name).rglob("*.gguf")] if entry else []
    if not kept:
        raise SteeringError(
            f"no .gguf file of {name} is at hand (a download is deleted once it is converted); "
            "name one with --gguf"
        )
    return kept[0]


def _llama_cpp(task: PeerTask, xllamacpp: ModuleType) -> dict[str, Contender]:
    settings = xllamacpp.CommonParams()
    settings.model.path = str(gguf_of(task))
    settings.n_parallel = STREAMS
    settings.n_ctx = STREAMS * (len(task.prompt) + task.tokens + 64)
    settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = torch.get_num_threads()
    settings.verbosity = -1  # it would tell of every request
    try:
        server = xllamacpp.Server(settings)
    except (RuntimeError, ValueError) as error:
        raise SteeringError(f"llama.cpp does not take the file: {error}") from error

    def stream() -> None:
        answer = server.handle_completions(
            {
                "prompt": list(task.prompt),
                "max_tokens": task.tokens,
                "temperature": 0.0,
                "ignore_eos": True,
                "cache_prompt": False,
            }
        )
        written = answer.get("usage", {}).get("completion_tokens")
        if written != task.tokens:
            raise RuntimeError(f"llama.cpp wrote {written} tokens of {task.tokens}: {answer}")

    return {
        f"llama.cpp, {STREAMS} streams": lambda: _at_once(stream, STREAMS),
        "llama.cpp, 1 stream": stream,
    }


def _at_once(work: Contender, count: int) -> None:
    """Run something several times at once, and raise what the first of them raised."""
    raised: list[Exception] = []

    def run() -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - a thread's error is told by who waits for it
            raised.append(error)

    threads = [threading.Thread(target=run, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if raised:
        raise raised[0]


def _steering_vectors(task: PeerTask, module: ModuleType) -> dict[str, Contender]:
    layer, vector = row_edits.middle(task.plain) - 1, _vector(task.plain)
    steering = module.SteeringVector({layer: vector})
    plain = row_edits.plain_generate(task.plain, [list(task.prompt)] * task.rows, task.tokens)

    def run() -> None:
        with steering.apply(task.plain.network):
            plain()

    return {f"steering-vectors, {task.rows} rows": run}


def _nnsight(task: PeerTask, module: ModuleType) -> dict[str, Contender]:
    layer, vector = row_edits.middle(task.plain), _vector(task.plain)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it recommends a newer name than most of its versions have
        wrapped: Any = module.LanguageModel(task.plain.network, tokenizer=task.plain.tokenizer)
    ids = torch.tensor([list(task.prompt)] * task.rows, device=task.plain.device)
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    settings = {"max_new_tokens": task.tokens, "min_new_tokens": task.tokens, "pad_token_id": 0}
    blocks = wrapped.get(_path_of(task.plain))

    def run() -> None:
        with wrapped.generate(inputs, do_sample=False, **settings) as tracer:
            for _ in tracer.iter[0 : task.tokens]:
                blocks[layer - 1].output[:] += vector

    return {f"nnsight, {task.rows} rows": run}


def _path_of(model: ChatModel) -> str:
    """Return where the decoder blocks are in the network."""
    first = model.blocks[0]
    found = next(name for name, module in model.network.named_modules() if module is first)
    return str(found).rpartition(".")[0]


def _vector(model: ChatModel) -> torch.Tensor:
    return row_edits.vectors(model, 1)[0].to(model.device, model.dtype)
