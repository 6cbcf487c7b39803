from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from steering.errors import SteeringError
from steering.interventions.directions import Directions, difference_in_means
from steering.interventions.inlp import class_means, inlp
from steering.interventions.panel import parse
from steering.maps.clusters import CLASSES


@given(st.integers(1, 30), st.integers(1, 30), st.integers(0, 10_000))
def test_the_difference_in_means_is_the_float64_one(n_harmful, n_harmless, seed):
    rng = np.random.default_rng(seed)
    harmful = (1e3 + rng.normal(size=(n_harmful, 5))).astype(np.float32)
    harmless = (1e3 + rng.normal(size=(n_harmless, 5))).astype(np.float32)
    oracle = np.zeros(5)
    for row in harmful:
        oracle += row.astype(np.float64) / n_harmful
    for row in harmless:
        oracle -= row.astype(np.float64) / n_harmless
    found = difference_in_means(torch.from_numpy(harmful), torch.from_numpy(harmless))
    assert found.dtype == torch.float32
    np.testing.assert_allclose(found.numpy(), oracle, rtol=1e-6, atol=1e-9)


def test_the_difference_points_from_harmless_to_harmful_with_its_raw_length():
    harmful, harmless = torch.tensor([[4.0, 0.0], [2.0, 0.0]]), torch.tensor([[0.0, 1.0]])
    assert difference_in_means(harmful, harmless).tolist() == [3.0, -1.0]


def test_equal_activations_have_no_direction(states):
    """At the first block's input a template token is the same for every prompt."""
    harmful, harmless = states["harmful"][:, -1, 0], states["harmless"][:, -1, 0]
    assert not difference_in_means(harmful, harmless).any()
    with pytest.raises(SteeringError, match=r"position -1, layer 0.*choose a later layer"):
        inlp(harmful, harmless, (-1, 0))


def test_the_difference_of_a_point_is_that_of_its_activations(fitted: Directions, states):
    for index, position in enumerate((-3, -2, -1)):
        for layer in range(4):
            harmful = states["harmful"][:, index, layer].double().mean(0)
            harmless = states["harmless"][:, index, layer].double().mean(0)
            torch.testing.assert_close(
                fitted.raw((position, layer)).double(), harmful - harmless, atol=1e-6, rtol=1e-6
            )
            torch.testing.assert_close(
                fitted.midpoint("dim", (position, layer)).double(),
                (harmful + harmless) / 2,
                atol=1e-5,
                rtol=1e-5,
            )
    assert (fitted.n_layers, fitted.d_model) == (4, 32)


def test_the_midpoint_of_a_basis_is_that_of_the_prompts_it_was_fitted_on(fitted, states):
    """Difference in means is fitted on some of the prompts here, INLP on all."""
    few = {name: each[: 8 if name == "harmful" else 24] for name, each in states.items()}
    mixed = replace(
        fitted,
        difference=difference_in_means(few["harmful"], few["harmless"]),
        harmless_mean=few["harmless"].double().mean(0).float(),
    )
    for (position, layer), found in fitted.inlp.items():
        assert found.means is not None
        pair = [states[name][:, position, layer].double().mean(0) for name in CLASSES]
        torch.testing.assert_close(found.means.double(), torch.stack(pair), atol=1e-5, rtol=1e-5)

        def t(state, pair=pair):
            axis = pair[1] - pair[0]
            return float((state.double() - pair[0]) @ axis / axis.square().sum())

        assert t(mixed.midpoint("inlp", (position, layer))) == pytest.approx(0.5, abs=1e-5)
        # The other basis has another midpoint, or this would have been no test.
        assert abs(t(mixed.midpoint("dim", (position, layer))) - 0.5) > 0.01
        centre = parse(f"flip:k=1,center=midpoint,layer={layer},position={position}").edit(mixed)
        assert torch.equal(centre.center, mixed.midpoint("inlp", (position, layer)))


def test_classes_of_different_sizes_are_cut_alike_for_directions_and_means():
    harmful = torch.randn(9, 4, generator=torch.Generator().manual_seed(0))
    harmless = torch.randn(6, 4, generator=torch.Generator().manual_seed(1)) + 2
    found = inlp(harmful, harmless, (-1, 1))
    assert torch.equal(found.means, class_means(harmful[:6], harmless))
    assert not torch.allclose(found.means[0], harmful.mean(0), atol=1e-3)


def test_a_midpoint_whose_class_means_were_not_stored_is_refused(fitted):
    point = (-1, 1)
    bare = replace(fitted, inlp={point: replace(fitted.inlp[point], means=None)})
    with pytest.raises(SteeringError, match=r"INLP of tiny.* not stored at layer 1, position -1"):
        bare.midpoint("inlp", point)
    assert bare.midpoint("dim", point).isfinite().all()
    assert bare.digest != fitted.digest


def test_the_dim_subspace_is_the_unit_difference(fitted):
    found = fitted.subspace("dim", (-3, 2))
    raw = fitted.raw((-3, 2))
    torch.testing.assert_close(found.basis, (raw / raw.norm())[None])
    assert (found.position, found.layer, found.rank) == (-3, 2, 1)


def test_the_inlp_subspace_is_the_one_of_its_point(fitted):
    for point, found in fitted.inlp.items():
        assert fitted.subspace("inlp", point) is found.subspace
        assert (found.subspace.position, found.subspace.layer) == point


def test_equal_class_means_have_no_dim_subspace(fitted):
    with pytest.raises(SteeringError, match=r"layer 0, position -1 are equal.*from 1 on"):
        fitted.subspace("dim", (-1, 0))


@pytest.mark.parametrize(
    ("point", "message"),
    [
        ((-9, 1), r"position -9 .*positions -3, -2, -1"),
        ((0, 1), r"position 0 is out of range"),
        ((-1, 4), r"layer 4 .*blocks 0 to 3"),
        ((-1, -1), r"layer -1 .*blocks 0 to 3"),
    ],
)
def test_a_point_that_does_not_exist_is_refused_with_what_is_allowed(fitted, point, message):
    for ask in (
        fitted.raw,
        partial(fitted.midpoint, "dim"),
        lambda point: fitted.subspace("dim", point),
    ):
        with pytest.raises(SteeringError, match=message):
            ask(point)


@pytest.mark.parametrize(
    ("point", "message"),
    [
        ((-1, 0), r"layer 0, position -1; at position -1 it has layers 1 to 3"),
        ((-3, 2), r"position -3; it has positions \[-2, -1\]"),
    ],
)
def test_inlp_where_it_was_not_fitted_says_where_it_was(fitted, point, message):
    with pytest.raises(SteeringError, match=message):
        fitted.subspace("inlp", point)
