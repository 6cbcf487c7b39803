import errno
import io
import os

import pytest

from steering.errors import SteeringError
from steering.system import whole_files
from steering.system.whole_files import write_file


class FullDisk(io.FileIO):
    def write(self, _content):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def refuse(*_arguments):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize(("call", "fake"), [("fdopen", FullDisk), ("replace", refuse)])
def test_a_full_disk_leaves_the_old_file_and_no_other(tmp_path, monkeypatch, call, fake):
    path = tmp_path / "manifest.json"
    write_file(path, b"old")
    with monkeypatch.context() as patch:
        patch.setattr(whole_files.os, call, fake)
        with pytest.raises(
            SteeringError, match=r"no disk space for manifest\.json in .*bytes are free"
        ):
            write_file(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
    write_file(path, b"new")
    assert path.read_bytes() == b"new"


def test_a_point_that_cannot_be_a_folder_is_explained(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SteeringError, match="could not be written"):
        write_file(tmp_path / "file" / "manifest.json", b"new")


@pytest.mark.parametrize("content", ["7", "[]", '"text"', "null", "true"])
def test_json_that_is_no_object_is_told_with_what_it_is(tmp_path, content):
    path = tmp_path / "manifest.json"
    path.write_text(content)
    with pytest.raises(
        SteeringError, match=r"manifest.json cannot be read \(it holds .* where an object"
    ):
        whole_files.read_json(path)
