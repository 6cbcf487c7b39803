import copy
import itertools
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from steering.interventions.directions import Directions
from steering.interventions.edits import Edit, Gate, alike, compile_edits, intervene
from steering.interventions.panel import parse
from steering.interventions.subspace import Subspace
from steering.models.chat_model import reading

D_MODEL = 32
ORIGIN = torch.zeros(D_MODEL)
INPUT = ((0, "input"),)
PARTS = ("input", "attention", "mlp")
EVERYWHERE = tuple(itertools.product(range(4), PARTS))


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def basis(rank: int, seed: int = 0) -> torch.Tensor:
    vectors = random(rank, D_MODEL, seed=seed)
    return Subspace.spanned_by(vectors, layer=0, position=-1, method="test").basis


def removal(
    rank: int = 1, seed: int = 0, *, alpha: float = 1.0, center=ORIGIN, sites=INPUT, gate=None
):
    return Edit(basis(rank, seed), alpha, center, ORIGIN, sites, gate)


def apply(edit: Edit | None, residual: torch.Tensor) -> torch.Tensor:
    """Edit every row of a residual stream in the same way, at a block's input."""
    return compile_edits([edit] * len(residual))[0, "input"](residual)


def hooks(network) -> int:
    return sum(
        len(module._forward_hooks) + len(module._forward_pre_hooks) for module in network.modules()
    )


def dense(edit: Edit, part: str, states: torch.Tensor) -> torch.Tensor:
    """The operator of one row with a d x d matrix in float64: [position, d_model]."""
    states, basis = states.double(), edit.basis.double()
    matrix = torch.eye(D_MODEL).double() - edit.alpha * basis.T @ basis
    center = edit.center.double() if part == "input" else ORIGIN.double()
    shift = edit.shift.double() if part == "input" else ORIGIN.double()
    edited = torch.stack([matrix @ (state - center) + center + shift for state in states])
    if edit.gate is not None:
        for index, state in enumerate(states):
            if not float(edit.gate.normal.double() @ state) > edit.gate.offset:
                edited[index] = state
    return edited.to(states.dtype)


def oracle(model, family, edits):
    """A copy of the network whose modules do the dense edits themselves; no hook is used."""
    network = copy.deepcopy(model.network)

    def edited(part, layer, hidden):
        rows = [
            dense(edit, part, row).to(row.dtype)
            if edit is not None and (layer, part) in edit.sites
            else row
            for edit, row in zip(edits, hidden, strict=True)
        ]
        return torch.stack(rows)

    def before(layer, forward):
        return lambda hidden_states, *args, **kwargs: forward(
            edited("input", layer, hidden_states), *args, **kwargs
        )

    def after(part, layer, forward):
        def run(*args, **kwargs):
            output = forward(*args, **kwargs)
            if isinstance(output, tuple):
                return (edited(part, layer, output[0]), *output[1:])
            return edited(part, layer, output)

        return run

    for layer, block in enumerate(network.model.layers):
        block.forward = before(layer, block.forward)
        for part, name in family.parts.items():
            module = getattr(block, name)
            module.forward = after(part, layer, module.forward)
    return network


def logits_of(model, rows, network=None) -> torch.Tensor:
    batch = model.batch(rows)
    with torch.inference_mode():
        return (network or model.network)(
            input_ids=batch.tokens, attention_mask=batch.mask, position_ids=batch.positions
        ).logits[:, -4:]


def rows_of(model, count: int) -> list[list[int]]:
    texts = ["How do I paint a car?", "Why?", "How do I steal the letter of my boss?"]
    return [model.render(text) for text, _ in zip(itertools.cycle(texts), range(count))]


# The operator


