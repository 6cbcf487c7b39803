"""Other programs on the same weights, by stand-ins: each is optional."""

import sys
import threading
from types import ModuleType, SimpleNamespace

import pytest
import torch

from steering.bench import peers, row_edits
from steering.bench.peers import PeerTask, gguf_of
from steering.errors import SteeringError


@pytest.fixture
def task(tiny, tmp_path):
    file = tmp_path / "tiny.gguf"
    file.touch()
    return PeerTask(tiny, tiny.render("Hi"), 3, 4, file)


@pytest.fixture
def only(monkeypatch):
    """Return a function that lets one package be installed, as a stand-in, and no other."""

    def install(name, **parts):
        for package in peers.PACKAGES.values():
            monkeypatch.setitem(sys.modules, package.replace("-", "_"), None)
        if name:
            module = ModuleType(name)
            vars(module).update(parts)
            monkeypatch.setitem(sys.modules, name, module)

    return install


class LlamaServer:
    asked, running, most, lock = [], 0, 0, threading.Lock()
    written = 4

    def __init__(self, settings):
        self.barrier = None

    def handle_completions(self, request):
        cls = type(self)
        with cls.lock:
            cls.asked.append(request)
            cls.running += 1
            cls.most = max(cls.most, cls.running)
        threading.Event().wait(0.05)
        with cls.lock:
            cls.running -= 1
        return {"usage": {"completion_tokens": cls.written}}


def settings():
    return SimpleNamespace(
        model=SimpleNamespace(), cpuparams=SimpleNamespace(), cpuparams_batch=SimpleNamespace()
    )


def test_a_peer_that_is_not_installed_is_named_with_what_to_install(task, only):
    only(None)
    contenders, missing = peers.peers(task)
    assert contenders == {}
    assert missing.keys() == peers.PACKAGES.keys()
    for name, package in peers.PACKAGES.items():
        assert missing[name].endswith(f"pip install {package}")


def test_llama_cpp_runs_one_stream_and_five_at_once(task, only):
    LlamaServer.asked, LlamaServer.most = [], 0
    only("xllamacpp", CommonParams=settings, Server=LlamaServer)
    contenders, missing = peers.peers(task)
    assert "llama.cpp" not in missing
    contenders["llama.cpp, 1 stream"]()
    assert LlamaServer.most == 1
    contenders["llama.cpp, 5 streams"]()
    assert LlamaServer.most > 1
    assert len(LlamaServer.asked) == 6
    for asked in LlamaServer.asked:
        assert (asked["prompt"], asked["max_tokens"]) == (list(task.prompt), 4)
        assert not asked["cache_prompt"]


def test_a_peer_that_writes_less_is_not_timed(task, only, monkeypatch):
    monkeypatch.setattr(LlamaServer, "written", 3)
    only("xllamacpp", CommonParams=settings, Server=LlamaServer)
    contenders, _ = peers.peers(task)
    for contender in contenders.values():
        with pytest.raises(RuntimeError, match="wrote 3 tokens of 4"):
            contender()


def test_a_file_that_llama_cpp_does_not_take_is_named(task, only):
    def refuse(_settings):
        raise RuntimeError("bad magic")

    only("xllamacpp", CommonParams=settings, Server=refuse)
    assert "does not take the file: bad magic" in peers.peers(task)[1]["llama.cpp"]


def test_without_a_gguf_file_llama_cpp_is_missing_with_the_reason(
    tiny, task, only, alone, tmp_path
):
    only("xllamacpp", CommonParams=settings, Server=LlamaServer)
    bare = PeerTask(tiny, task.prompt, 3, 4)
    assert "no .gguf file of tiny-qwen2 is at hand" in peers.peers(bare)[1]["llama.cpp"]
    with pytest.raises(SteeringError, match="there is no file"):
        gguf_of(PeerTask(tiny, task.prompt, 3, 4, tmp_path / "no.gguf"))
    assert gguf_of(task) == task.gguf


def test_a_file_that_the_cache_still_has_is_found(monkeypatch, alone, tmp_path):
    kept = tmp_path / "downloads" / "qwen2.5-coder-0.5b-instruct" / "hub" / "a.gguf"
    kept.parent.mkdir(parents=True)
    kept.touch()
    named = SimpleNamespace(name="qwen2.5-coder-0.5b-instruct")
    assert gguf_of(PeerTask(named, [1], 1, 1)) == kept
    assert str(gguf_of(PeerTask(SimpleNamespace(name="x/y.gguf"), [1], 1, 1))) == "x/y.gguf"


@pytest.mark.parametrize("name", ["steering-vectors", "nnsight"])
def test_peers_that_edit_add_the_same_vector_where_ours_does(task, name):
    """The real ones, where they are installed."""
    pytest.importorskip(peers.PACKAGES[name].replace("-", "_"))
    model, seen = task.plain, []
    block = model.blocks[row_edits.middle(model)]
    handle = block.register_forward_pre_hook(lambda _m, args: seen.append(args[0].clone()))
    try:
        row_edits.plain_generate(model, [list(task.prompt)] * 3, 4)()
        plain = seen.copy()
        seen.clear()
        peers.peers(task)[0][f"{name}, 3 rows"]()
    finally:
        handle.remove()
    assert len(seen) == 4
    vector = peers._vector(model)
    torch.testing.assert_close(seen[0], plain[0] + vector)
