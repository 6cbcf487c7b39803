"""Scores against a plain loop: one prompt at a time, no cache, hooks written here."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from steering.fitting.scoring import MIN_KEPT, Bench, right_sign
from steering.inference.next_token import logits_under
from steering.interventions.panel import parse
from steering.interventions.subspace import Subspace

Change = Callable[[Tensor], Tensor]


def test_only_prompts_whose_score_has_the_right_sign_are_kept():
    scores = torch.tensor([1.0, -1.0, 0.0] + [2.0] * MIN_KEPT)
    assert right_sign(scores, 1).tolist() == [0, *range(3, 3 + MIN_KEPT)]
    assert right_sign(-scores, -1).tolist() == [0, *range(3, 3 + MIN_KEPT)]


def test_a_class_of_which_too_few_would_be_left_keeps_all_its_prompts():
    enough = torch.tensor([1.0] * MIN_KEPT + [-1.0] * 5)
    assert right_sign(enough, 1).tolist() == list(range(MIN_KEPT))
    assert right_sign(enough[1:], 1).tolist() == list(range(MIN_KEPT + 4))


def rows_of(model, prompts) -> list[list[int]]:
    texts = [*prompts["harmful"][:4], "How?", *prompts["harmless"][:3]]
    return [model.render(text) for text in texts]


@pytest.mark.parametrize("batch_size", [1, 2, 3, 16])
def test_unedited_logits_equal_the_models_own_in_prompt_order(tiny, prompts, batch_size):
    rows = rows_of(tiny, prompts)
    expected = torch.cat([tiny.next_token_logits([row]) for row in rows])
    found = logits_under(tiny, rows, None, batch_size=batch_size)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    # The prompts differ, so a wrong order would show.
    assert (expected[0] - expected[-1]).abs().max() > 0.01


@pytest.mark.parametrize("batch_size", [1, 3, 16])
@pytest.mark.parametrize("panel", ["ablation", "flip:k=2", "actadd:c=1,where=all", "nullspace"])
def test_edited_logits_equal_those_of_a_pass_without_a_shared_prefix(
    tiny, fitted, prompts, panel, batch_size
):
    rows = rows_of(tiny, prompts)
    # One stands without the template's beginning, so nothing is shared.
    apart = [*rows, rows[0][5:]]
    edit = parse(panel).edit(fitted)
    shared = logits_under(tiny, rows, edit, batch_size=batch_size)
    whole = logits_under(tiny, apart, edit, batch_size=batch_size)
    torch.testing.assert_close(shared, whole[:-1], rtol=1e-4, atol=1e-4)
    unedited = logits_under(tiny, rows, None, batch_size=batch_size)
    assert (shared - unedited).abs().max() > 0.01


@pytest.mark.parametrize("copies", [1, 3])
def test_one_prompt_alone_or_repeated_still_has_a_token_to_run(tiny, fitted, prompts, copies):
    row = tiny.render(prompts["harmful"][0])
    edit = parse("ablation").edit(fitted)
    expected = plain_logits(tiny, row, *ablation(fitted, fitted.dim_point))
    found = logits_under(tiny, [row] * copies, edit, batch_size=16)
    torch.testing.assert_close(found, expected.expand(copies, -1), rtol=1e-4, atol=1e-4)


def test_rows_of_which_one_begins_another_are_scored_like_alone(tiny, prompts):
    row = tiny.render(prompts["harmful"][0])
    rows = [row, row[:6], row[:1]]
    expected = torch.cat([tiny.next_token_logits([each]) for each in rows])
    found = logits_under(tiny, rows, None, batch_size=2)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def changing_input(change: Change) -> Any:
    def hook(_module, args, kwargs):
        if args:
            return (change(args[0]), *args[1:]), kwargs
        return args, {**kwargs, "hidden_states": change(kwargs["hidden_states"])}

    return hook


def changing_output(change: Change) -> Any:
    def hook(_module, _args, output):
        return (change(output[0]), *output[1:]) if isinstance(output, tuple) else change(output)

    return hook


def plain_logits(
    model: Any, row: Sequence[int], at_input: dict[int, Change], at_output: Change | None
) -> Tensor:
    blocks = model.network.model.layers
    handles = [
        blocks[layer].register_forward_pre_hook(changing_input(change), with_kwargs=True)
        for layer, change in at_input.items()
    ]
    if at_output is not None:
        parts = [part for block in blocks for part in (block.self_attn, block.mlp)]
        handles += [part.register_forward_hook(changing_output(at_output)) for part in parts]
    with torch.no_grad():
        logits = model.network(torch.tensor([list(row)]), use_cache=False).logits[:, -1]
    for handle in handles:
        handle.remove()
    return logits


def ablation(fitted, point) -> tuple[dict[int, Change], Change]:
    raw = fitted.raw(point)
    unit = raw / raw.norm()

    def change(states: Tensor) -> Tensor:
        return states - (states @ unit)[..., None] * unit

    return dict.fromkeys(range(fitted.n_layers), change), change


def addition(fitted, point, c: float) -> tuple[dict[int, Change], None]:
    return {point[1]: lambda states: states + c * fitted.raw(point)}, None


def plain_score(model, logits: Tensor) -> float:
    p = float(logits.double().softmax(-1)[0, model.opener_ids].sum())
    return math.log(p + 1e-8) - math.log(1 - p + 1e-8)


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


@pytest.fixture
def bench(tiny, prompts) -> Bench:
    return Bench.prepared(
        tiny,
        [tiny.render(text) for text in prompts["harmful"][:10]],
        [tiny.render(text) for text in prompts["harmless"][:9]],
        batch_size=4,
    )


@pytest.mark.parametrize("point", [(-2, 2), (-1, 3), (-3, 1)])
def test_the_scores_of_a_point_equal_those_of_a_plain_loop(tiny, fitted, bench, point):
    def refusal(rows, changes) -> float:
        return mean([plain_score(tiny, plain_logits(tiny, row, *changes)) for row in rows])

    def divergence(row) -> float:
        base = plain_logits(tiny, row, {}, None).double().log_softmax(-1)
        edited = plain_logits(tiny, row, *ablation(fitted, point)).double().log_softmax(-1)
        return float((base.exp() * (base - edited)).sum())

    found = bench.score(fitted, point)
    assert found.point == point
    assert found.n == min(len(bench.harmful), len(bench.harmless))
    near = {"rel": 1e-3, "abs": 1e-4}
    bypass = refusal(bench.harmful, ablation(fitted, point))
    assert found.bypass == pytest.approx(bypass, **near)
    assert found.induce == pytest.approx(
        refusal(bench.harmless, addition(fitted, point, 1.0)), **near
    )
    assert found.induce_twice == pytest.approx(
        refusal(bench.harmless, addition(fitted, point, 2.0)), **near
    )
    kl = mean([divergence(row) for row in bench.harmless])
    assert found.kl == pytest.approx(kl, **near)
    assert found.kl > 1e-3


@pytest.mark.parametrize(("kind", "alpha"), [("flip", 2.0), ("nullspace", 1.0)])
def test_inlp_is_scored_with_every_direction_and_asked_for_the_same(
    tiny, fitted, bench, kind, alpha
):
    point = (-1, 2)
    basis = fitted.inlp[point].subspace.basis
    inside = (basis @ fitted.raw(point)) @ basis

    def edited(states: Tensor) -> Tensor:
        return states - alpha * (states @ basis.T) @ basis

    def logits(row) -> Tensor:
        if kind == "flip":
            return plain_logits(tiny, row, {2: edited}, None)
        edit = parse(f"nullspace:k={len(basis)},layer=2,position=-1").edit(fitted)
        return logits_under(tiny, [row], edit, batch_size=1)

    found = bench.score_inlp(fitted, point, kind)
    near = {"rel": 1e-3, "abs": 1e-4}
    plain = [plain_score(tiny, logits(row)) for row in bench.harmful]
    assert found.bypass == pytest.approx(mean(plain), **near)
    for c, value in ((1.0, found.induce), (2.0, found.induce_twice)):
        added = {2: lambda states, c=c: states + c * inside}
        plain = [plain_score(tiny, plain_logits(tiny, row, added, None)) for row in bench.harmless]
        assert value == pytest.approx(mean(plain), **near)
    base = [plain_logits(tiny, row, {}, None).double().log_softmax(-1) for row in bench.harmless]
    after = [logits(row).double().log_softmax(-1) for row in bench.harmless]
    kl = [float((p.exp() * (p - q)).sum()) for p, q in zip(base, after, strict=True)]
    assert found.kl == pytest.approx(mean(kl), **near)
    assert found.kl > 1e-6


def test_a_single_direction_is_induced_as_difference_in_means_is(fitted, bench):
    """What lies of r in the span of r is r, so both methods are asked for the same."""
    point = (-1, 2)
    unit = Subspace.spanned_by(fitted.raw(point)[None], layer=2, position=-1, method="r")
    one = replace(fitted, inlp={point: replace(fitted.inlp[point], subspace=unit)})
    found, expected = bench.score_inlp(one, point, "flip"), bench.score(fitted, point)
    assert found.induce == pytest.approx(expected.induce, rel=1e-4, abs=1e-5)
    assert found.induce_twice == pytest.approx(expected.induce_twice, rel=1e-4, abs=1e-5)


def test_the_bench_keeps_prompts_of_the_right_sign_with_their_own_logits(tiny, prompts, bench):
    rows = [tiny.render(text) for text in prompts["harmless"][:9]]
    scores = [plain_score(tiny, plain_logits(tiny, row, {}, None)) for row in rows]
    answered = [row for row, value in zip(rows, scores, strict=True) if value < 0]
    assert list(bench.harmless) == (answered if len(answered) >= MIN_KEPT else rows)
    for kept, logits in (
        (bench.harmful, bench.harmful_logits),
        (bench.harmless, bench.harmless_logits),
    ):
        expected = torch.cat([plain_logits(tiny, row, {}, None) for row in kept])
        torch.testing.assert_close(logits, expected, rtol=1e-4, atol=1e-4)


def test_the_second_round_has_other_prompts_than_the_first_where_enough_are_left(bench):
    few, others = bench.first(1), bench.after(1)
    assert bench.harmful == [*few.harmful, *others.harmful]
    assert torch.equal(bench.harmful_logits[1:], others.harmful_logits)
    assert others.sizes == {"harmful": len(bench.harmful) - 1, "harmless": len(others.harmless)}
    # Of nine or ten prompts fewer than eight would be left.
    assert bench.after(3).harmful == bench.harmful
    assert torch.equal(bench.after(3).harmless_logits, bench.harmless_logits)


def test_the_first_round_takes_prompts_from_all_over_a_class(bench):
    few, n = bench.first(3), len(bench.harmful)
    places = [0, n // 3, 2 * n // 3]
    assert few.harmful == [bench.harmful[place] for place in places]
    assert torch.equal(few.harmful_logits, bench.harmful_logits[places])
    m = len(bench.harmless)
    assert few.harmless == [bench.harmless[place] for place in (0, m // 3, 2 * m // 3)]


def test_the_two_rounds_share_no_prompt_and_leave_none_out(bench):
    twice = Bench(
        bench.model,
        [*bench.harmful, *bench.harmful],
        [*bench.harmless, *bench.harmless],
        bench.harmful_logits.repeat(2, 1),
        bench.harmless_logits.repeat(2, 1),
        bench.batch_size,
    )
    few, others = twice.first(5), twice.after(5)
    for name in ("harmful", "harmless"):
        whole = getattr(twice, name)
        assert sorted([*getattr(few, name), *getattr(others, name)]) == sorted(whole)
        assert len(getattr(few, name)) == 5
    assert len(others.harmful_logits) == len(others.harmful)
