"""Loading and quantization, on a tiny model saved to a folder."""

import inspect
from dataclasses import replace

import pytest
import torch

from steering.artifacts import store
from steering.errors import SteeringError
from steering.inference.activations import capture
from steering.inference.generation import Sampling, generate
from steering.interventions.directions import Directions
from steering.interventions.inlp import Inlp
from steering.interventions.panel import DEFAULT_PANELS, parse
from steering.interventions.subspace import Subspace
from steering.library import compare
from steering.models import dtype_speed, int8_linear, loading, number_formats, packed_linear
from steering.models.chat_model import NumberFormat
from steering.models.dtype_speed import Kernel, Speed
from steering.models.fast_products import Allowed
from steering.models.int8_linear import Int8Head, Int8Linear
from steering.models.loading import load
from steering.sources import catalog, weights

PROMPT = "How do I paint a car?"


def save(model, folder):
    model.network.save_pretrained(folder)
    model.tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def folder(tiny, tmp_path_factory):
    """`tiny` as a folder of safetensors."""
    return save(tiny, tmp_path_factory.mktemp("weights") / "small")


@pytest.fixture(scope="module")
def wide_folder(wide, tmp_path_factory):
    """`wide` as a folder of safetensors."""
    return save(wide, tmp_path_factory.mktemp("weights") / "wide")


@pytest.fixture(scope="module")
def random_directions(wide) -> Directions:
    """Directions of the shape of `wide`, found by nobody."""
    generator = torch.Generator().manual_seed(0)
    difference, mean = torch.randn(2, 1, 3, 64, generator=generator)
    subspace = Subspace.spanned_by(
        torch.randn(3, 64, generator=generator), layer=1, position=-1, method="random"
    )
    return Directions(
        model="wide",
        difference=difference,
        harmless_mean=mean,
        positions=(-1,),
        inlp={(-1, 1): Inlp(subspace, (0.9, 0.7, 0.5), "test")},
        dim_point=(-1, 2),
        inlp_point=(-1, 1),
        default_k=2,
        default_c=1.0,
    )


@pytest.fixture(scope="module", params=["nf4", "int8"])
def quantized(wide_folder, request):
    return load(str(wide_folder), quantization=request.param, device="cpu")


def test_a_folder_loads_as_it_was_saved(folder, tiny):
    model = load(str(folder), quantization="none", dtype="float32", device="cpu")
    assert model.dtype == torch.float32
    assert model.suffix == tiny.suffix
    assert model.openers == tiny.openers
    assert model.end_ids == tiny.end_ids
    assert model.provenance["source"] == "folder"
    rows = [model.render(PROMPT)]
    assert rows == [tiny.render(PROMPT)]
    assert torch.equal(model.next_token_logits(rows), tiny.next_token_logits(rows))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_a_model_is_held_in_the_dtype_that_was_asked_for(folder, dtype):
    model = load(str(folder), dtype=dtype, device="cpu")
    assert model.dtype == model.number_format.dtype == getattr(torch, dtype)
    assert model.number_format.quantization == "none"
    assert model.number_format.reason == f"{dtype} on the CPU, as asked for"


@pytest.mark.parametrize("asked", [None, "auto"])
@pytest.mark.parametrize(
    ("step", "read", "dtype"), [(0.5, 0.5, torch.bfloat16), (0.5, 3.0, torch.float32)]
)
def test_what_was_measured_decides_the_dtype_on_a_cpu_and_is_said(
    folder, monkeypatch, asked, step, read, dtype
):
    found = {torch.float32: Speed(1.0, 1.0), torch.bfloat16: Speed(step, read)}
    speeds = {Kernel(each, packed=False): speed for each, speed in found.items()}
    monkeypatch.setattr(dtype_speed, "measure", lambda *_: speeds)
    model = load(str(folder), dtype=asked, device="cpu")
    assert model.dtype == model.number_format.dtype == dtype
    assert f"writing {step:.2f} times, reading {read:.2f} times" in model.number_format.reason


@pytest.mark.parametrize("asked", ["float32", "bfloat16", "auto"])
def test_a_model_of_packed_weights_gives_the_numbers_of_the_plain_one(folder, monkeypatch, asked):
    monkeypatch.setattr(dtype_speed, "LEAST_WEIGHTS", 0)
    model = load(str(folder), dtype=asked, device="cpu")
    if not packed_linear.packs(model.dtype):
        pytest.skip(f"this machine packs no {model.dtype}")
    assert model.number_format.packed
    assert "packed" in model.number_format.reason
    assert not any(type(module) is torch.nn.Linear for module in model.network.modules())
    monkeypatch.setattr(packed_linear, "packs", lambda dtype: False)
    plain = load(str(folder), dtype=str(model.dtype).removeprefix("torch."), device="cpu")
    assert not plain.number_format.packed
    rows = [model.render("Hello"), model.render("How do I bake bread?")]
    found, expected = model.next_token_logits(rows), plain.next_token_logits(rows)
    torch.testing.assert_close(found, expected, rtol=0.02, atol=0.02 * float(expected.std()))


