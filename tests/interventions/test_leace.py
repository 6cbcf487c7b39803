from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from steering.errors import SteeringError
from steering.interventions.controls import Controls, StateShape
from steering.interventions.directions import Directions, difference_in_means
from steering.interventions.edits import Edit, compile_edits
from steering.interventions.leace import over_covariance, reader
from steering.interventions.panel import parse

D_MODEL, EACH, POINT = 12, 300, (-1, 0)


def two_classes(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """States that vary most along a line beside the one on which the classes differ."""
    generator = torch.Generator().manual_seed(seed)
    mix = torch.randn(D_MODEL, D_MODEL, generator=generator)
    states = torch.randn(2 * EACH, D_MODEL, generator=generator) @ mix + 3.0
    states[:EACH] += 2 * torch.randn(D_MODEL, generator=generator)
    return states[:EACH], states[EACH:]


def directions(seed: int = 0, shape: StateShape | None = None, axes: int = D_MODEL) -> Directions:
    harmful, harmless = two_classes(seed)
    shape = shape or StateShape.of(torch.cat([harmful, harmless]), axes=axes)
    return Directions(
        model="two classes",
        difference=difference_in_means(harmful, harmless)[None, None],
        harmless_mean=harmless.double().mean(0).float()[None, None],
        positions=(-1,),
        inlp={},
        dim_point=POINT,
        inlp_point=POINT,
        default_k=1,
        default_c=1.0,
        controls=Controls({POINT: shape}),
    )


def edited(edit: Edit | None, states: torch.Tensor) -> torch.Tensor:
    return compile_edits([edit])[0, "input"](states[None])[0]


def change(edit: Edit | None, seed: int = 0) -> float:
    """Mean squared distance that the states of both classes move."""
    both = torch.cat(two_classes(seed))
    return float((edited(edit, both) - both).double().square().sum(1).mean())


def learnt(harmful: torch.Tensor, harmless: torch.Tensor) -> LogisticRegression:
    """A classifier of states that are scaled alike in all directions, nearly without a penalty."""
    both = torch.cat([harmful, harmless])
    scaled = ((both - both.mean(0)) / both.std()).numpy()
    labels = np.repeat([1, 0], len(harmful))
    return LogisticRegression(C=1e4, tol=1e-8, max_iter=5000).fit(scaled, labels)


@settings(max_examples=20)
@given(seed=st.integers(0, 1000), axes=st.sampled_from([2, 5, D_MODEL]))
def test_nothing_that_is_linear_tells_the_classes_apart_afterwards(seed, axes):
    """Whatever is kept of the covariance: the cross-covariance with the label is zero."""
    found = directions(seed, axes=axes)
    edit = parse("leace").edit(found)
    harmful, harmless = two_classes(seed)
    before = float((harmful.mean(0) - harmless.mean(0)).norm())
    assert before > 0.5
    after = edited(edit, harmful).mean(0) - edited(edit, harmless).mean(0)
    assert float(after.norm()) < 1e-4 * before
    half = edited(replace(edit, alpha=0.5), harmful).mean(0)
    half = half - edited(replace(edit, alpha=0.5), harmless).mean(0)
    assert float(half.norm()) == pytest.approx(before / 2, rel=1e-3)


def test_a_classifier_that_was_good_learns_nothing():
    harmful, harmless = two_classes()
    before = learnt(harmful, harmless)
    assert abs(before.coef_).max() > 1
    edit = parse("leace").edit(directions())
    after = learnt(edited(edit, harmful), edited(edit, harmless))
    assert abs(after.coef_).max() < 1e-2
    # Along another direction something is left to learn.
    other = replace(edit, basis=torch.eye(D_MODEL)[:1], reader=None)
    assert abs(learnt(edited(other, harmful), edited(other, harmless)).coef_).max() > 0.1


@settings(max_examples=20)
@given(seed=st.integers(0, 1000))
def test_no_other_map_of_that_kind_moves_states_less(seed):
    """Adding to the reader what does not read the direction leaves the guard and costs more."""
    edit = parse("leace").edit(directions(seed))
    along, least = edit.basis[0], change(edit, seed)
    aside = torch.randn(D_MODEL, generator=torch.Generator().manual_seed(seed))
    aside -= (aside @ along) * along
    for step in (-0.2, 0.2):
        other = replace(edit, reader=edit.reader + step * aside)
        torch.testing.assert_close(other.reads @ along, torch.ones(1), atol=1e-4, rtol=0)
        assert change(other, seed) > least
    moved = replace(edit, center=edit.center + aside)
    assert change(moved, seed) > least
    orthogonal = parse("ablation:where=source,sites=input,center=midpoint").edit(directions(seed))
    torch.testing.assert_close(orthogonal.basis, edit.basis)
    assert change(orthogonal, seed) > least


def test_of_classes_of_unlike_size_it_is_about_the_mean_of_all_states():
    harmful, harmless = two_classes()
    few = torch.cat([harmful[:30], harmless])
    edit = parse("leace").edit(directions(shape=StateShape.of(few, axes=D_MODEL)))
    torch.testing.assert_close(edit.center, few.mean(0), atol=1e-4, rtol=1e-4)
    middle = replace(edit, center=(harmful.mean(0) + harmless.mean(0)) / 2)
    moved = [float((edited(each, few) - few).square().sum()) for each in (edit, middle)]
    assert moved[0] < 0.9 * moved[1]


def test_where_states_do_not_vary_it_is_refused():
    still = StateShape(torch.zeros(D_MODEL), torch.zeros(2, D_MODEL), torch.tensor(0.0))
    with pytest.raises(SteeringError, match="do not vary"):
        parse("leace").edit(directions(shape=still))


def test_it_is_ablation_about_the_midpoint_where_states_vary_alike():
    harmful, harmless = two_classes()
    middle = (harmful.mean(0) + harmless.mean(0)) / 2
    alike = StateShape(middle, torch.zeros(2, D_MODEL), torch.tensor(4.0))
    found = directions(shape=alike)
    one = parse("leace").edit(found)
    other = parse("ablation:where=source,sites=input,center=midpoint").edit(found)
    torch.testing.assert_close(one.reads, other.basis)
    states = two_classes()[0]
    torch.testing.assert_close(edited(one, states), edited(other, states))
    uneven = parse("leace").edit(directions())
    assert not torch.allclose(uneven.reads, uneven.basis, atol=0.1)


@settings(max_examples=20)
@given(seed=st.integers(0, 1000), rank=st.integers(1, 3))
def test_the_inverse_is_that_of_the_dense_covariance(seed, rank):
    shape = StateShape.of(torch.cat(two_classes(seed)), axes=4)
    rows = torch.randn(rank, D_MODEL, generator=torch.Generator().manual_seed(seed))
    dense = shape.spread.double().T @ shape.spread.double()
    dense += shape.rest.double() * torch.eye(D_MODEL).double()
    expected = torch.linalg.solve(dense, rows.double().T).T
    torch.testing.assert_close(over_covariance(shape, rows), expected, rtol=1e-4, atol=1e-6)
    along = rows / rows.norm(dim=1, keepdim=True)
    found = reader(shape, along)
    torch.testing.assert_close((found * along).sum(1), torch.ones(rank), atol=1e-4, rtol=0)


def test_fewer_states_than_dimensions_give_numbers():
    few = torch.cat(two_classes())[:5]
    shape = StateShape.of(few, axes=8)
    assert float(shape.rest) < 1e-6
    along = (few[0] - few[1])[None]
    found = reader(shape, along / along.norm())
    assert found.isfinite().all()
    # Where no state varies nothing is read, as the pseudo-inverse has it.
    aside = torch.randn(D_MODEL, generator=torch.Generator().manual_seed(1)).double()
    axes = shape.spread[shape.spread.norm(dim=1) > 1e-2].double()
    aside -= torch.linalg.lstsq(axes.T, aside).solution @ axes
    assert float(aside.norm()) > 0.5
    assert abs(float(found.double() @ aside)) < 1e-4 * float(found.norm() * aside.norm())


def test_it_is_the_papers_formula():
    """x - W^+ P W (x - mu), with every matrix built, on the sample's own covariance."""
    harmful, harmless = (each.double() for each in two_classes())
    states = torch.cat([harmful, harmless])
    labels = torch.cat([torch.ones(EACH), torch.zeros(EACH)]).double()
    centred = states - states.mean(0)
    values, vectors = torch.linalg.eigh(centred.T @ centred / len(states))
    whiten = vectors @ torch.diag(values.rsqrt()) @ vectors.T
    cross = whiten @ (centred.T @ (labels - 0.5) / len(states))
    projector = torch.outer(cross, cross) / (cross @ cross)
    expected = states - centred @ (torch.linalg.pinv(whiten) @ projector @ whiten).T
    found = edited(parse("leace").edit(directions()), states.float())
    torch.testing.assert_close(found, expected.float(), atol=2e-3, rtol=1e-3)
    assert not torch.allclose(found, states.float(), atol=0.1)
