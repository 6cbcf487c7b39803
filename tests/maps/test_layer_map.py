import math

import pytest
import torch

from steering.errors import SteeringError
from steering.interventions.subspace import Subspace
from steering.maps.layer_map import fit_axes, fit_layer
from tests.helpers.tiny_maps import POSITION


def test_t_is_zero_at_the_harmful_mean_and_one_at_the_harmless_mean(chart, activations):
    for label, expected in (("harmful", 0.0), ("harmless", 1.0)):
        mean = activations[label][:, 1].double().mean(0).float()
        assert chart.t(mean).item() == pytest.approx(expected, abs=1e-5)
        t = chart.t(activations[label][:, 1])
        assert t.mean().item() == pytest.approx(expected, abs=1e-5)
        assert t.std().item() > 1e-3  # The prompts themselves do not all lie there.


def test_reflection_about_the_midpoint_swaps_the_class_means(chart, trained):
    midpoint = chart.means.mean(0)
    mirrored = 2 * midpoint - chart.means
    torch.testing.assert_close(mirrored, chart.means.flip(0))
    assert [found.nearest for found in chart.land(chart.means)] == ["harmful", "harmless"]
    assert [found.nearest for found in chart.land(mirrored)] == ["harmless", "harmful"]
    t = chart.t(trained)
    torch.testing.assert_close(chart.t(2 * midpoint - trained), 1 - t, atol=1e-4, rtol=0)
    assert (t - 0.5).abs().max() > 0.1  # Or there would be nothing to swap.


def test_flipping_along_the_axis_mirrors_t_and_leaves_the_height_as_it_was(chart, trained):
    axis = Subspace.spanned_by(
        (chart.means[1] - chart.means[0])[None], layer=2, position=POSITION, method="axis"
    ).basis
    flipped = trained - 2 * ((trained - chart.means.mean(0)) @ axis.T) @ axis
    before, after = chart.harm(trained), chart.harm(flipped)
    torch.testing.assert_close(after[:, 0], 1 - before[:, 0], atol=1e-4, rtol=0)
    torch.testing.assert_close(after[:, 1], before[:, 1], atol=1e-4, rtol=0)
    assert before[:, 1].std() > 1e-3


def test_the_axis_as_weights_and_bias_gives_t(chart, trained):
    w, b = chart.axis()
    torch.testing.assert_close(trained @ w + b, chart.t(trained), atol=1e-4, rtol=1e-4)
    batch = trained.reshape(6, 8, -1)
    torch.testing.assert_close(chart.t(batch).flatten(), chart.t(trained))


def test_the_harm_axis_maps_height_is_the_widest_direction_off_the_axis(chart, trained):
    axis = torch.nn.functional.normalize(chart.means[1] - chart.means[0], dim=0)
    assert chart.rest.norm().item() == pytest.approx(1, abs=1e-5)
    assert (chart.rest @ axis).abs().item() < 1e-5
    centered = trained - trained.mean(0)
    height = (centered @ chart.rest).std()
    generator = torch.Generator().manual_seed(0)
    others = torch.randn(200, trained.shape[1], generator=generator)
    others = others - (others @ axis)[:, None] * axis
    others = torch.nn.functional.normalize(others, dim=1)
    assert (height > (centered @ others.T).std(0)).all()
    left = centered - (centered @ axis)[:, None] * axis
    assert height.item() == pytest.approx(
        torch.linalg.svdvals(left)[0].item() / math.sqrt(len(left) - 1), rel=1e-4
    )


def test_pca_and_harm_axis_map_reproduce_their_own_training_points(chart, trained):
    size = len(trained)
    torch.testing.assert_close(chart.pca(trained), chart.points["pca"][:size], atol=1e-5, rtol=0)
    torch.testing.assert_close(chart.harm(trained), chart.points["harm"][:size], atol=1e-5, rtol=0)


def test_the_components_are_those_of_a_singular_value_decomposition(chart, trained):
    centered = trained.double() - trained.double().mean(0)
    _, values, rows = torch.linalg.svd(centered, full_matrices=False)
    rank = len(chart.explained)
    assert rank == 16  # Half of d_model, which is the tightest bound here.
    torch.testing.assert_close(
        chart.coordinates[: len(trained)].abs(), (centered @ rows[:rank].T).abs().float()
    )
    shares = values.square() / values.square().sum()
    torch.testing.assert_close(chart.explained, shares[:rank].float())
    assert chart.explained.sum() < 1