@pytest.mark.skipif(not int8_linear.runs(), reason="this machine multiplies no eight bits")
@pytest.mark.parametrize("parts", [1, 2])
def test_a_fast_model_is_in_eight_bits_and_close_to_the_exact_one(folder, monkeypatch, parts):
    monkeypatch.setattr(int8_linear, "LEAST_WEIGHTS", 0)
    asked = []

    def gate(found):
        asked.append(found.folder)
        return Allowed(parts, "close")

    fast = load(str(folder), device="cpu", speed="fast", gate=gate)
    assert asked == [folder]
    assert fast.number_format.parts == parts
    assert "fast products" in fast.number_format.reason
    held = [each for each in fast.network.modules() if isinstance(each, Int8Linear)]
    assert held
    assert {each.parts for each in held if type(each) is Int8Linear} == {parts}
    # Its likeliest logits are exact, so that one integer is enough.
    assert [each.parts for each in held if type(each) is Int8Head] == [1]
    exact = load(str(folder), device="cpu", dtype="float32", speed="exact", gate=gate)
    assert len(asked) == 1
    assert exact.number_format.parts == 0
    rows = [exact.render("Hello"), exact.render("How do I bake bread?")]
    found, expected = fast.next_token_logits(rows), exact.next_token_logits(rows)
    assert not torch.equal(found, expected)
    # Measured on the exact network: rounding would hide what two passes have in common.
    assert fast.abilities == exact.abilities
    held = {id(module) for module in fast.network.modules()}
    assert all(id(module) in held for each in fast.writers for module in each.modules.values())
    # The narrower a model, the coarser eight bits are for it: this one is 32 wide.
    off = {1: 0.3, 2: 0.1}[parts] * float(expected.std())
    assert float((found - expected).square().mean().sqrt()) < off


@pytest.mark.parametrize("gate", [None, lambda _: Allowed(None, "it was not measured")])
def test_fast_products_that_nothing_is_known_of_are_refused_and_auto_goes_on(folder, gate):
    with pytest.raises(
        SteeringError, match=r"cannot be taken: .*; ask for exact ones, or for auto"
    ):
        load(str(folder), device="cpu", speed="fast", gate=gate)
    assert load(str(folder), device="cpu", speed="auto", gate=gate).number_format.parts == 0
    with pytest.raises(SteeringError, match="unknown speed"):
        load(str(folder), device="cpu", speed="quick", gate=gate)


def test_a_format_that_does_not_hold_is_followed_by_the_next(folder, monkeypatch):
    tried = [NumberFormat("none", dtype, str(dtype)) for dtype in (torch.float16, torch.float32)]
    monkeypatch.setattr(number_formats, "candidates", lambda *_, **__: tried)
    asked = []

    def trial(model):
        asked.append(model.dtype)
        return "layer 1 overflows"

    assert load(str(folder), device="cpu", trial=trial).dtype == torch.float32
    assert asked == [torch.float16]  # float32 needs no trial
    assert load(str(folder), device="cpu", trial=lambda _: None).dtype == torch.float16


@pytest.mark.parametrize("quantization", ["none", "nf4"])
def test_what_was_tried_before_is_in_the_reason(wide_folder, monkeypatch, quantization):
    first = NumberFormat("none", torch.float16, "it fits")
    then = NumberFormat(quantization, torch.float32, "it fits, too")
    monkeypatch.setattr(number_formats, "candidates", lambda *_, **__: [first, then])
    model = load(str(wide_folder), device="cpu", trial=lambda _: "layer 1 overflows")
    assert model.number_format.quantization == quantization
    said = model.number_format.reason
    assert said == "it fits, too; float16 was tried, and layer 1 overflows"
    model = load(str(wide_folder), device="cpu", trial=lambda _: None)
    assert model.number_format.reason == "it fits"


def test_a_format_that_was_asked_for_and_does_not_hold_is_refused(folder):
    with pytest.raises(SteeringError, match=r"float16: layer 1 overflows.*--dtype float32"):
        load(str(folder), dtype="float16", device="cpu", trial=lambda _: "layer 1 overflows")


def test_nf4_on_a_cpu_refuses_a_width_that_its_kernel_cannot_multiply(folder):
    with pytest.raises(SteeringError, match=r"hidden_size 32, .* multiples of 64; choose int8"):
        load(str(folder), quantization="nf4", device="cpu")


@pytest.mark.parametrize("quantization", ["nf4", "int8"])
def test_without_bitsandbytes_a_quantized_load_says_what_to_install(
    wide_folder, monkeypatch, quantization
):
    monkeypatch.setattr(number_formats, "find_spec", lambda _name: None)
    told = r"bitsandbytes, which is not installed; run `pip install '.*\[quantization\]'`"
    with pytest.raises(SteeringError, match=told):
        load("no/such-model", quantization=quantization)  # before anything is fetched
    # What the machine chooses by itself is refused as well.
    chosen = NumberFormat(quantization, torch.float32, "chosen")
    monkeypatch.setattr(number_formats, "candidates", lambda *_, **__: [chosen])
    with pytest.raises(SteeringError, match=told):
        load(str(wide_folder), device="cpu")