@given(
    rank=st.integers(0, D_MODEL),
    alpha=st.floats(0, 3, width=32),
    c=st.floats(-3, 3, width=32),
    seed=st.integers(0, 10_000),
)
def test_the_operator_is_the_dense_projector_in_float64(rank, alpha, c, seed):
    shift = c * random(D_MODEL, seed=seed + 1)
    u = basis(rank, seed) if rank else torch.zeros(0, D_MODEL)
    edit = Edit(u, alpha, random(D_MODEL, seed=seed + 2), shift, INPUT)
    residual = random(2, 5, D_MODEL, seed=seed + 3)
    if edit.is_identity:
        assert compile_edits([edit]) == {}
        return
    for row, edited in zip(residual, apply(edit, residual), strict=True):
        torch.testing.assert_close(edited.double(), dense(edit, "input", row), atol=2e-5, rtol=1e-5)


@given(rank=st.integers(1, D_MODEL), seed=st.integers(0, 10_000))
def test_alpha_1_leaves_nothing_inside_the_subspace_and_keeps_the_rest(rank, seed):
    u, residual = basis(rank, seed), random(2, 5, D_MODEL, seed=seed + 1)
    edited = apply(removal(rank, seed), residual)
    assert (residual @ u.T).abs().max() > 1e-2  # there was something to remove
    assert (edited @ u.T).abs().max() < 1e-5
    torch.testing.assert_close(residual - edited, (residual @ u.T) @ u, atol=1e-5, rtol=1e-5)


@given(rank=st.integers(1, D_MODEL), seed=st.integers(0, 10_000))
def test_alpha_1_twice_is_alpha_1_once(rank, seed):
    edit, residual = removal(rank, seed, center=random(D_MODEL)), random(2, 5, D_MODEL, seed=seed)
    once = apply(edit, residual)
    assert not torch.allclose(once, residual, atol=1e-2)
    torch.testing.assert_close(apply(edit, once), once, atol=2e-5, rtol=1e-5)


@given(rank=st.integers(1, D_MODEL), seed=st.integers(0, 10_000))
def test_alpha_2_twice_gives_back_the_original(rank, seed):
    edit = removal(rank, seed, alpha=2.0, center=random(D_MODEL))
    residual = random(2, 5, D_MODEL, seed=seed)
    once = apply(edit, residual)
    assert not torch.allclose(once, residual, atol=1e-2)
    torch.testing.assert_close(apply(edit, once), residual, atol=2e-5, rtol=1e-5)


@given(rank=st.integers(1, D_MODEL), seed=st.integers(0, 10_000))
def test_a_reflection_keeps_every_length_and_a_removal_does_not(rank, seed):
    residual = random(2, 5, D_MODEL, seed=seed)
    mirrored = apply(removal(rank, seed, alpha=2.0), residual)
    torch.testing.assert_close(mirrored.norm(dim=-1), residual.norm(dim=-1), atol=1e-5, rtol=1e-5)
    removed = apply(removal(rank, seed), residual)
    component = (residual @ basis(rank, seed).T).square().sum(-1)
    assert component.max() > 1e-4
    torch.testing.assert_close(
        removed.square().sum(-1), residual.square().sum(-1) - component, atol=1e-4, rtol=1e-5
    )


@given(rank=st.integers(1, 6), alpha=st.floats(0.125, 3, width=32), seed=st.integers(0, 10_000))
def test_alpha_scales_the_component_by_1_minus_alpha(rank, alpha, seed):
    u, residual = basis(rank, seed), random(1, 5, D_MODEL, seed=seed + 1)
    edited = apply(removal(rank, seed, alpha=alpha), residual)
    torch.testing.assert_close(edited @ u.T, (1 - alpha) * (residual @ u.T), atol=2e-5, rtol=1e-5)


def test_a_reflection_about_a_midpoint_exchanges_the_sides():
    u = basis(1)
    harmful, harmless = 5 * u[0] + random(D_MODEL, seed=1), 2 * u[0] + random(D_MODEL, seed=2)
    middle = (harmful + harmless) / 2
    mirrored = apply(
        removal(alpha=2.0, center=middle), torch.stack([harmful, harmless, middle])[None]
    )[0]
    t = mirrored @ u[0]
    torch.testing.assert_close(t[:2], torch.stack([harmless @ u[0], harmful @ u[0]]))
    torch.testing.assert_close(mirrored[2], middle)
    about_origin = apply(removal(alpha=2.0), harmful[None, None])[0, 0] @ u[0]
    assert not torch.isclose(about_origin, harmless @ u[0], atol=1e-2)


