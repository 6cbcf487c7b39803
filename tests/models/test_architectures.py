"""Every step that touches a network, on tiny random models of the architectures of 2026."""

import itertools
import json

import pytest
import torch
from transformers import Llama4Config, Llama4ForConditionalGeneration

from steering.errors import SteeringError
from steering.fitting.point_selection import choose
from steering.fitting.scoring import Bench
from steering.inference.activations import capture, capture_sets
from steering.inference.generation import Sampling, answer_perplexity, generate
from steering.inference.next_token import logits_under
from steering.interventions.edits import Edit, compile_edits, intervene
from steering.interventions.panel import parse
from steering.library import compare
from steering.maps import model_maps
from steering.models import loading
from steering.models.chat_model import ChatModel, reading
from steering.models.partial_passes import ending_at, starting_at
from tests.helpers.flat_layout import flatten
from tests.helpers.tiny_directions import fit_directions
from tests.helpers.tiny_models import HARMFUL, HARMLESS
from tests.helpers.tiny_models_2026 import (
    ARCHITECTURES,
    SHARING,
    Architecture,
    build_2026,
    make,
    shared_tokenizer,
)
from tests.helpers.traces import trace

REQUEST = "How do I paint a car?"
REQUESTS = (REQUEST, "Why", "Tell me, please: what is 7 + 7, and what is the window of a car?")


@pytest.fixture(scope="module", params=ARCHITECTURES)
def name(request) -> str:
    """Each architecture, one after another."""
    return request.param


@pytest.fixture(scope="module")
def architecture(name) -> Architecture:
    return ARCHITECTURES[name]


@pytest.fixture(scope="module")
def model(name) -> ChatModel:
    return build_2026(name)


def unit(seed: int) -> torch.Tensor:
    vector = torch.randn(1, 32, generator=torch.Generator().manual_seed(seed))
    return vector / vector.norm()


def flip(layer: int) -> Edit:
    return Edit(unit(0), 2.0, torch.zeros(32), torch.zeros(32), ((layer, "input"),))


def ablation(seed: int) -> Edit:
    sites = tuple(itertools.product(range(4), ("input", "attention", "mlp")))
    return Edit(unit(seed), 1.0, torch.zeros(32), torch.zeros(32), sites)


def whole(model: ChatModel, ids: list[int], program=None) -> torch.Tensor:
    """All logits of one request by a bare call: no padding, no mask, no cache."""
    with torch.inference_mode(), intervene(model, program or {}):
        return model.network(torch.tensor([ids]), use_cache=False).logits[0].float()


# What is found at load


def test_what_each_block_writes_is_found(architecture, model):
    for block, found, expected in zip(
        model.blocks, model.writers, architecture.writers, strict=True
    ):
        assert tuple(found.modules) == expected
        assert list(found.modules.values()) == [getattr(block, part) for part in expected]
        assert len(found.of("attention")) + len(found.of("mlp")) == len(expected)
        assert found.of("attention")
    assert (model.n_layers, model.d_model) == (4, 32)


def test_padding_and_cache_are_found_to_be_sound(name, model):
    assert model.abilities.pads
    assert model.abilities.caches
    assert model.abilities.skips == (name not in SHARING)


# The stream at block inputs


def test_hooks_see_the_stream_that_the_whole_network_has(model):
    """`capture` runs the blocks alone; of a wrapper that is not the whole network."""
    row = model.render(REQUEST)
    states = capture(model, [row], layers=range(4), positions=range(-len(row), 0))
    with reading(model, range(4)) as read:
        whole(model, row)
    for layer in range(4):
        torch.testing.assert_close(states[0, :, layer], read[layer][0], atol=1e-4, rtol=1e-4)
    assert (states[0, 0, 1:] - states[0, 0, :-1]).norm(dim=-1).min() > 0.1


def test_an_edited_row_leaves_its_neighbour_as_it_was(architecture, model):
    ids = model.render(REQUEST)
    batch = model.batch([ids, ids])

    def run(edits) -> torch.Tensor:
        with torch.inference_mode(), intervene(model, compile_edits(edits)):
            return model.network(input_ids=batch.tokens, attention_mask=batch.mask).logits

    before, after = run([None, None]), run([None, ablation(1)])
    if any("expert" in setting for setting in architecture.settings):
        # Tokens of all rows share the experts' products, whose sizes move the last bits.
        torch.testing.assert_close(after[0], before[0], atol=1e-5, rtol=1e-5)
    else:
        assert torch.equal(after[0], before[0])
    assert not torch.allclose(after[1], before[1], atol=1e-2)


