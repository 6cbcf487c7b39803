import pytest
import torch

from steering.contrasts.layer_fit import MOST_DIRECTIONS, fit_at, in_their_span
from steering.errors import SteeringError
from steering.fitting.control_fit import SHUFFLES, shuffled_fits
from steering.interventions.directions import difference_in_means
from steering.interventions.inlp import inlp


def planted(size: int = 20, d: int = 96, apart: float = 6.0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    first, second = torch.randn(2, size, d, generator=generator) + 2.0
    return first + apart * torch.eye(d)[0], second


def test_both_methods_are_those_of_the_house_on_all_texts():
    first, second = planted()
    found = fit_at((-1, 7), first, second, shuffles=99)
    alone = inlp(first, second, (-1, 7), max_iterations=MOST_DIRECTIONS)
    assert torch.equal(found.inlp.subspace.basis, alone.subspace.basis)
    assert found.finding.inlp_accuracies == alone.cross_validated
    assert found.finding.inlp.estimate == pytest.approx(alone.cross_validated[0])
    assert found.finding.norm == pytest.approx(float(difference_in_means(first, second).norm()))
    assert (found.point, found.finding.layer, found.finding.n) == ((-1, 7), 7, 40)


def test_what_was_planted_is_found_and_chance_is_not_above_chance():
    finding = fit_at((-1, 7), *planted(), shuffles=99).finding
    assert finding.dim.accuracy.estimate >= 0.9
    assert finding.dim.p_value == 0.01
    assert finding.inlp.estimate >= 0.9
    assert finding.inlp_shuffled.high < 0.8
    assert finding.dim_random.mean < 0.75
    assert {finding.dim_random.n, finding.inlp_random.n, finding.inlp_shuffled.n} == {SHUFFLES}


def test_coordinates_in_the_span_keep_inner_products_and_what_inlp_finds_by_chance():
    first, second = planted()
    one, other = in_their_span(first, second)
    assert one.shape == (20, 40)
    whole, inside = torch.cat([first, second]), torch.cat([one, other])
    torch.testing.assert_close(inside @ inside.T, whole @ whole.T, atol=1e-3, rtol=1e-5)
    pairs = [
        [each.cross_validated[0] for each in shuffled_fits(*states, (-1, 7), rank=1)]
        for states in ((first, second), (one, other))
    ]
    assert pairs[0] == pairs[1]


def test_more_texts_than_dimensions_stay_as_they_are():
    first, second = planted(d=32)
    assert in_their_span(first, second)[0] is first


def test_equal_states_are_refused():
    same = torch.ones(20, 16)
    with pytest.raises(SteeringError, match="both classes are equal there; choose a later layer"):
        fit_at((-1, 0), same, same.clone(), shuffles=99)