def test_an_addition_adds_to_every_position():
    shift = random(D_MODEL, seed=5)
    residual = random(2, 3, D_MODEL)
    edit = Edit(torch.zeros(0, D_MODEL), 1.0, ORIGIN, shift, INPUT)
    torch.testing.assert_close(apply(edit, residual), residual + shift)


def test_a_gate_acts_only_on_tokens_of_the_harmful_side():
    normal = torch.eye(D_MODEL)[3]
    edit = removal(2, alpha=2.0, gate=Gate(normal, 0.5))
    ungated = removal(2, alpha=2.0)
    residual = random(2, 6, D_MODEL)
    residual[0, :, 3] = torch.tensor([0.4, 0.6, 0.5, -0.6, 7.0, -7.0])
    edited, everywhere = apply(edit, residual), apply(ungated, residual)
    for token, on_harmful_side in enumerate([False, True, False, False, True, False]):
        expected = everywhere if on_harmful_side else residual
        assert torch.equal(edited[0, token], expected[0, token])
        assert not torch.equal(everywhere[0, token], residual[0, token])


def test_a_gate_on_one_row_leaves_the_ungated_rows_as_they_are():
    gated = removal(2, alpha=2.0, gate=Gate(torch.eye(D_MODEL)[0], 0.0))
    addition = Edit(torch.zeros(0, D_MODEL), 0.0, ORIGIN, random(D_MODEL, seed=9), INPUT)
    residual = random(3, 4, D_MODEL)
    residual[:, :, 0] = -1.0  # every token is on the harmless side
    edited = compile_edits([gated, removal(3), addition])[0, "input"](residual)
    assert torch.equal(edited[0], residual[0])
    torch.testing.assert_close(edited[1], apply(removal(3), residual[1:2])[0])
    torch.testing.assert_close(edited[2], residual[2] + addition.shift)


def test_a_gate_is_refused_where_it_has_no_meaning():
    with pytest.raises(ValueError, match="block inputs only"):
        removal(gate=Gate(ORIGIN, 0.0), sites=((0, "input"), (0, "mlp")))


def test_edits_of_unlike_rank_do_not_meddle_with_each_other():
    edits = [removal(1), None, removal(7, 1, alpha=2.0), removal(3, 2, alpha=0.5)]
    residual = random(4, 5, D_MODEL)
    together = compile_edits(edits)[0, "input"](residual)
    for row, edit in enumerate(edits):
        alone = residual[row] if edit is None else dense(edit, "input", residual[row]).float()
        torch.testing.assert_close(together[row], alone, atol=1e-5, rtol=1e-5)


def test_the_edit_is_computed_in_float32_and_cast_back():
    residual = (100 * random(2, 5, D_MODEL)).bfloat16()
    edited = apply(removal(3, alpha=2.0), residual)
    assert edited.dtype == torch.bfloat16
    assert torch.equal(edited, apply(removal(3, alpha=2.0), residual.float()).bfloat16())


def test_a_gate_reads_its_side_in_float32_whatever_the_number_format():
    edit = removal(2, alpha=2.0, gate=Gate(random(D_MODEL, seed=8), 0.0))
    residual = random(2, 20, D_MODEL).bfloat16()
    edited = apply(edit, residual)
    assert edited.dtype == torch.bfloat16
    assert torch.equal(edited, apply(edit, residual.float()).bfloat16())
    changed = (edited != residual).any(-1)
    assert changed.any()
    assert not changed.all()


def test_the_input_is_left_untouched():
    residual = random(2, 5, D_MODEL)
    before = residual.clone()
    apply(removal(2, alpha=2.0), residual)
    assert torch.equal(residual, before)


def test_edits_that_change_nothing_are_left_out():
    nothing = [
        None,
        removal(3, alpha=0.0, sites=EVERYWHERE),
        Edit(torch.zeros(0, D_MODEL), 1.0, random(D_MODEL), ORIGIN, INPUT),
    ]
    assert [edit.is_identity for edit in nothing[1:]] == [True, True]
    assert compile_edits(nothing) == {}
    assert not removal(3, alpha=1e-3).is_identity
    assert not Edit(torch.zeros(0, D_MODEL), 0.0, ORIGIN, 1e-3 * random(D_MODEL), INPUT).is_identity


