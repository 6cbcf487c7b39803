from dataclasses import replace

import pytest
import torch

from steering.errors import SteeringError
from steering.interventions.controls import Controls, StateShape
from steering.interventions.panel import parse
from steering.interventions.subspace import Subspace

D_MODEL = 12


def states(n: int = 400) -> torch.Tensor:
    """States that lie along two of twelve axes mostly, away from zero."""
    generator = torch.Generator().manual_seed(5)
    scale = torch.tensor([6.0, 3.0] + [0.3] * (D_MODEL - 2))
    return torch.randn(n, D_MODEL, generator=generator) * scale + torch.arange(D_MODEL) / 4


@pytest.mark.parametrize("axes", [2, 5, D_MODEL])
def test_the_covariance_has_the_trace_of_the_states(axes):
    found = StateShape.of(states(), axes=axes)
    covariance = found.spread.T @ found.spread + found.rest * torch.eye(D_MODEL)
    expected = torch.cov(states().T, correction=0)
    torch.testing.assert_close(covariance.trace(), expected.trace(), rtol=1e-4, atol=0)
    if axes == D_MODEL:
        torch.testing.assert_close(covariance, expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("rank", [1, 3])
def test_the_step_of_an_edit_is_that_of_a_plain_loop(rank):
    subspace = Subspace.random(rank, _like(), seed=1)
    found = StateShape.of(states(), axes=D_MODEL).mean_square(subspace.basis)
    plain = sum(float(((state @ subspace.basis.T) ** 2).sum()) for state in states()) / 400
    assert found == pytest.approx(plain, rel=1e-3)


def _like() -> Subspace:
    return Subspace(torch.eye(D_MODEL)[:3], 1, -1, "the first three axes")


def test_directions_are_drawn_where_the_states_lie():
    shape = StateShape.of(states(), axes=4)
    drawn = torch.cat([shape.drawn(_like().leading(1), seed=seed).basis for seed in range(60)])
    uniform = torch.cat([Subspace.random(1, _like(), seed=seed).basis for seed in range(60)])
    # Of the states' variance .97 lies along the first two axes, of a uniform direction a sixth.
    shares = [float((each[:, :2] ** 2).sum(1).mean()) for each in (drawn, uniform)]
    assert shares[0] > 0.9
    assert shares[1] < 0.3


def test_a_seed_means_the_same_control_and_another_seed_another_one():
    shape = StateShape.of(states(), axes=4)
    one, again, other = (shape.drawn(_like(), seed=seed).basis for seed in (3, 3, 4))
    assert torch.equal(one, again)
    assert not torch.allclose(one, other, atol=0.1)
    assert one.shape == (3, D_MODEL)


def test_controls_come_back_from_their_tensors(controlled):
    found = controlled.controls
    again = Controls.from_tensors(found.tensors())
    assert again.tensors().keys() == found.tensors().keys()
    for name, tensor in found.tensors().items():
        assert torch.equal(again.tensors()[name], tensor)
    assert set(again.shapes) == {controlled.dim_point, controlled.inlp_point}


@pytest.mark.parametrize("text", ["flip:k=2", "nullspace:k=1", "ablation", "actadd:c=2"])
@pytest.mark.parametrize("basis", ["covariance", "shuffled"])
def test_a_control_acts_as_what_it_is_the_control_of(controlled, text, basis):
    panel = parse(text)
    if basis == "shuffled" and panel.name in ("ablation", "actadd"):
        return  # along the difference in means no labels were fitted
    one, other = (
        panel.edit(controlled),
        replace(panel, basis=basis, seed=1).edit(controlled),
    )
    assert (one.sites, one.alpha, one.basis.shape) == (other.sites, other.alpha, other.basis.shape)
    torch.testing.assert_close(one.shift.norm(), other.shift.norm())
    for first, second in ((one.basis, other.basis), (one.shift[None], other.shift[None])):
        assert not first.any() or not torch.allclose(first, second, atol=0.05)


def test_what_is_not_stored_is_a_sentence(fitted, controlled):
    assert fitted.controls is None
    for panel in ("flip:basis=covariance", "flip:basis=shuffled"):
        with pytest.raises(SteeringError, match=r"no INLP on shuffled labels .*basis=random"):
            parse(panel).edit(fitted)
    with pytest.raises(SteeringError, match="stored at layer 3, position -1"):
        parse("flip:basis=covariance,layer=3").edit(controlled)
    with pytest.raises(SteeringError, match=r"seed=5 of basis=shuffled .*choose 0 to 4"):
        parse("flip:basis=shuffled,seed=5").edit(controlled)


def test_the_digest_names_the_controls_only_where_there_are_some(fitted, controlled):
    assert replace(controlled, controls=None).digest == fitted.digest
    assert controlled.digest != fitted.digest
