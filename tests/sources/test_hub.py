import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants

from steering.errors import SteeringError
from steering.sources import hub
from steering.system import disk_space
from steering.system.progress import silent
from tests.helpers.fake_hub import COMMIT, Hub, running_hub

REPO = "org/model"
FILES = {
    "config.json": b"{}",
    "model.safetensors": b"weights",
    "tokenizer.json": b"{}",
    "chat_template.jinja": b"{{ messages }}",
    "pytorch_model.bin": b"pickled",
    "consolidated.00.pth": b"pickled",
    "consolidated.safetensors": b"the same again",
    "onnx/config.json": b"{}",
    "README.md": b"read me",
}


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub with one model, and an empty cache for what comes from there."""
    with running_hub() as running:
        monkeypatch.setenv("HF_ENDPOINT", running.address)
        monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
        running.files |= {f"{REPO}/{name}": data for name, data in FILES.items()}
        yield running


def test_a_repository_is_downloaded_without_anything_pickled(server: Hub) -> None:
    assert hub.local_snapshot(REPO, "main") is None
    found = hub.snapshot(REPO, "main", report=silent)
    assert found.revision == COMMIT
    assert {path.name for path in found.folder.iterdir()} == {
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "chat_template.jinja",
    }
    assert (found.folder / "model.safetensors").read_bytes() == b"weights"
    assert not any(".bin" in asked or ".pth" in asked for asked in server.asked)


def test_the_second_time_needs_no_network(server: Hub) -> None:
    found = hub.snapshot(REPO, "main", report=silent)
    server.asked.clear()
    assert hub.local_snapshot(REPO, "main") == found
    assert server.asked == []


def test_a_snapshot_that_lost_its_weights_does_not_count(server: Hub) -> None:
    found = hub.snapshot(REPO, "main", report=silent)
    (found.folder / "model.safetensors").unlink()
    assert hub.local_snapshot(REPO, "main") is None
    assert hub.snapshot(REPO, "main", report=silent) == found  # and is mended
    assert (found.folder / "model.safetensors").read_bytes() == b"weights"


def test_an_older_client_that_calls_half_a_snapshot_whole_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.json").write_text("{}")
    monkeypatch.setattr(hub.huggingface_hub, "snapshot_download", lambda *_, **__: str(tmp_path))
    assert hub.local_snapshot(REPO, "main") is None


def test_a_gated_model_without_a_token_says_how_to_get_access(
    server: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.gated = True
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with pytest.raises(SteeringError, match=r"accept its licence.*HF_TOKEN"):
        hub.snapshot(REPO, "main", report=silent)


def test_a_gated_model_comes_with_the_token(server: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    server.gated = True
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    assert hub.snapshot(REPO, "main", report=silent).revision == COMMIT
    assert "Bearer hf_secret" in server.tokens


def test_an_unknown_repository_is_named(server: Hub) -> None:
    with pytest.raises(SteeringError, match=r"org/other.*no such repository"):
        hub.snapshot("org/other", "main", report=silent)


def test_a_repository_of_pickles_is_refused(server: Hub) -> None:
    del server.files[f"{REPO}/model.safetensors"], server.files[f"{REPO}/consolidated.safetensors"]
    with pytest.raises(SteeringError, match=r"no \*\.safetensors.*never opened"):
        hub.snapshot(REPO, "main", report=silent)


def test_a_repository_without_a_tokenizer_is_incomplete(server: Hub) -> None:
    del server.files[f"{REPO}/tokenizer.json"]
    with pytest.raises(SteeringError, match=r"it has no tokenizer\.json"):
        hub.snapshot(REPO, "main", report=silent)


def test_no_network_is_said_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(SteeringError, match=r"org/model could not be fetched from the hub: .*"):
        hub.snapshot(REPO, "main", report=silent)


def test_offline_mode_asks_nothing(server: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "true")
    with pytest.raises(SteeringError, match="offline mode"):
        hub.snapshot(REPO, "main", report=silent)
    assert server.asked == []


def test_a_model_that_does_not_fit_is_not_begun(
    server: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = disk_space.shutil.disk_usage("/")
    monkeypatch.setattr(disk_space.shutil, "disk_usage", lambda _: usage._replace(free=3))
    with pytest.raises(SteeringError, match="3 bytes are free"):
        hub.snapshot(REPO, "main", report=silent)
    assert not any("resolve" in asked for asked in server.asked)


def test_failing_storage_counts_as_an_unreachable_hub(
    server: Hub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def broken(*_: object, **__: object) -> str:
        raise RuntimeError("Data processing error: dns")

    monkeypatch.setattr(hub.huggingface_hub, "hf_hub_download", broken)
    with pytest.raises(hub.ERRORS, match="storage failed"):
        hub.download_file(REPO, "config.json", "main", tmp_path)


def test_a_sharded_model_needs_every_shard_of_its_index(tmp_path: Path) -> None:
    shards = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "tokenizer.model").write_text("")
    index = {"weight_map": {"a": shards[0], "b": shards[1]}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    (tmp_path / shards[0]).write_bytes(b"")
    assert hub.missing(tmp_path) == (shards[1],)
    (tmp_path / shards[1]).write_bytes(b"")
    assert hub.missing(tmp_path) == ()
