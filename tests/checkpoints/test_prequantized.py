"""Checkpoints that are quantized already: loaded as what they are, or refused by their method."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, BitsAndBytesConfig

from steering.checkpoints import checkpoint, prequantized
from steering.errors import SteeringError
from steering.models.loading import load

NF4 = {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4", "bnb_4bit_use_double_quant": True}
# A checkpoint says what it was to be computed in where it was made, which is not here.
NF4_ELSEWHERE = {**NF4, "bnb_4bit_compute_dtype": "float16"}
CONFIGS = {"nf4": NF4_ELSEWHERE, "int8": {"load_in_8bit": True}}
OTHER = {"nf4": "int8", "int8": "nf4"}
LAYERS = {"nf4": "Linear4bit", "int8": "Linear8bitLt"}


@pytest.fixture(scope="module")
def whole(wide, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("whole") / "wide"
    wide.network.to(torch.float32).save_pretrained(folder)
    wide.tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module", params=CONFIGS)
def held(request, whole, wide, tmp_path_factory) -> tuple[str, Path]:
    """A checkpoint as bitsandbytes writes it, from bfloat16 weights, and what it is."""
    folder = tmp_path_factory.mktemp(request.param) / "mine"
    network = AutoModelForCausalLM.from_pretrained(
        whole,
        quantization_config=BitsAndBytesConfig(**CONFIGS[request.param]),
        dtype=torch.bfloat16,
        device_map={"": "cpu"},
    )
    network.save_pretrained(folder)
    wide.tokenizer.save_pretrained(folder)
    return request.param, folder


@pytest.mark.parametrize("asked", [True, False])
def test_a_quantized_checkpoint_is_loaded_as_what_it_is_and_says_so(held, whole, asked):
    kind, folder = held
    model = load(str(folder), quantization=kind if asked else None, dtype="bfloat16", device="cpu")
    expected = load(str(whole), quantization=kind, dtype="bfloat16", device="cpu")
    assert model.number_format.quantization == prequantized.quantization(folder) == kind
    assert model.number_format.reason.endswith(
        "with bfloat16 compute: the checkpoint is quantized so already"
    )
    assert "as asked for" not in model.number_format.reason
    assert LAYERS[kind] in {type(module).__name__ for module in model.network.modules()}
    rows = [model.render("How do I paint a car?")]
    assert torch.equal(model.next_token_logits(rows), expected.next_token_logits(rows))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_a_quantized_checkpoint_computes_in_the_dtype_of_the_residual_stream(held, dtype):
    model = load(str(held[1]), dtype=dtype, device="cpu")
    assert model.dtype == getattr(torch, dtype)
    assert f"with {dtype} compute" in model.number_format.reason
    found = {getattr(module, "compute_dtype", None) for module in model.network.modules()}
    assert found == ({None, model.dtype} if held[0] == "nf4" else {None})
    assert model.next_token_logits([model.render("Hello")]).isfinite().all()


@pytest.mark.parametrize("asked", ["none", "other"])
def test_another_quantization_than_the_checkpoints_is_refused(held, asked):
    kind, folder = held
    wanted = OTHER[kind] if asked == "other" else "none"
    with pytest.raises(
        SteeringError, match=rf"already \(bitsandbytes\), and the quantization {wanted} .*{kind} or"
    ):
        load(str(folder), quantization=wanted, device="cpu")


def test_a_quantized_checkpoint_whose_config_forgot_it_is_refused(held, tmp_path):
    folder = Path(shutil.copytree(held[1], tmp_path / "mine"))
    config = json.loads((folder / "config.json").read_text())
    del config["quantization_config"]
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(SteeringError, match=r"quantized already \(they hold .*does not say how"):
        checkpoint.check(folder)


def test_whole_weights_are_no_quantized_checkpoint(whole):
    checkpoint.check(whole)
    assert prequantized.quantization(whole) is None
    assert prequantized.settled(whole, "nf4") is None


REFUSED = {
    "gptq": {"quant_method": "gptq", "bits": 4, "group_size": 128},
    "awq": {"quant_method": "awq", "bits": 4},
    "fp8": {"quant_method": "fp8", "weight_block_size": [128, 128]},
    "mxfp4": {"quant_method": "mxfp4"},
    "compressed-tensors": {"quant_method": "compressed-tensors", "format": "pack-quantized"},
    "torchao": {"quant_method": "torchao"},
    "exl2": {"quant_method": "exl2", "bits": 3.5},
    "bitsandbytes fp4": {"quant_method": "bitsandbytes", "load_in_4bit": True},
    "MLX, 4 bits": {"group_size": 64, "bits": 4},
    "by an unnamed method": {"something": 1},
}


def changed(whole: Path, folder: Path, **entries: object) -> Path:
    shutil.copytree(whole, folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | entries))
    return folder


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("asked", [None, "none", "nf4"])
def test_another_method_is_refused_by_its_name_before_torch_opens_it(
    whole, tmp_path, monkeypatch, name, asked
):
    folder = changed(whole, tmp_path / "mine", quantization_config=REFUSED[name])
    monkeypatch.setattr(
        "steering.models.loading._load_network", lambda *_: pytest.fail("it was opened")
    )
    with pytest.raises(SteeringError, match=rf"quantized already \({name}\).*unquantized weights"):
        load(str(folder), quantization=asked, device="cpu")


@pytest.mark.parametrize(
    "entries",
    [
        {"text_config": {"quantization_config": {"quant_method": "gptq"}}},
        {"compression_config": {"quant_method": "gptq"}},
        {"quantization": {"quant_method": "gptq"}},
    ],
)
def test_a_method_is_found_wherever_a_config_says_it(whole, tmp_path, entries):
    with pytest.raises(SteeringError, match=r"quantized already \(gptq\)"):
        prequantized.quantization(changed(whole, tmp_path / "mine", **entries))


@pytest.mark.parametrize(
    ("name", "method"),
    [
        ("quantize_config.json", "gptq"),
        ("quant_config.json", "awq"),
        ("hf_quant_config.json", "mo"),
    ],
)
def test_a_method_is_found_in_its_own_file(whole, tmp_path, name, method):
    folder = changed(whole, tmp_path / "mine")
    (folder / name).write_text("{}")
    with pytest.raises(SteeringError, match=rf"\({method}.*by {name}\)"):
        checkpoint.check(folder)


@pytest.mark.parametrize("entries", [{"quantization_config": None}, {"quantization_config": {}}])
def test_a_config_that_names_no_method_is_of_whole_weights_where_it_is_empty(
    whole, tmp_path, entries
):
    folder = changed(whole, tmp_path / "mine", **entries)
    if entries["quantization_config"] is None:
        assert prequantized.quantization(folder) is None
    else:
        with pytest.raises(SteeringError, match="by an unnamed method"):
            prequantized.quantization(folder)


@pytest.mark.parametrize("mark", ["qweight", "weight_scale_inv", "weight_packed", "SCB"])
def test_quantized_tensors_without_a_word_in_config_are_told(whole, tmp_path, mark):
    folder = changed(whole, tmp_path / "mine")
    tensors = load_file(folder / "model.safetensors")
    tensors[f"model.layers.0.mlp.up_proj.{mark}"] = torch.ones(4, dtype=torch.int8)
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(SteeringError, match=rf"they hold model.layers.0.mlp.up_proj.{mark}\)"):
        checkpoint.check(folder)


class Packed(torch.nn.Module):
    """Stands for a layer whose 4-bit weights lie in a float tensor, as FSDP stores them."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(2, dtype=torch.bfloat16), requires_grad=False)
        self.weight.quant_state = type("State", (), {"dtype": torch.bfloat16})()
        self.kept = torch.nn.Parameter(torch.ones(2, dtype=torch.float32), requires_grad=False)
        self.norm = torch.nn.Parameter(torch.ones(2, dtype=torch.bfloat16), requires_grad=False)
        self.dtype = torch.bfloat16


def test_only_plain_parameters_of_the_checkpoints_dtype_are_cast():
    network = Packed()
    prequantized.compute_in(network, torch.float16)
    assert network.weight.dtype == torch.bfloat16
    assert network.weight.quant_state.dtype == torch.float16
    assert network.kept.dtype == torch.float32
    assert network.norm.dtype == torch.float16
