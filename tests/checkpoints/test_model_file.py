"""Single files of a model folder: stand-ins, cut and foreign files are told by name."""

import json
import os
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save

from steering.checkpoints import model_file
from steering.errors import SteeringError

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"a" * 64 + b"\nsize 12345\n"
WEIGHTS = save({"a": torch.ones(3, 2), "b": torch.ones(4, dtype=torch.bfloat16)}, {"format": "pt"})


def written(folder: Path, content: bytes, name: str = "file") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (LFS, "is a Git LFS pointer.*git lfs pull"),
        (b"version https://hawser.github.com/spec/v1\noid sha256:0\n", "is a Git LFS pointer"),
        (b"# xet version 0\nfilesize = 5\n", "is a Git Xet pointer"),
        (b"/annex/objects/SHA256E-s5--ab.json\n", "is a git-annex pointer.*git annex get"),
        (b"\xef\xbb\xbf\r\n<!DOCTYPE html>\n<html>", "is a web page"),
        (b"<html lang='en'>", "is a web page"),
        (b"Entry not found", "is a server's error message"),
        (b"Invalid username or password.", "is a server's error message"),
        (b"", "is empty"),
    ],
)
@pytest.mark.parametrize("read", [model_file.json_object, model_file.tensors, model_file.text])
def test_what_stands_in_a_files_place_is_told_whatever_the_file(tmp_path, content, said, read):
    path = written(tmp_path, content)
    with pytest.raises(SteeringError, match=rf"^{path} {said}"):
        read(path)


READERS = [model_file.opening, model_file.json_object, model_file.tensors, model_file.text]


@pytest.mark.parametrize("read", READERS)
def test_what_is_no_file_is_told(tmp_path, read):
    (tmp_path / "dead").symlink_to("gone")
    (tmp_path / "circle").symlink_to("circle")
    (tmp_path / "folder").mkdir()
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
    else:
        (tmp_path / "pipe").symlink_to(os.devnull)
    for name, said in {
        "dead": "dead is a link to gone, which does not exist",
        "circle": "circle cannot be read: ",
        "folder": "folder is a folder, expected a file",
        "pipe": "pipe is no regular file",
        "missing": "missing cannot be read: No such file",
        "folder/config.json/x": "x cannot be read: ",
    }.items():
        with pytest.raises(SteeringError, match=said):
            read(tmp_path / name)


@pytest.mark.parametrize("read", READERS)
def test_a_file_that_may_not_be_read_is_told(tmp_path, monkeypatch, read):
    path = written(tmp_path, b"{}")

    def refuse(*_arguments: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)  # root, as in a container, may read everything
    with pytest.raises(SteeringError, match=r"file cannot be read: Permission denied; .*permiss"):
        read(path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"[1]", "holds a JSON list, expected an object"),
        (b"null", "holds a JSON NoneType, expected an object"),
        (b"{", "is no JSON"),
        (b'{"a": 1} more', "is no JSON"),
        (b"[" * 100_000, "is no JSON"),
        (b"\xef\xbb\xbf{}", "begins with a byte order mark"),
        ('{"a": "b"}'.encode("utf-16"), "is no UTF-8 text"),
        ('{"a": "b"}'.encode("utf-16-le"), "is no UTF-8 text"),
        ('{"a": "\u00e9"}'.encode("latin-1"), "is no UTF-8 text"),
    ],
)
def test_what_is_no_json_object_is_told(tmp_path, content, said):
    path = written(tmp_path, content)
    with pytest.raises(SteeringError, match=rf"^{path} {said}"):
        model_file.json_object(path)


def test_a_json_object_in_utf_8_is_read(tmp_path):
    path = written(tmp_path, '{"é": ["日本", 1]}'.encode())
    assert model_file.json_object(path) == {"é": ["日本", 1]}


def test_a_text_that_is_no_utf_8_is_told(tmp_path):
    with pytest.raises(SteeringError, match="is no UTF-8 text"):
        model_file.text(written(tmp_path, "{{ é }}".encode("latin-1")))
    assert model_file.text(written(tmp_path, "{{ é }}".encode())) == "{{ é }}"


def test_the_header_says_names_shapes_and_dtypes(tmp_path):
    found = model_file.tensors(written(tmp_path, WEIGHTS))
    assert found == {
        "a": model_file.TensorFacts("F32", (3, 2)),
        "b": model_file.TensorFacts("BF16", (4,)),
    }