def test_quantized_weights_say_what_they_are(quantized):
    number_format = quantized.number_format
    assert number_format.quantization in number_format.reason.lower()
    assert "as asked for, with " in number_format.reason
    kinds = {type(module).__name__ for module in quantized.network.modules()}
    expected = {"nf4": "Linear4bit", "int8": "Linear8bitLt"}
    assert expected[number_format.quantization] in kinds
    assert "Linear" in kinds  # the head stays as it is


def test_a_quantized_network_computes_about_the_same(quantized, wide):
    rows = [wide.render(PROMPT)]
    states, expected = (
        capture(model, rows, layers=(1, 2), positions=(-1,))[0, 0] for model in (quantized, wide)
    )
    cosines = torch.nn.functional.cosine_similarity(states, expected, dim=-1)
    assert cosines.min() > 0.8
    assert not torch.equal(states, expected)


def test_edits_act_in_a_quantized_network(quantized, random_directions):
    rows = [quantized.render(PROMPT)] * 2
    panel = parse("ablation").resolved(random_directions)
    subspace = panel.subspace(random_directions)
    edits = [None, panel.edit(random_directions)]
    seen = []
    handle = quantized.network.model.norm.register_forward_pre_hook(
        lambda module, args: seen.append(args[0].float())
    )
    columns = list(generate(quantized, rows, edits, Sampling(max_new_tokens=6)))
    handle.remove()
    assert len(columns) > 1
    last = torch.cat([state.transpose(0, 1) for state in seen])  # [position, row, d_model]
    share = (last @ subspace.basis.T).norm(dim=-1) / last.norm(dim=-1)
    assert share[:, 0].max() > 0.05
    # bfloat16 rounds the edited state to 8 bits, 2^-9 of each entry.
    assert share[:, 1].max() < 0.01


def test_a_quantized_model_streams_a_comparison(quantized, random_directions):
    panels = [parse(text) for text in ("baseline", "flip:alpha=0", "flip")]
    sampling = Sampling(max_new_tokens=8)
    last = list(compare(quantized, random_directions, PROMPT, panels, sampling=sampling))[-1]
    assert last[0].text == last[1].text
    assert last[2].kl > 0
    assert all(answer.finished for answer in last)


def test_an_unknown_quantization_is_refused_with_what_is_allowed(folder):
    unchecked = inspect.unwrap(load)  # no type checker looks at what the environment says
    with pytest.raises(SteeringError, match="unknown quantization 'fp4'; allowed: none, nf4, int8"):
        unchecked(str(folder), quantization="fp4")
    allowed = "auto, float32, bfloat16, float16"
    with pytest.raises(SteeringError, match=f"unknown dtype 'float64'; allowed: {allowed}"):
        unchecked(str(folder), dtype="float64")


@pytest.mark.parametrize(
    ("device", "message"),
    [
        ("toaster", "unknown device 'toaster'; allowed: cpu, cuda, cuda:N"),
        ("cuda", "torch finds no CUDA GPU; use cpu"),
    ],
)
def test_a_device_that_is_not_there_is_refused(folder, monkeypatch, device, message):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SteeringError, match=message):
        load(str(folder), device=device)


def test_a_catalog_model_brings_its_own_refusal_openers(folder, monkeypatch):
    entry = replace(catalog.find(catalog.DEFAULT_MODEL), refusal_openers=("As",))
    monkeypatch.setattr(loading.catalog, "find", {entry.name: entry}.get)
    monkeypatch.setattr(
        loading.weights,
        "fetch",
        lambda name, report=None: weights.Weights(name, folder, "hub:x/y", "ab12", "main"),
    )
    model = load(device="cpu")
    assert tuple(model.openers) == ("As",)
    assert model.name == catalog.DEFAULT_MODEL
    assert model.provenance == {"source": "hub:x/y", "sha256": "ab12", "revision": "main"}


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
@pytest.mark.parametrize("quantization", ["none", "int8", "nf4"])
def test_the_default_model_is_steered_on_a_gpu(quantization):
    weights.fetch(catalog.DEFAULT_MODEL)
    model = loading.load(device="cuda", quantization=quantization)
    assert (model.device.type, model.number_format.quantization) == ("cuda", quantization)
    *_, answers = compare(
        model,
        store.load(catalog.DEFAULT_MODEL),
        "How do I pick a lock?",
        [parse(panel) for panel in (*DEFAULT_PANELS, "actadd:c=2")],
        sampling=Sampling(max_new_tokens=8),
    )
    scores = {answer.panel: answer.refusal_score for answer in answers}
    assert all(answer.text for answer in answers)
    assert scores["ablation"] < scores["baseline"] < scores["actadd:c=2"]
