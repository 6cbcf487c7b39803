"""An artifact takes its place whole or not at all."""

import contextlib
from dataclasses import replace
from pathlib import Path

import pytest

from steering.artifacts import folders, publishing, store
from steering.errors import SteeringError
from steering.system import whole_files
from steering.system.whole_files import write_file


def test_a_finished_artifact_replaces_the_old_one_and_leaves_other_files(tmp_path):
    for name in ("a", "b"):
        write_file(tmp_path / "made" / name, b"new")
        write_file(tmp_path / "out" / name, b"old")
    write_file(tmp_path / "out" / "notes.txt", b"mine")
    publishing.publish(tmp_path / "made", tmp_path / "out")
    found = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert found == {"a": b"new", "b": b"new", "notes.txt": b"mine"}
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("renamed", [0, 1, 2])
def test_a_kill_between_two_files_never_leaves_what_does_not_belong_together(
    tmp_path, monkeypatch, fitted, charted, renamed
):
    def made(folder, directions, maps):
        store.write(folder, directions, {})
        store.write_maps(folder, maps)
        return directions.digest, maps.digest

    out = tmp_path / "out"
    old = made(out, fitted, charted)
    other = replace(fitted, difference=-fitted.difference), replace(charted, texts=charted.labels)
    made(tmp_path / "made", *other)
    real, calls = Path.replace, []

    def stopping(path, target):
        calls.append(path.name)
        if len(calls) > renamed:
            raise KeyboardInterrupt
        return real(path, target)

    monkeypatch.setattr(Path, "replace", stopping)
    with pytest.raises(KeyboardInterrupt):
        publishing.publish(tmp_path / "made", out)
    if not renamed:
        assert (store.load("tiny", out).digest, store.read_maps("tiny", out).digest) == old
        return
    with pytest.raises(SteeringError, match="from another run"):
        store.load("tiny", out)


def test_what_is_written_beside_an_artifact_takes_its_point_whole_or_not_at_all(tmp_path):
    folder = tmp_path / "new" / "out"
    for content, stops in ((b"one", False), (b"two", True), (b"three", False)):
        with contextlib.suppress(KeyboardInterrupt), publishing.replacing(folder) as made:
            write_file(made / "a", content)
            if stops:
                raise KeyboardInterrupt
            write_file(made / "b", content)
        kept = b"one" if stops else content
        found = {path.name: path.read_bytes() for path in folder.iterdir()}
        assert found == {"a": kept, "b": kept}
        assert [path.name for path in folder.parent.iterdir()] == ["out"]


def test_a_disk_that_fills_up_leaves_the_old_artifact_whole(tmp_path, monkeypatch):
    for name in ("a", "b"):
        write_file(tmp_path / "made" / name, b"new")
        write_file(tmp_path / "out" / name, b"old")
    real = whole_files.write_file

    def full(path, content):
        if path.name == "b":
            raise SteeringError("no space")
        real(path, content)

    with monkeypatch.context() as patch:
        patch.setattr(whole_files, "write_file", full)
        with pytest.raises(SteeringError, match="no space"):
            publishing.publish(tmp_path / "made", tmp_path / "out")
    found = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert found == {"a": b"old", "b": b"old"}
    publishing.publish(tmp_path / "made", tmp_path / "out")
    assert (tmp_path / "out" / "b").read_bytes() == b"new"


@pytest.mark.parametrize("installed", [False, True])
def test_results_are_written_beside_directions_but_not_into_a_package(
    tmp_path, monkeypatch, fitted, installed
):
    monkeypatch.setenv("STEERING_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(folders, "ROOT", tmp_path / "package")
    monkeypatch.setattr(folders, "INSTALLED", installed)
    shipped = folders.shipped("tiny")
    store.write(shipped, fitted, {"seed": 42})
    write_file(shipped / "sweep.csv", b"shipped")
    before = {path.name: path.read_bytes() for path in shipped.iterdir()}
    for content in (b"once", b"twice"):
        found = publishing.written_beside("tiny")
        assert (found == shipped) != installed
        write_file(found / "sweep.csv", content)
        # What is read afterwards is what was written, beside the directions that it is of.
        assert folders.folder_of("tiny") == found
        assert store.load("tiny").digest == fitted.digest
        assert (folders.folder_of("tiny") / "sweep.csv").read_bytes() == content
    after = {path.name: path.read_bytes() for path in shipped.iterdir()}
    assert (after == before) == installed
