"""A full disk or quota is known in whatever words, and ends in one sentence wherever we write."""

import errno
import os
from pathlib import Path

import pytest
from safetensors import SafetensorError

from steering.artifacts import export
from steering.artifacts.resumable import Stages
from steering.errors import SteeringError
from steering.sources import gguf_conversion, gguf_download, hub, weights
from steering.system import disk_space, whole_files
from steering.system.progress import silent
from tests.helpers.fake_hub import Hub, running_hub

FULL = [
    "No space left on device (os error 28)",
    "Disk quota exceeded (os error 122)",
    "Disc quota exceeded",
    "There is not enough space on the disk. (os error 112)",
    "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device",
    "[Errno 122] Disk quota exceeded: '/home/me/.cache'",
    "[WinError 112] Es steht nicht genug Speicherplatz auf dem Datenträger zur Verfügung",
    "Data processing error: File reconstruction error: IO Error: No space left on device",
    "Error while serializing: I/O error: Kein Speicherplatz mehr (os error 28)",
    "database or disk is full",
]
OTHER = [
    "Permission denied (os error 13)",
    "Host is down (os error 112)",  # on Linux
    "Input/output error (os error 5)",
    "429: quota exceeded, slow down",
    "error 28",
    "step 122",
    "(os error 1228)",
    "",
]


@pytest.fixture
def linux(monkeypatch):
    monkeypatch.setattr(disk_space.sys, "platform", "linux")


@pytest.mark.parametrize("text", FULL)
@pytest.mark.parametrize("kind", [OSError, RuntimeError, SafetensorError, Exception])
def test_a_full_disk_is_known_by_its_words_or_number(linux, text, kind):
    assert disk_space.says_full(text)
    assert disk_space.is_full(kind(text))
    wrapped = ValueError("something else")
    wrapped.__cause__ = kind(text)
    assert disk_space.is_full(wrapped)


@pytest.mark.parametrize("text", OTHER)
def test_what_is_no_full_disk_is_not_told_as_one(linux, text):
    assert not disk_space.says_full(text)
    assert not disk_space.is_full(RuntimeError(text))


def test_the_number_means_what_it_means_on_the_system_that_wrote_it(monkeypatch):
    monkeypatch.setattr(disk_space.sys, "platform", "win32")
    assert disk_space.says_full("Недостаточно места на диске. (os error 112)")
    assert disk_space.says_full("(os error 39)")
    assert not disk_space.says_full(
        "The data area passed to a system call is too small. (os error 122)"
    )
    monkeypatch.setattr(disk_space.sys, "platform", "linux")
    assert disk_space.says_full(f"(os error {errno.EDQUOT})")
    assert not disk_space.says_full("(os error 112)")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_known_by_the_errno(number):
    assert disk_space.is_full(OSError(number, "in any language"))
    assert not disk_space.is_full(OSError(errno.EACCES, "in any language"))


def test_what_windows_says_beside_the_errno_counts():
    error = OSError(errno.EINVAL, "in any language")
    error.winerror = 39
    assert disk_space.is_full(error)


SENTENCE = r"no disk space for .* bytes are free .*make room there"


def fail(number: int):
    def refuse(*_arguments: object, **_options: object) -> None:
        raise OSError(number, os.strerror(number))

    return refuse


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_file_of_an_artifact_that_does_not_fit_leaves_nothing(tmp_path, monkeypatch, number):
    monkeypatch.setattr(whole_files.os, "replace", fail(number))
    with pytest.raises(SteeringError, match=SENTENCE.replace(".*", "a.json .*", 1)):
        whole_files.write_json(tmp_path / "a.json", {})
    assert list(tmp_path.iterdir()) == []


def test_another_fault_of_the_disk_is_not_told_as_a_full_one(tmp_path, monkeypatch):
    monkeypatch.setattr(whole_files.os, "replace", fail(errno.EACCES))
    with pytest.raises(SteeringError, match=r"a\.json could not be written: .*Permission denied"):
        whole_files.write_json(tmp_path / "a.json", {})


