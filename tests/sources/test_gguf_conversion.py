"""The conversion of a tiny random GGUF file, and of the real default model (marker `model`)."""

import json
import sys
import unicodedata
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
import torch
from safetensors import safe_open
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

from steering.errors import SteeringError
from steering.sources import gguf_conversion, weights
from steering.sources.catalog import DEFAULT_MODEL
from steering.sources.gguf_conversion import CONVERSION_STEPS, _settle, convert, converter_versions
from steering.system.progress import Step, silent

D_MODEL, N_LAYERS, N_HEADS, HIDDEN = 32, 2, 4, 64
SPECIALS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
UNICODE = "naïve 日本語 🙂\n\n\tdon't  2024 e\u0301 \u200d"


def byte_characters() -> list[str]:
    """The printable stand-in of every byte in a byte-level vocabulary, by byte."""
    printable = {*range(33, 127), *range(161, 173), *range(174, 256)}
    spare = iter(range(256, 512))
    return [chr(byte if byte in printable else next(spare)) for byte in range(256)]


def write_gguf(path: Path, *, head: str) -> dict[str, np.ndarray]:
    """A random llama; `head` is "absent", "equal" to the embedding, or "own"."""
    tokens = [*SPECIALS, *byte_characters(), "he"]
    random = np.random.default_rng(0)

    def matrix(*shape: int) -> np.ndarray:
        return (random.standard_normal(shape) / 4).astype(np.float32)

    tensors = {"token_embd.weight": matrix(len(tokens), D_MODEL)}
    for layer in range(N_LAYERS):
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            tensors[f"blk.{layer}.{name}.weight"] = matrix(D_MODEL, D_MODEL)
        for name in ("ffn_gate", "ffn_up"):
            tensors[f"blk.{layer}.{name}.weight"] = matrix(HIDDEN, D_MODEL)
        tensors[f"blk.{layer}.ffn_down.weight"] = matrix(D_MODEL, HIDDEN)
        for name in ("attn_norm", "ffn_norm"):
            tensors[f"blk.{layer}.{name}.weight"] = 1 + matrix(D_MODEL)
    tensors["output_norm.weight"] = 1 + matrix(D_MODEL)
    if head != "absent":
        own = matrix(len(tokens), D_MODEL)
        tensors["output.weight"] = tensors["token_embd.weight"] if head == "equal" else own

    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("Tiny")
    writer.add_context_length(128)
    writer.add_embedding_length(D_MODEL)
    writer.add_block_count(N_LAYERS)
    writer.add_feed_forward_length(HIDDEN)
    writer.add_head_count(N_HEADS)
    writer.add_head_count_kv(N_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10_000.0)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(tokens)
    writer.add_token_types([3] * len(SPECIALS) + [1] * (len(tokens) - len(SPECIALS)))
    writer.add_token_merges(["h e"])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_pad_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_add_bos_token(False)
    writer.add_chat_template(TEMPLATE)
    for name, tensor in tensors.items():
        writer.add_tensor(name, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return tensors


def stored(folder: Path) -> dict[str, torch.Tensor]:
    with safe_open(folder / "model.safetensors", "pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any], list[Step]]:
    """The folder made of a GGUF file with an own head, the file's tensors, the steps reported."""
    place = tmp_path_factory.mktemp("own")
    tensors = write_gguf(place / "tiny.gguf", head="own")
    steps: list[Step] = []
    convert(place / "tiny.gguf", place / "folder", report=steps.append)
    return place / "folder", tensors, steps


def test_the_folder_holds_the_files_tensors_in_bfloat16(converted) -> None:
    folder, tensors, _ = converted
    found = stored(folder)
    assert {tensor.dtype for tensor in found.values()} == {torch.bfloat16}
    pairs = {
        "model.embed_tokens.weight": "token_embd.weight",
        "lm_head.weight": "output.weight",
        "model.norm.weight": "output_norm.weight",
        "model.layers.1.mlp.down_proj.weight": "blk.1.ffn_down.weight",
        "model.layers.0.self_attn.v_proj.weight": "blk.0.attn_v.weight",
    }
    for name, origin in pairs.items():
        assert torch.equal(found[name], torch.from_numpy(tensors[origin]).bfloat16())


def test_the_interleaved_halves_of_queries_and_keys_are_put_back(converted) -> None:
    """GGUF interleaves the rotary halves of each head: rows 0, 1, 2 ... were rows 0, d/2, 1 ..."""
    folder, tensors, _ = converted
    found = stored(folder)["model.layers.0.self_attn.q_proj.weight"]
    size = D_MODEL // N_HEADS
    rows = [
        head * size + 2 * (row % (size // 2)) + row // (size // 2)
        for head in range(N_HEADS)
        for row in range(size)
    ]
    expected = torch.from_numpy(tensors["blk.0.attn_q.weight"]).bfloat16()
    assert torch.equal(found, expected[rows])
    assert not torch.equal(found, expected)


def test_a_head_of_its_own_stays_apart(converted) -> None:
    folder, _, _ = converted
    assert json.loads((folder / "config.json").read_text())["tie_word_embeddings"] is False
    network = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16)
    embedding, head = network.get_input_embeddings().weight, network.get_output_embeddings().weight
    assert not torch.equal(embedding, head)


@pytest.mark.parametrize("equal", [True, False])
def test_a_head_is_tied_exactly_where_it_equals_the_embedding(tmp_path: Path, equal: bool) -> None:
    config = LlamaConfig(
        vocab_size=8,
        hidden_size=D_MODEL,
        intermediate_size=HIDDEN,
        num_hidden_layers=1,
        num_attention_heads=2,
        tie_word_embeddings=False,
    )
    network = LlamaForCausalLM(config)
    if equal:
        with torch.no_grad():
            network.lm_head.weight.copy_(network.model.embed_tokens.weight)
    _settle(network)
    assert network.config.tie_word_embeddings is equal
    network.save_pretrained(tmp_path)
    assert ("lm_head.weight" in stored(tmp_path)) is not equal
    again = LlamaForCausalLM.from_pretrained(tmp_path)
    assert torch.equal(again.lm_head.weight, network.lm_head.weight)


def test_nothing_of_the_quantizer_is_left_in_the_config(converted) -> None:
    config = json.loads((converted[0] / "config.json").read_text())
    assert "quantization_config" not in config
    assert "_model_name_or_path" not in config
    assert config["dtype"] == "bfloat16"


def test_the_tokenizer_gives_any_text_back_and_reads_specials_as_one_token(converted) -> None:
    tokenizer = AutoTokenizer.from_pretrained(converted[0])
    assert tokenizer.decode(tokenizer.encode(UNICODE)) == UNICODE
    for number, special in enumerate(SPECIALS):
        assert tokenizer.encode(special, add_special_tokens=False) == [number]
    assert tokenizer.encode("he") == [len(SPECIALS) + 256]  # the merge survived
    assert (tokenizer.eos_token, tokenizer.pad_token) == ("<|im_end|>", "<|im_end|>")


def test_the_chat_template_survives(converted) -> None:
    tokenizer = AutoTokenizer.from_pretrained(converted[0])
    text = tokenizer.apply_chat_template(
        [{"role": "user", "content": "Hi"}], add_generation_prompt=True, tokenize=False
    )
    assert text == "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"


def test_generation_is_greedy_and_ends_at_every_token_that_ends_a_turn(converted) -> None:
    settings = json.loads((converted[0] / "generation_config.json").read_text())
    assert settings["eos_token_id"] == [0, 2]
    assert settings["pad_token_id"] == 2
    assert settings["do_sample"] is False
    assert "temperature" not in settings


def test_every_step_is_reported_in_order(converted) -> None:
    steps = converted[2]
    assert [step.done for step in steps] == list(range(len(CONVERSION_STEPS) + 1))
    assert all(name in step.label for name, step in zip(CONVERSION_STEPS, steps, strict=False))
    assert "tiny.gguf" in steps[0].label


def test_the_parent_process_keeps_its_own_settings(converted) -> None:
    """The child's patches, environment and bars must not reach this process."""
    assert isinstance(gguf.GGUFReader, type)


def test_a_truncated_file_is_an_error_and_leaves_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write_gguf(tmp_path / "tiny.gguf", head="absent")
    whole = (tmp_path / "tiny.gguf").read_bytes()
    (tmp_path / "tiny.gguf").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SteeringError, match=r"tiny\.gguf could not be converted"):
        convert(tmp_path / "tiny.gguf", tmp_path / "folder", report=silent)
    assert not (tmp_path / "folder").exists()
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")  # the child's traceback and bars are logged


def test_a_disk_too_small_for_the_tensors_is_noticed_before_writing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_gguf(tmp_path / "tiny.gguf", head="absent")
    (tmp_path / "folder").mkdir()
    said: list[dict[str, int]] = []
    usage = gguf_conversion.shutil.disk_usage(tmp_path)
    monkeypatch.setattr(gguf, "GGUFReader", gguf.GGUFReader)  # put back what main() shares
    monkeypatch.setattr(gguf_conversion, "_say", lambda **told: said.append(told))
    monkeypatch.setattr(gguf_conversion.shutil, "disk_usage", lambda _: usage._replace(free=12))
    monkeypatch.setattr(sys, "argv", ["x", str(tmp_path / "tiny.gguf"), str(tmp_path / "folder")])
    with pytest.raises(SystemExit):
        gguf_conversion.main()
    assert list((tmp_path / "folder").iterdir()) == []
    parameters = (260 + 1) * D_MODEL + N_LAYERS * (
        4 * D_MODEL**2 + 3 * D_MODEL * HIDDEN + 2 * D_MODEL
    )
    needed = said[-1]["needed"]
    assert 2 * parameters <= needed <= 1.6 * 2 * parameters  # the tied head may count twice

    error = gguf_conversion._failure(tmp_path / "tiny.gguf", tmp_path / "folder", 1, said[-1], "")
    assert f"{needed:,} bytes are needed, 12 bytes are free" in str(error)


def test_a_child_that_was_killed_is_explained_by_memory(tmp_path: Path) -> None:
    write_gguf(tmp_path / "tiny.gguf", head="absent")
    error = gguf_conversion._failure(tmp_path / "tiny.gguf", tmp_path, -9, {}, "")
    assert "signal 9" in str(error)
    assert "memory" in str(error)


def test_a_stop_ends_the_child_and_removes_the_folder(tmp_path: Path) -> None:
    write_gguf(tmp_path / "tiny.gguf", head="own")

    def stop(step: Step) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        convert(tmp_path / "tiny.gguf", tmp_path / "folder", report=stop)
    assert not (tmp_path / "folder").exists()


def test_the_versions_of_what_converts_are_known() -> None:
    assert set(converter_versions()) == {"transformers", "gguf", "safetensors", "torch"}
    assert converter_versions()["torch"] == torch.__version__


@pytest.mark.model
def test_the_default_models_folder_is_qwens_tokenizer_and_an_own_head() -> None:
    found = weights.fetch(DEFAULT_MODEL)
    config = json.loads((found.folder / "config.json").read_text())
    assert config["tie_word_embeddings"] is False
    tokenizer = AutoTokenizer.from_pretrained(found.folder)
    # Qwen's own tokenizer composes characters first.
    composed = unicodedata.normalize("NFC", UNICODE)
    assert tokenizer.decode(tokenizer.encode(UNICODE)) == composed
    assert tokenizer.apply_chat_template(
        [{"role": "user", "content": "Hi"}], add_generation_prompt=True, tokenize=False
    ) == (
        "<|im_start|>system\nYou are Qwen, created by Alibaba Cloud. You are a helpful assistant."
        "<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
    )
    assert tokenizer.encode("<|im_end|>") == [151645]
    settings = json.loads((found.folder / "generation_config.json").read_text())
    assert settings["eos_token_id"] == [151643, 151645]
    embedding = stored(found.folder)["model.embed_tokens.weight"].float()
    head = stored(found.folder)["lm_head.weight"].float()
    difference = (head - embedding).norm() / embedding.norm()
    assert 0.04 < difference < 0.05  # measured 0.0447: two quantizations of one matrix