@given(kept=st.integers(0, len(WEIGHTS) - 1))
def test_safetensors_cut_anywhere_are_told(tmp_path_factory, kept):
    path = written(tmp_path_factory.mktemp("cut"), WEIGHTS[:kept])
    with pytest.raises(SteeringError, match=r"is cut|is empty|is no safetensors file"):
        model_file.tensors(path)


def test_safetensors_with_bytes_too_many_are_told(tmp_path):
    with pytest.raises(SteeringError, match="is longer than it should be"):
        model_file.tensors(written(tmp_path, WEIGHTS + b"\0"))


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"PK\x03\x04" + bytes(99), "but a ZIP archive, as pickled weights"),
        (b"GGUF\x03\0\0\0" + bytes(99), "but a GGUF file"),
        (b"\x80\x02}q\x00." + bytes(99), "but pickled data"),
        (b'{"a": 1, "b": 2}', "but JSON"),
        (b"random bytes of some length", "is no safetensors file;"),
    ],
)
def test_another_format_under_the_name_of_safetensors_is_named(tmp_path, content, kind):
    with pytest.raises(SteeringError, match=kind):
        model_file.tensors(written(tmp_path, content))


@given(header=st.one_of(st.binary(), st.text().map(str.encode), st.just(b'{"a": {"shape": 1}}')))
def test_a_header_of_anything_is_a_sentence(tmp_path_factory, header):
    content = len(header).to_bytes(8, "little") + header
    with pytest.raises(SteeringError):
        model_file.tensors(written(tmp_path_factory.mktemp("header"), content))


OUTSIDE = [
    "../../../../etc/passwd",
    "/etc/passwd",
    "a/../../b.safetensors",
    "..",
    "C:\\Windows\\win.ini",
    "C:evil.safetensors",
    "\\\\server\\share\\a.safetensors",
    "a\\..\\..\\b",
    "a\0b",
    "",
    " ",
]


@pytest.mark.parametrize("name", OUTSIDE)
def test_an_index_that_leads_outside_its_folder_is_refused_and_nothing_opened(tmp_path, name):
    index = written(
        tmp_path, json.dumps({"weight_map": {"a": "b.safetensors", "c": name}}).encode()
    )
    with pytest.raises(SteeringError, match=r"says that c is in .* it was not opened"):
        model_file.shards(index)


def test_an_index_that_stays_below_its_folder_is_read(tmp_path):
    placed = {"a": "x.safetensors", "b": "sub/y.safetensors", "c": "..z.safetensors"}
    index = written(tmp_path, json.dumps({"metadata": {}, "weight_map": placed}).encode())
    assert model_file.shards(index) == placed


@pytest.mark.parametrize(
    ("names", "placed", "expected"),
    [
        (["b", "a", "consolidated.00"], None, ["a", "b"]),
        (["model-2", "model-1", "consolidated"], ["model-2", "model-1"], ["model-1", "model-2"]),
        (["model", "model-1", "model-2"], ["model-1", "model-2"], ["model"]),
    ],
)
def test_the_weights_of_a_folder_are_those_that_are_loaded(tmp_path, names, placed, expected):
    for name in names:
        written(tmp_path, WEIGHTS, f"{name}.safetensors")
    if placed:
        shards = {str(place): f"{name}.safetensors" for place, name in enumerate(placed)}
        (tmp_path / model_file.INDEX).write_text(json.dumps({"weight_map": shards}))
    assert [path.stem for path in model_file.weights(tmp_path)] == expected


@pytest.mark.parametrize("document", [{}, {"weight_map": []}, {"weight_map": {}}])
def test_an_index_without_a_map_is_told(tmp_path, document):
    with pytest.raises(SteeringError, match="has no weight_map"):
        model_file.shards(written(tmp_path, json.dumps(document).encode()))


@pytest.mark.parametrize("shard", [None, 3, ["x"], {"x": 1}])
def test_an_index_whose_entry_is_no_name_is_told(tmp_path, shard):
    with pytest.raises(SteeringError, match="no file name below"):
        model_file.shards(written(tmp_path, json.dumps({"weight_map": {"a": shard}}).encode()))


def test_a_file_of_the_hubs_cache_is_to_be_deleted_with_its_repository(tmp_path):
    inside = tmp_path / "hub" / "models--org--chat" / "snapshots" / "abc" / "config.json"
    assert model_file.again(inside) == (
        f"delete {tmp_path / 'hub' / 'models--org--chat'} and fetch the model again"
    )
    assert model_file.again(tmp_path / "config.json") == "copy or download it again"