def test_every_site_edits_the_rows_that_ask_for_it():
    program = compile_edits(
        [removal(sites=((1, "input"), (2, "mlp"))), None, removal(2, sites=((2, "mlp"),))]
    )
    assert set(program) == {(1, "input"), (2, "mlp")}
    assert program[1, "input"].rows.tolist() == [0]
    assert program[2, "mlp"].rows.tolist() == [0, 2]


# The operator in the network


def several_edits() -> list[Edit | None]:
    shift, center = random(D_MODEL, seed=11), random(D_MODEL, seed=12)
    return [
        None,
        removal(1, 1, sites=EVERYWHERE),
        removal(3, 2, sites=EVERYWHERE, center=center),
        removal(2, 3, alpha=2.0, sites=((1, "input"),)),
        Edit(basis(2, 4), 0.7, center, shift, ((2, "input"), (0, "attention"), (3, "mlp"))),
        Edit(torch.zeros(0, D_MODEL), 0.0, ORIGIN, shift, ((2, "input"),)),
        removal(2, 5, alpha=2.0, sites=((1, "input"),), gate=Gate(random(D_MODEL, seed=6), 0.1)),
        removal(2, 5, alpha=0.0, sites=EVERYWHERE),
    ]


def test_the_edited_network_is_the_one_with_dense_projectors_built_in(family, family_model):
    edits = several_edits()
    rows = rows_of(family_model, len(edits))
    expected = logits_of(family_model, rows, oracle(family_model, family, edits))
    with intervene(family_model, compile_edits(edits)):
        found = logits_of(family_model, rows)
    torch.testing.assert_close(found, expected, atol=2e-3, rtol=1e-3)
    plain = logits_of(family_model, rows)
    changed = [not torch.allclose(f, p, atol=2e-2) for f, p in zip(found, plain, strict=True)]
    assert changed == [False, True, True, True, True, True, True, False]


@pytest.mark.parametrize("part", PARTS)
def test_each_part_of_a_block_is_edited_by_itself(family, family_model, part):
    edits = [removal(4, 1, sites=((1, part),)), None, removal(4, 2, alpha=2.0, sites=((3, part),))]
    rows = rows_of(family_model, 3)
    expected = logits_of(family_model, rows, oracle(family_model, family, edits))
    with intervene(family_model, compile_edits(edits)):
        found = logits_of(family_model, rows)
    torch.testing.assert_close(found, expected, atol=1e-3, rtol=1e-3)
    assert not torch.allclose(found[0], logits_of(family_model, rows)[0], atol=1e-2)


def test_rows_without_an_edit_are_bit_identical_to_the_unhooked_network(family_model):
    edits = several_edits()
    rows = rows_of(family_model, len(edits))
    plain = logits_of(family_model, rows)
    with intervene(family_model, compile_edits(edits)):
        found = logits_of(family_model, rows)
    assert torch.equal(found[0], plain[0])
    assert torch.equal(found[-1], plain[-1])  # alpha 0
    assert not torch.equal(found[1], plain[1])


def test_after_removal_everywhere_nothing_is_left_anywhere_in_the_stream(family, family_model):
    """At block inputs, between attention and MLP, and before the last norm."""
    u = basis(3, 7)
    inner = (
        "pre_feedforward_layernorm"
        if "post_feedforward_layernorm" in family.parts.values()
        else "post_attention_layernorm"
    )
    seen: dict[str, torch.Tensor] = {}

    def keep(name):
        return lambda module, args: seen.__setitem__(name, args[0])

    rows = rows_of(family_model, 1)
    network = family_model.network.model
    handles = [network.norm.register_forward_pre_hook(keep("last norm"))] + [
        getattr(block, inner).register_forward_pre_hook(keep(f"middle of {layer}"))
        for layer, block in enumerate(network.layers)
    ]
    shares = {}
    for alpha in (0.0, 1.0):
        program = compile_edits([removal(3, 7, alpha=alpha, sites=EVERYWHERE)])
        with intervene(family_model, program), reading(family_model, range(4)) as states:
            logits_of(family_model, rows)
            seen.update({f"input of {layer}": state for layer, state in states.items()})
        shares[alpha] = {
            name: float((state @ u.T).norm() / state.norm()) for name, state in seen.items()
        }
    for handle in handles:
        handle.remove()
    assert len(shares[1.0]) == 9
    assert min(shares[0.0].values()) > 0.05
    assert max(shares[1.0].values()) < 1e-5


