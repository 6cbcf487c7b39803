from dataclasses import replace

import pytest
import torch

from steering.artifacts.resumable import Stages
from steering.fitting import control_fit
from steering.fitting.control_fit import SHUFFLES, controls_of, fit_controls, shuffled_inlp
from steering.interventions.inlp import inlp


def classes(n: int = 40, d_model: int = 16) -> tuple[torch.Tensor, torch.Tensor]:
    """Two classes that lie apart along one axis."""
    generator = torch.Generator().manual_seed(2)
    harmful, harmless = (torch.randn(n, d_model, generator=generator) for _ in range(2))
    harmful[:, 0] += 4
    return harmful, harmless


def test_shuffled_labels_lead_elsewhere_than_the_true_ones():
    harmful, harmless = classes()
    true = inlp(harmful, harmless, (-1, 1)).subspace.basis[0]
    drawn = shuffled_inlp(harmful, harmless, (-1, 1), rank=3)
    assert [each.rank for each in drawn] == [3] * SHUFFLES
    overlaps = [abs(float(each.basis[0] @ true)) for each in drawn]
    assert abs(float(true[0])) > 0.65
    assert max(overlaps) < 0.6
    assert len({round(overlap, 6) for overlap in overlaps}) == SHUFFLES


def test_the_same_shuffles_come_again():
    harmful, harmless = classes()
    one, again = (shuffled_inlp(harmful, harmless, (-1, 1), rank=2, shuffles=2) for _ in range(2))
    assert all(torch.equal(a.basis, b.basis) for a, b in zip(one, again, strict=True))
    assert not torch.allclose(one[0].basis, one[1].basis, atol=0.1)


def test_controls_are_fitted_at_both_points_on_all_prompts(controlled, fitted):
    found = controlled.controls
    assert set(found.shapes) == {fitted.dim_point, fitted.inlp_point}
    assert set(found.shuffled) == {fitted.inlp_point}
    assert {each.rank for each in found.shuffled[fitted.inlp_point]} == {fitted.inlp_rank}


def test_a_finished_fit_is_kept(fitted, controlled, states, monkeypatch, tmp_path):
    monkeypatch.setenv("STEERING_CACHE", str(tmp_path))
    stages = Stages(["controls"])
    stages.tensors("activations", lambda: states)
    one = fit_controls(fitted, stages).tensors()
    monkeypatch.setattr(control_fit, "inlp", None)
    again = fit_controls(fitted, stages).tensors()
    assert one.keys() == again.keys() == controlled.controls.tensors().keys()
    assert all(torch.equal(tensor, again[name]) for name, tensor in one.items())
    # Of other directions it is other work.
    with pytest.raises(TypeError):
        fit_controls(replace(fitted, inlp_point=(-2, 1)), stages)


def test_without_inlp_there_are_states_alone(fitted, states):
    found = controls_of(replace(fitted, inlp={}, inlp_point=fitted.dim_point), states)
    assert set(found.shapes) == {fitted.dim_point}
    assert not found.shuffled
