"""GGUF files that are no whole chat model are told apart by their headers."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steering.checkpoints import gguf_header
from steering.errors import SteeringError
from tests.helpers.fake_hub import write_gguf


def test_a_models_header_is_read_whole(tmp_path):
    path = write_gguf(tmp_path / "a.gguf", tensors=["x", "y"], general__name="Tiny", llama__n=7)
    facts = gguf_header.read(path)
    assert facts.tensors == ("x", "y")
    assert facts.entries["general.architecture"] == "llama"
    assert (facts.entries["general.name"], facts.entries["llama.n"]) == ("Tiny", 7)
    # The writer fills up to 32 bytes after each tensor; 32 float32 have 128.
    assert facts.end == path.stat().st_size
    gguf_header.check(path)


@pytest.mark.parametrize(
    ("architecture", "tensors", "kind", "entries", "said"),
    [
        ("controlvector", ["direction.1"], None, {}, "a control vector, not a model: .*import"),
        ("llama", ["direction.1", "direction.2"], None, {}, "a control vector, not a model"),
        ("clip", ["v.blk.0.weight"], None, {}, "the image part of a model"),
        ("clip", ["v.blk.0.weight"], "mmproj", {}, "the image part of a model"),
        (
            "llama",
            ["blk.0.attn_q.weight.lora_a"],
            "adapter",
            {"general__base_model__0__name": "Base 7B"},
            "an adapter .*merge it into its base model first.*it was made for Base 7B",
        ),
        ("llama", ["a.in_sum2"], "imatrix", {}, "an importance matrix"),
        ("bert", ["token_embd.weight"], "model", {}, "an embedding model"),
        ("qwen3", ["token_embd.weight"], None, {"qwen3__pooling_type": 3}, "an embedding model"),
        ("llama", ["a"], None, {"split__count": 3, "split__no": 1}, "part 2 of 3 .*--merge"),
        ("llama", ["a"], None, {"split__count": 3, "split__no": "x"}, "a part of 3 .*--merge"),
        ("llama", [], None, {}, "holds no model"),
    ],
)
def test_what_is_no_whole_chat_model_is_told(tmp_path, architecture, tensors, kind, entries, said):
    path = write_gguf(tmp_path / "a.gguf", architecture, tensors, kind=kind, **entries)
    with pytest.raises(SteeringError, match=rf"^{path} (is|holds|) ?{said}"):
        gguf_header.check(path)


@pytest.mark.parametrize(
    "entries", [{"llama__pooling_type": 0}, {"split__count": 1}, {"split__count": "x"}, {}]
)
@pytest.mark.parametrize("kind", [None, "model"])
def test_a_chat_model_passes(tmp_path, kind, entries):
    gguf_header.check(write_gguf(tmp_path / "a.gguf", kind=kind, **entries))


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> bytes:
    path = tmp_path_factory.mktemp("whole") / "a.gguf"
    return write_gguf(path, tensors=["x", "y"], general__name="Tiny").read_bytes()


@given(share=st.floats(0, 1, exclude_max=True))
def test_a_file_cut_anywhere_is_told(whole, tmp_path_factory, share):
    path = tmp_path_factory.mktemp("cut") / "a.gguf"
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(SteeringError, match=rf"^{path} is (cut|empty|no GGUF|of GGUF version)"):
        gguf_header.check(path)


@given(place=st.integers(4, 300), byte=st.integers(0, 255))
def test_a_damaged_header_never_ends_in_anything_but_a_sentence(
    whole, tmp_path_factory, place, byte
):
    path = tmp_path_factory.mktemp("damaged") / "a.gguf"
    path.write_bytes(whole[:place] + bytes([byte]) + whole[place + 1 :])
    try:
        gguf_header.check(path)
    except SteeringError as error:
        assert str(path) in str(error)  # noqa: PT017 - most damages hit nothing that is read


@pytest.mark.parametrize(
    ("head", "said"),
    [
        (b"GGUF" + (3).to_bytes(4, "big"), "a big-endian GGUF file"),
        (b"GGUF" + (2).to_bytes(4, "big"), "a big-endian GGUF file"),
        (b"GGUF" + (1).to_bytes(4, "little"), "of GGUF version 1; allowed are 2 and 3"),
        (b"GGUF" + (9).to_bytes(4, "little"), "of GGUF version 9; allowed are 2 and 3"),
        (b"ggjt" + bytes(4), "of a format older than GGUF"),
        (b"tjgg" + bytes(4), "of a format older than GGUF"),
        (b"PK\x03\x04" + bytes(4), "no GGUF file"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer.*git lfs pull"),
        (b"<!doctype html>", "a web page"),
        (b"", "empty"),
    ],
)
def test_another_file_under_the_name_is_told(tmp_path, head, said):
    path = tmp_path / "a.gguf"
    path.write_bytes(head + bytes(64) if head else b"")
    with pytest.raises(SteeringError, match=rf"^{path} is {said}"):
        gguf_header.check(path)


def test_a_length_beyond_the_file_asks_for_no_memory(tmp_path):
    path = Path(tmp_path, "a.gguf")
    huge = (1 << 62).to_bytes(8, "little")
    path.write_bytes(
        b"GGUF" + (3).to_bytes(4, "little") + bytes(8) + (1).to_bytes(8, "little") + huge
    )
    with pytest.raises(SteeringError, match="is cut"):
        gguf_header.check(path)