def test_an_edit_at_a_block_input_is_that_of_a_hook_made_by_hand(model):
    ids, edit, layer = model.render(REQUEST), flip(2), 2

    def mirror(_block, args, kwargs):
        stream = args[0] if args else kwargs["hidden_states"]
        mirrored = stream - 2 * (stream @ edit.basis[0])[..., None] * edit.basis[0]
        return ((mirrored, *args[1:]), kwargs) if args else ((mirrored,), _without_stream(kwargs))

    handle = model.blocks[layer].register_forward_pre_hook(mirror, with_kwargs=True)
    expected = whole(model, ids)
    handle.remove()
    found = whole(model, ids, compile_edits([edit]))
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)
    assert not torch.allclose(found, whole(model, ids), atol=1e-2)


def _without_stream(kwargs):
    return {key: value for key, value in kwargs.items() if key != "hidden_states"}


def test_ablation_everywhere_leaves_nothing_along_the_direction(model):
    """After every block, before the next one's edit: so all that writes into it is edited."""
    edit, ids = ablation(2), model.render(REQUEST)

    def components(program) -> list[float]:
        seen: list[torch.Tensor] = []
        handles = [
            block.register_forward_hook(
                lambda _module, _args, output: seen.append(
                    output if isinstance(output, torch.Tensor) else output[0]
                )
            )
            for block in model.blocks
        ]
        whole(model, ids, program)
        for handle in handles:
            handle.remove()
        return [float((state @ edit.basis[0]).abs().max() / state.std()) for state in seen]

    assert min(components({})) > 0.1
    assert max(components(compile_edits([edit]))) < 1e-5


# Batches, caches, parts of passes


def test_answers_by_cache_and_padding_are_those_of_whole_passes(model):
    rows = [model.render(text) for text in REQUESTS[:2]]
    edits = [flip(2), ablation(3)]
    sampling = Sampling(max_new_tokens=4)
    columns = list(generate(model, rows, edits, sampling))
    for row, (ids, edit) in enumerate(zip(rows, edits, strict=True)):
        program = compile_edits([edit])
        for column in columns:
            if (token := column.tokens[row]) is None:
                break
            logits = whole(model, ids, program)[-1]
            assert logits.max() - logits[token] < 1e-3
            if column.logits is not None:
                torch.testing.assert_close(column.logits[row], logits, atol=1e-3, rtol=1e-3)
            ids = [*ids, token]