def test_a_batch_of_another_size_is_refused(tiny):
    before = hooks(tiny.network)
    program = compile_edits([removal(sites=EVERYWHERE)] * 2)
    logits_of(tiny, rows_of(tiny, 3))
    with (
        pytest.raises(ValueError, match="edits for 2 rows met a batch of 3"),
        intervene(tiny, program),
    ):
        logits_of(tiny, rows_of(tiny, 3))
    assert hooks(tiny.network) == before


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, GeneratorExit])
def test_the_hooks_go_whatever_ends_the_block(tiny, error):
    before, rows = hooks(tiny.network), rows_of(tiny, 1)
    plain = logits_of(tiny, rows)
    program = compile_edits([removal(2, sites=EVERYWHERE)])
    with pytest.raises(error), intervene(tiny, program):  # noqa: PT012
        assert hooks(tiny.network) == before + len(EVERYWHERE)
        assert not torch.equal(logits_of(tiny, rows), plain)
        raise error
    assert hooks(tiny.network) == before
    assert torch.equal(logits_of(tiny, rows), plain)


def test_the_hooks_go_when_a_generator_around_them_is_closed(tiny):
    before = hooks(tiny.network)

    def stream():
        with intervene(tiny, compile_edits([removal(sites=EVERYWHERE)])):
            yield hooks(tiny.network)

    generator = stream()
    assert next(generator) == before + len(EVERYWHERE)
    generator.close()
    assert hooks(tiny.network) == before


def test_a_site_that_does_not_exist_leaves_no_hooks(tiny):
    before = hooks(tiny.network)
    program = compile_edits([removal(sites=((1, "input"), (9, "input")))])
    with pytest.raises(IndexError), intervene(tiny, program):
        pass
    assert hooks(tiny.network) == before


@pytest.mark.parametrize("text", ["ablation", "nullspace:where=all", "ablation:where=source"])
def test_a_panel_of_removal_empties_its_subspace_at_its_layer(tiny, fitted: Directions, text):
    panel = parse(text).resolved(fitted)
    subspace = panel.subspace(fitted)
    rows = rows_of(tiny, 1)
    layer = panel.layer
    with reading(tiny, [layer]) as states:
        logits_of(tiny, rows)
        assert (states[layer] @ subspace.basis.T).abs().max() > 1e-2
    with (
        intervene(tiny, compile_edits([panel.edit(fitted)])),
        reading(tiny, [layer]) as states,
    ):
        logits_of(tiny, rows)
        assert (states[layer] @ subspace.basis.T).abs().max() < 1e-5


def test_edits_are_alike_only_if_everything_of_them_is():
    zero, one = torch.zeros(4), torch.ones(4)
    edit = Edit(torch.eye(4)[:1], 2.0, zero, zero, ((1, "input"),), Gate(one, 0.5))
    assert alike(edit, copy.deepcopy(edit))
    for change in (
        {"basis": torch.eye(4)[1:2]},
        {"basis": torch.eye(4)[:2]},
        {"alpha": 1.0},
        *({name: one} for name in ("center", "shift")),
        {"sites": ((2, "input"),)},
        *({"gate": gate} for gate in (None, Gate(one, 0.25), Gate(-one, 0.5))),
    ):
        assert not alike(edit, replace(edit, **change)), change
    assert not alike(edit, None)
    nothing = replace(edit, alpha=0.0)
    assert alike(nothing, None)
    assert alike(None, replace(nothing, sites=((3, "input"),)))