@pytest.fixture
def stages(tmp_path, monkeypatch) -> Stages:
    monkeypatch.setenv("STEERING_CACHE", str(tmp_path))
    return Stages(["test"])


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_work_whose_lines_do_not_fit_ends_in_the_sentence_and_goes_on_later(
    stages, monkeypatch, number
):
    asked: list[str] = []

    def compute(key: str) -> dict[str, str]:
        asked.append(key)
        return {"of": key}

    opened = Path.open

    def full_at_b(path, *arguments, **options):
        if asked == ["a", "b"]:
            raise OSError(number, os.strerror(number))
        return opened(path, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", full_at_b)
        with pytest.raises(SteeringError, match=SENTENCE):
            stages.lines("work", ["a", "b", "c"], compute)
    found = stages.lines("work", ["a", "b", "c"], compute)
    assert found == [{"of": "a"}, {"of": "b"}, {"of": "c"}]
    assert asked == ["a", "b", "b", "c"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
def test_lines_on_a_disk_that_is_really_full_end_in_the_sentence(stages):
    stages.folder.mkdir(parents=True)
    (stages.folder / "work.jsonl").symlink_to("/dev/full")
    with pytest.raises(SteeringError, match=SENTENCE):
        stages.lines("work", ["a"], lambda _key: {})


def test_a_stage_folder_that_cannot_be_made_is_a_sentence(stages, monkeypatch):
    monkeypatch.setattr(Path, "mkdir", fail(errno.EDQUOT))
    with pytest.raises(SteeringError, match=SENTENCE):
        stages.lines("work", ["a"], lambda _key: {})


@pytest.mark.parametrize("text", FULL[:2])
def test_a_conversion_that_does_not_fit_ends_in_the_sentence(tmp_path, text):
    log = f"Traceback ...\nsafetensors_rust.SafetensorError: Error: I/O error: {text}\n"
    error = gguf_conversion._failure(tmp_path / "a.gguf", tmp_path, 1, {}, log)
    assert "no disk space for the model's files" in str(error)
    other = gguf_conversion._failure(tmp_path / "a.gguf", tmp_path, 1, {}, "KeyError: 'x'\n")
    assert "could not be converted" in str(other)


@pytest.fixture
def server(tmp_path, monkeypatch):
    with running_hub() as running:
        monkeypatch.setenv("HF_ENDPOINT", running.address)
        monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
        monkeypatch.setattr(hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
        running.files |= {"org/chat/model.safetensors": b"x", "org/chat/config.json": b"{}"}
        yield running


@pytest.mark.parametrize("text", FULL[:4])
@pytest.mark.parametrize("kind", [OSError, RuntimeError])
def test_a_download_that_does_not_fit_ends_in_the_sentence(
    server: Hub, monkeypatch, linux, text, kind
):
    def broken(*_: object, **__: object) -> str:
        raise kind(text)

    monkeypatch.setattr(hub.huggingface_hub, "snapshot_download", broken)
    with pytest.raises(SteeringError, match=SENTENCE):
        hub.snapshot("org/chat", None, report=silent)


def test_pips_full_disk_counts_as_one(linux):
    stderr = "ERROR: Could not install packages due to an OSError: [Errno 122] Disk quota exceeded"
    assert disk_space.is_full(gguf_download._Unavailable(gguf_download._pip_reason("x", stderr)))


def test_a_lock_that_does_not_fit_ends_in_the_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("STEERING_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(Path, "mkdir", fail(errno.EDQUOT))
    with pytest.raises(SteeringError, match=SENTENCE), weights._alone("x", silent):
        pass


def test_an_export_whose_scratch_file_does_not_fit_ends_in_the_sentence(fitted, monkeypatch):
    monkeypatch.setattr(export.gguf, "GGUFWriter", fail(errno.ENOSPC))
    with pytest.raises(SteeringError, match=SENTENCE):
        export.control_vector(fitted)


def test_the_sentence_is_about_what_was_written_and_where(tmp_path):
    text = str(disk_space.full(tmp_path / "not" / "yet", 5, what="x.json"))
    assert text.startswith(f"no disk space for x.json in {tmp_path}: 5 bytes are needed")