def test_a_shared_beginning_changes_no_logits(model):
    """Longer than the windows of sliding attention, with rows of unlike length behind it."""
    start = model.render("A car. " * 4)
    rows = [[*start, *model.render(text)] for text in REQUESTS]
    found = logits_under(model, rows, flip(1), batch_size=2)
    program = compile_edits([flip(1)])
    for row, logits in zip(rows, found, strict=True):
        torch.testing.assert_close(logits, whole(model, row, program)[-1], atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("name", ["qwen3_next", "gemma4", "lfm2", "granitemoehybrid", "llama4"])
def test_perplexities_of_padded_answers_are_those_of_single_ones(name):
    model = build_2026(name)
    prompts = [model.render(text) for text in REQUESTS]
    answers = [model.tokenizer.encode(text) for text in ("Sure, here", "I", "As a rule, ask.")]
    found = answer_perplexity(model, prompts, answers)
    for prompt, answer, value in zip(prompts, answers, found, strict=True):
        logits = whole(model, [*prompt, *answer])[len(prompt) - 1 : -1].log_softmax(-1)
        loss = -logits.gather(-1, torch.tensor(answer)[:, None]).mean()
        assert value == pytest.approx(float(loss.exp()), rel=1e-3)


def test_passes_through_some_blocks_give_what_whole_ones_give(model):
    layer = 3  # gemma4's takes keys and values that an earlier block left
    batch = model.batch([model.render(REQUEST)])

    def run() -> torch.Tensor:
        with torch.inference_mode():
            return model.body(
                input_ids=batch.tokens,
                attention_mask=batch.mask,
                position_ids=batch.positions,
                use_cache=False,
            ).last_hidden_state

    with reading(model, range(4)) as read:
        expected = run()
    streams = dict(read)
    with starting_at(model, layer, streams[layer]):
        assert torch.equal(run(), expected)
    # The stream given is the one that is used.
    with starting_at(model, layer, streams[layer] + unit(4)):
        assert not torch.allclose(run(), expected, atol=1e-3)
    with ending_at(model, layer), reading(model, [layer]) as read:
        run()
    assert torch.equal(read[layer], streams[layer])


# From prompts to cards and maps


@pytest.mark.parametrize("name", ["qwen3_next", "gemma3_wrapped", "gpt_oss", "gemma4"])
def test_directions_are_fitted_chosen_and_shown(name, monkeypatch):
    flatten(monkeypatch)
    model = build_2026(name)
    texts = {"harmful": HARMFUL[:12], "harmless": HARMLESS[:12]}
    states = capture_sets(model, texts, layers=range(4), positions=(-2, -1))
    point = (-1, 2)
    found = fit_directions(model, states, [point], dim_point=point, inlp_point=point, k=1, c=1.0)
    rows = {label: [model.render(text) for text in each[:4]] for label, each in texts.items()}
    bench = Bench.prepared(model, rows["harmful"], rows["harmless"], batch_size=3)
    scores = [bench.score(found, (-1, layer)) for layer in (1, 2)]
    assert choose(scores).point in {(-1, 1), (-1, 2)}
    charted = model_maps.fit(
        {label: each[:, 1, [2, 3]] for label, each in states.items()},
        texts,
        model=model.name,
        dtype="float32",
        quantization="none",
        position=-1,
        layers=(2, 3),
    )
    panels = [parse(panel) for panel in ("baseline", "ablation", "nullspace:k=1", "flip:k=1")]
    *_, answers = compare(model, found, REQUEST, panels, sampling=Sampling(max_new_tokens=3))
    assert [answer.kl > 1e-6 for answer in answers] == [False, True, True, True]
    assert all(answer.perplexity and answer.perplexity > 1 for answer in answers)
    shown = trace(model, found, charted, REQUEST, panels)
    for panel, each in zip(panels, shown.states, strict=True):
        program = compile_edits([panel.edit(found)])
        with intervene(model, program), reading(model, (2, 3)) as read:
            whole(model, model.render(REQUEST))
        torch.testing.assert_close(each[1], read[3][0, -1], atol=1e-4, rtol=1e-4)


# From a folder


def load_from(network, folder) -> ChatModel:
    network.save_pretrained(folder)
    shared_tokenizer().save_pretrained(folder)
    return loading.load(str(folder), dtype="float32", device="cpu")


@pytest.mark.parametrize(
    "name",
    ["qwen3_next", "qwen3_5_wrapped", "gemma3_wrapped", "gemma4", "gpt_oss", "mistral3"],
)
def test_a_saved_folder_loads_with_the_same_weights(name, tmp_path, monkeypatch):
    found = load_from(make(name), tmp_path / name)
    expected = build_2026(name)
    row = expected.render(REQUEST)
    with reading(expected, [3]) as there:
        whole(expected, row)
    with reading(found, [3]) as here:
        whole(found, row)
    torch.testing.assert_close(here[3], there[3])
    assert not found.warnings


def test_a_wrapper_that_transformers_cannot_run_is_loaded_as_its_text_model(tmp_path):
    """Llama 4's wrapper is known as a text model; what it sees with is left in its files."""
    see = ARCHITECTURES["mistral3"].wrapped["vision_config"]
    sizes = {"projector_input_dim": 8, "projector_output_dim": 8, "vision_output_dim": 8}
    inner = make("llama4")
    config = Llama4Config(
        text_config=inner.config.to_dict(),
        vision_config={**see, **sizes, "model_type": "llama4_vision_model"},
    )
    wrapper = Llama4ForConditionalGeneration(config).eval()
    wrapper.language_model.load_state_dict(inner.state_dict())
    found = load_from(wrapper, tmp_path / "wrapped")
    assert type(found.network).__name__ == "Llama4ForCausalLM"
    row = found.render(REQUEST)
    torch.testing.assert_close(whole(found, row), whole(build_2026("llama4"), row))


# What no class here can load


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"model_type": "mysterious"}, "type 'mysterious', which the installed transformers does"),
        ({"model_type": 5}, "of type 5, which the installed transformers does not know"),
        ({"architectures": ["LlamaForCausalLM"]}, "names no model_type"),
        (
            {"model_type": "qwen", "auto_map": {"AutoConfig": "configuration_qwen.QWenConfig"}},
            "needs code of its own .auto_map.*never run here",
        ),
        ({"auto_map": {"AutoModel": "x.Y"}}, "needs code of its own"),
        ({"model_type": "t5"}, r"an encoder-decoder \(t5\)"),
        ({"model_type": "bart", "architectures": ["BartForCausalLM"]}, "an encoder-decoder"),
        ({"model_type": "bert"}, r"an encoder \(bert\)"),
        ({"model_type": "roberta"}, r"an encoder \(roberta\)"),
        ({"model_type": "vit"}, "of type 'vit', which writes no text"),
    ],
)
def test_a_folder_of_another_kind_is_refused_with_its_kind_named(tmp_path, config, message):
    folder = tmp_path / "other"
    make("qwen3").save_pretrained(folder)
    shared_tokenizer().save_pretrained(folder)
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(SteeringError, match=message):
        loading.load(str(folder), device="cpu")


def test_code_in_a_folder_is_not_run_where_transformers_has_its_own(tmp_path):
    folder = tmp_path / "both"
    make("qwen3").save_pretrained(folder)
    shared_tokenizer().save_pretrained(folder)
    config = json.loads((folder / "config.json").read_text())
    config["auto_map"] = {"AutoConfig": "configuration_evil.Evil", "AutoModel": "evil.Evil"}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "configuration_evil.py").write_text("raise SystemExit('run')")
    assert type(loading.load(str(folder), device="cpu").network).__name__ == "Qwen3ForCausalLM"