@pytest.mark.parametrize("name", ["pca", "harm", "umap"])
def test_a_place_does_not_depend_on_the_points_beside_it(chart, activations, name):
    place = getattr(chart, name)
    points = activations["borderline"][:, 1]
    together = place(points)
    alone = torch.cat([place(point[None]) for point in points])
    far = place(torch.cat([1e4 * torch.ones_like(points), points.flip(0)]))[5:].flip(0)
    torch.testing.assert_close(alone, together, atol=1e-5, rtol=0)
    torch.testing.assert_close(far, together, atol=1e-5, rtol=0)
    assert torch.pdist(together).min() > 1e-3


def test_a_landing_does_not_depend_on_the_points_beside_it(chart, activations):
    points = activations["borderline"][:, 1]
    together = chart.land(points)
    for point, expected in zip(points, together, strict=True):
        (found,) = chart.land(point[None])
        assert (found.nearest, found.outside) == (expected.nearest, expected.outside)
        for key in ("t", "to_harmful", "to_harmless"):
            assert getattr(found, key) == pytest.approx(getattr(expected, key), abs=1e-4)
    assert len({found.to_harmful for found in together}) == len(points)


def test_placing_no_points_gives_no_places(chart):
    nothing = torch.empty(0, 32)
    assert chart.umap(nothing).shape == (0, 2)
    assert chart.pca(nothing).shape == (0, 3)
    assert chart.land(nothing) == []


def test_a_layer_without_an_axis_is_refused_with_the_reason(states):
    first = {name: found[:, 1, 0] for name, found in states.items()}
    with pytest.raises(SteeringError, match=r"same mean at layer 0.*template token.*layer 1 on"):
        fit_layer(0, first)


def test_five_prompts_a_class_are_enough_and_four_are_not(states):
    def cut(harmful: int, harmless: int) -> dict[str, torch.Tensor]:
        return {
            "harmful": states["harmful"][:harmful, 1, 2],
            "harmless": states["harmless"][:harmless, 1, 2],
        }

    few = fit_layer(2, cut(5, 7))
    assert len(few.embedding) == 12
    assert few.umap(cut(5, 7)["harmful"]).isfinite().all()
    assert all(math.isfinite(found.to_harmful) for found in few.land(cut(9, 9)["harmless"]))
    with pytest.raises(SteeringError, match="at least 5 prompts of each class, got 24 harmful and"):
        fit_layer(2, cut(24, 4))


def test_swapping_the_classes_swaps_the_distances_and_mirrors_t(trained, chart):
    harmful, harmless = trained[:24], trained[24:]
    swapped = fit_layer(2, {"harmful": harmless, "harmless": harmful})
    plain = fit_layer(2, {"harmful": harmful, "harmless": harmless})
    for one, other in zip(plain.land(trained), swapped.land(trained), strict=True):
        assert one.to_harmful == pytest.approx(other.to_harmless, rel=1e-4)
        assert one.to_harmless == pytest.approx(other.to_harmful, rel=1e-4)
        assert one.t == pytest.approx(1 - other.t, abs=1e-4)
        assert one.nearest != other.nearest
        assert one.outside == other.outside


def test_a_landing_says_the_smaller_distance_and_whether_both_limits_are_passed(chart, trained):
    far = chart.means.mean(0) + 50 * (trained[:1] - chart.means.mean(0))
    harmful, harmless = chart.clusters.limits.tolist()
    landings = chart.land(torch.cat([trained, far]))
    for found in landings:
        is_harmful = found.to_harmful <= found.to_harmless
        assert found.nearest == ("harmful" if is_harmful else "harmless")
        assert found.outside == (found.to_harmful > harmful and found.to_harmless > harmless)
    assert landings[-1].outside
    assert sum(found.outside for found in landings[:-1]) <= 1
    assert {found.nearest for found in landings} == {"harmful", "harmless"}


@pytest.mark.parametrize("name", ["t", "pca", "harm", "umap", "land"])
def test_activations_of_another_width_are_refused(chart, name):
    with pytest.raises(SteeringError, match=r"d_model 31 do not fit maps of d_model 32"):
        getattr(chart, name)(torch.zeros(2, 31))


def test_which_way_is_up_at_the_first_layer_does_not_hang_on_rounding():
    for seed in range(6):
        generator = torch.Generator().manual_seed(seed)
        states = {
            name: torch.randn(12, 16, generator=generator) + shift
            for name, shift in (("harmful", 0.0), ("harmless", 1.0))
        }
        nearly = {
            name: each + 1e-5 * torch.randn(each.shape, generator=generator)
            for name, each in states.items()
        }
        one, other = fit_axes(1, states), fit_axes(1, nearly)
        torch.testing.assert_close(one.harm_axis, other.harm_axis, atol=1e-2, rtol=1e-2)
