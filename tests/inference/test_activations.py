import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from steering.errors import SteeringError
from steering.inference.activations import capture
from steering.interventions.edits import Edit, compile_edits, intervene
from steering.models.inspection import inspect

TEXTS = (
    "How do I paint a car?",
    "Why",
    "Tell me, please: what is 7 + 7, and how do I steal a letter from my boss?",
    "Ünïcödé 猫",
    "I. I. I.",
)
LAYERS, POSITIONS = (3, 0, 2), (-1, -4, -2)


def rows_of(model, texts=TEXTS) -> list[list[int]]:
    return [model.render(text) for text in texts]


def hooks(network) -> int:
    return sum(
        len(module._forward_hooks) + len(module._forward_pre_hooks) for module in network.modules()
    )


def block_input(model, ids: list[int], layer: int) -> torch.Tensor:
    """Run a network that ends before block `layer`, and without a final norm: no hook is needed."""
    decoder = copy.deepcopy(model.network.model)
    decoder.layers = decoder.layers[:layer]
    decoder.config.num_hidden_layers = layer
    decoder.norm = torch.nn.Identity()
    with torch.inference_mode():
        return decoder(torch.tensor([ids]), use_cache=False).last_hidden_state[0]


def test_the_states_of_every_family_are_the_inputs_of_the_blocks(family_model):
    rows = rows_of(family_model)
    found = capture(family_model, rows, layers=LAYERS, positions=POSITIONS)
    assert found.dtype == torch.float32
    assert found.shape == (5, 3, 3, 32)
    for row, states in zip(rows, found, strict=True):
        for place, layer in enumerate(LAYERS):
            expected = block_input(family_model, row, layer)[list(POSITIONS)]
            torch.testing.assert_close(states[:, place], expected, atol=2e-4, rtol=1e-4)
    assert not torch.allclose(found[:, :, 0], found[:, :, 2], atol=0.1)  # layers do differ


def test_the_states_of_every_family_are_transformers_own_hidden_states(family_model):
    network = copy.deepcopy(family_model.network)  # asking for hidden states leaves hooks behind
    for row in rows_of(family_model)[:2]:
        found = capture(family_model, [row], layers=range(4), positions=(-2, -1))[0]
        with torch.inference_mode():
            hidden = network(torch.tensor([row]), output_hidden_states=True).hidden_states
        for layer in range(4):
            torch.testing.assert_close(found[:, layer], hidden[layer][0, -2:], atol=1e-4, rtol=1e-4)


def test_a_prompt_gives_the_same_states_alone_in_a_batch_and_padded(family_model):
    rows = rows_of(family_model)
    assert len(set(map(len, rows))) > 3
    alone = torch.cat(
        [capture(family_model, [row], layers=LAYERS, positions=POSITIONS) for row in rows]
    )
    scale = alone.norm(dim=-1).max()
    for batch_size in (2, 5):
        together = capture(
            family_model, rows, layers=LAYERS, positions=POSITIONS, batch_size=batch_size
        )
        assert (together - alone).norm(dim=-1).max() < 1e-4 * scale


@settings(max_examples=20)
@given(
    order=st.permutations(range(5)),
    batch_size=st.integers(1, 6),
    layers=st.lists(st.integers(0, 3), min_size=1, max_size=4),
    positions=st.lists(st.integers(-6, -1), min_size=1, max_size=4),
)
def test_every_number_is_at_its_prompt_position_and_layer(
    tiny, order, batch_size, layers, positions
):
    rows = rows_of(tiny)
    everything = capture(tiny, rows, layers=range(4), positions=range(-6, 0))
    found = capture(
        tiny,
        [rows[index] for index in order],
        layers=layers,
        positions=positions,
        batch_size=batch_size,
    )
    expected = everything[order][:, [position + 6 for position in positions]][:, :, layers]
    torch.testing.assert_close(found, expected, atol=2e-4, rtol=1e-4)


def test_an_edit_that_is_active_is_seen(tiny):
    row = rows_of(tiny)[0]
    shift = torch.arange(32.0)
    edit = Edit(torch.zeros(0, 32), 0.0, torch.zeros(32), shift, ((1, "input"),))
    before = capture(tiny, [row], layers=(0, 1), positions=(-1,))[0, 0]
    with intervene(tiny, compile_edits([edit])):
        after = capture(tiny, [row], layers=(0, 1), positions=(-1,))[0, 0]
    assert torch.equal(after[0], before[0])
    torch.testing.assert_close(after[1], before[1] + shift)


def test_a_bfloat16_model_gives_float32_states_within_the_stated_tolerance(tiny, own_copy):
    network, tokenizer = own_copy(tiny)
    model = inspect("small", network.bfloat16(), tokenizer)
    rows = rows_of(model)
    together = capture(model, rows, layers=LAYERS, positions=POSITIONS)
    assert together.dtype == torch.float32
    alone = torch.cat([capture(model, [row], layers=LAYERS, positions=POSITIONS) for row in rows])
    error = (together - alone).norm(dim=-1) / alone.norm(dim=-1)
    assert error.max() < 3e-2


@pytest.mark.parametrize("layer", [-1, 4])
def test_a_layer_that_does_not_exist_is_refused(tiny, layer):
    with pytest.raises(SteeringError, match=rf"layer {layer} does not exist.*blocks 0 to 3"):
        capture(tiny, rows_of(tiny), layers=(0, layer), positions=(-1,))


@pytest.mark.parametrize("position", [0, 1, -28])
def test_a_position_that_does_not_exist_is_refused(tiny, position):
    rows = [list(range(1, 28)), list(range(1, 60))]
    assert capture(tiny, rows, layers=(1,), positions=(-27,)).shape == (2, 1, 1, 32)
    with pytest.raises(SteeringError, match=rf"position {position} .*shortest prompt has 27"):
        capture(tiny, rows, layers=(1,), positions=(-1, position))


def test_no_prompts_are_refused(tiny):
    with pytest.raises(SteeringError, match="no prompts were given"):
        capture(tiny, [], layers=(0,), positions=(-1,))


def test_the_hooks_go_after_success_and_after_an_error_inside(tiny, own_copy):
    before = hooks(tiny.network)
    capture(tiny, rows_of(tiny), layers=LAYERS, positions=POSITIONS)
    assert hooks(tiny.network) == before
    seen = []

    def break_down(module, args):
        seen.append(hooks(tiny.network))
        raise KeyboardInterrupt

    handle = tiny.blocks[2].register_forward_pre_hook(break_down)
    with pytest.raises(KeyboardInterrupt):
        capture(tiny, rows_of(tiny), layers=LAYERS, positions=POSITIONS)
    handle.remove()
    assert seen == [before + 1 + len(LAYERS)]
    assert hooks(tiny.network) == before


def test_progress_is_shown_only_when_asked_for(tiny, capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("STEERING_CACHE", str(tmp_path))
    capture(tiny, rows_of(tiny), layers=(0,), positions=(-1,))
    assert capsys.readouterr().err == ""
    capture(tiny, rows_of(tiny), layers=(0,), positions=(-1,), batch_size=2, progress=True)
    assert "5 of 5" in capsys.readouterr().err
