import pytest
import torch

from steering.maps.clusters import Clusters, fit_clusters


@pytest.fixture(scope="module")
def clouds() -> tuple[Clusters, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Two Gaussian clouds of 12 wide dimensions in 60, and fresh samples of both."""
    generator = torch.Generator().manual_seed(7)
    spread = torch.cat([torch.linspace(4, 2, 12), torch.full((48,), 0.2)])
    apart = torch.zeros(60)
    apart[:4] = 8.0

    def sample(size: int) -> torch.Tensor:
        return spread * torch.randn(size, 60, generator=generator)

    clusters = fit_clusters(sample(120), sample(120) + apart, torch.zeros(1, 1))
    return clusters, sample(500), sample(500) + apart, spread


def off_map(clusters: Clusters, points: torch.Tensor) -> float:
    return (clusters.distances(points) > clusters.limits).all(dim=1).float().mean().item()


def test_a_fresh_sample_of_a_class_is_mostly_on_the_map_and_nearest_to_it(clouds):
    clusters, harmful, harmless, _ = clouds
    for own, points in ((0, harmful), (1, harmless)):
        distances = clusters.distances(points)
        beyond = (distances[:, own] > clusters.limits[own]).float().mean()
        assert 0.0005 < beyond < 0.06  # One per cent, estimated from 120 prompts.
        assert (distances.argmin(dim=1) == own).float().mean() > 0.9
        assert off_map(clusters, points) <= beyond


def test_a_far_away_point_is_outside(clouds):
    clusters, harmful, _, spread = clouds
    noise = torch.randn(60, generator=torch.Generator().manual_seed(2))
    direction = torch.nn.functional.normalize(noise, dim=0) * spread
    assert off_map(clusters, harmful + 40 * direction) == 1
    assert off_map(clusters, harmful) < 0.05


def test_leaving_the_components_is_seen_though_no_component_sees_it(clouds):
    clusters, harmful, _, spread = clouds
    step = torch.randn(60, generator=torch.Generator().manual_seed(1))
    step = step - clusters.components.T @ (clusters.components @ step)
    step = 2 * spread.norm() * torch.nn.functional.normalize(step, dim=0)
    torch.testing.assert_close(
        clusters.coordinates(harmful + step), clusters.coordinates(harmful), atol=1e-3, rtol=0
    )
    assert off_map(clusters, harmful + step) == 1
    # The same step does not decide which class is nearest.
    before, after = clusters.distances(harmful), clusters.distances(harmful + step)
    assert torch.equal(before.argmin(dim=1), after.argmin(dim=1))


def test_distances_are_in_units_of_the_spread_within_a_class(clouds):
    clusters, harmful, harmless, spread = clouds
    for own, points in ((0, harmful), (1, harmless)):
        squares = clusters.within(points)[:, own].square()
        assert squares.mean().item() == pytest.approx(len(clusters.explained), rel=0.2)
    # One standard deviation along a wide dimension, from one class mean.
    mean = clusters.center + clusters.centroids[0] @ clusters.components
    step = torch.zeros(60)
    step[0] = spread[0]
    assert clusters.within(mean[None])[0, 0].item() == pytest.approx(0, abs=1e-4)
    assert clusters.within((mean + step)[None])[0, 0].item() == pytest.approx(1, rel=0.2)
