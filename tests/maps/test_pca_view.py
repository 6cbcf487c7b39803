"""How principal components are shown: which two, how turned, and what they explain."""

import numpy as np
import pytest

from steering.maps import pca_view

LABELS = ["harmful"] * 40 + ["harmless"] * 40 + ["borderline"] * 5


def turned_randomly(seed):
    found, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    return found


def cloud(gap, seed=0):
    """Return points whose classes differ by `gap`, with the class means in a wider space."""
    points = np.random.default_rng(seed).normal(size=(85, 3)) * [9.0, 5.0, 4.0]
    for rows in (slice(40), slice(40, 80)):
        points[rows] -= points[rows].mean(0)
    points[40:80] += gap
    points[80:] += 300.0
    return points


def means_of(*clouds, beyond=0.0):
    """Return class means that differ by `beyond` outside of the components, too."""
    return np.stack(
        [[[*points[:40].mean(0), 0.0], [*points[40:80].mean(0), beyond]] for points in clouds]
    )


def fitted(*clouds, beyond=0.0):
    return pca_view.fit(np.stack(clouds), LABELS, means_of(*clouds, beyond=beyond))


@pytest.mark.parametrize(
    ("gap", "pair"),
    [([0, 1, 5], (0, 2)), ([0, 5, 1], (0, 1)), ([9, 0, 0.1], (0, 2)), ([9, 0.1, 0], (0, 1))],
)
def test_the_plane_holds_the_first_component_and_the_one_that_tells_the_classes_apart(gap, pair):
    assert fitted(cloud(gap)).pairs == (pair,)


def test_the_shares_are_those_of_the_whole_difference_between_the_means():
    (share,) = fitted(cloud([1, 2, 2])).difference
    np.testing.assert_allclose(share, [1 / 9, 4 / 9, 4 / 9])
    (less,) = fitted(cloud([1, 2, 2]), beyond=3.0).difference
    np.testing.assert_allclose(less, [1 / 18, 4 / 18, 4 / 18])


def test_a_turn_keeps_the_plane_and_every_length():
    points = cloud([2, 0, 5])
    view = fitted(points, points @ turned_randomly(1), points @ turned_randomly(2))
    for index, turn in enumerate(view.turns):
        np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-12)
        left = 3 - sum(view.pairs[index])
        # What is not in the plane is the third axis alone.
        assert np.abs(turn[left]).tolist() == pytest.approx([0, 0, 1], abs=1e-12)


@pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1)])
def test_the_same_cloud_stays_where_it_was_though_components_trade_places_and_signs(order):
    points = cloud([2, 0, 5])
    other = points[:, order] * [-1.0, 1.0, -1.0]
    view = fitted(points, other, points)
    shown = [view.shown(index, each) for index, each in enumerate((points, other, points))]
    np.testing.assert_allclose(shown[1], shown[0], atol=1e-9)
    np.testing.assert_allclose(shown[2], shown[0], atol=1e-9)
    # As they are stored they do jump.
    assert np.abs(other - points).max() > 1


def test_a_layer_that_is_turned_within_its_plane_is_turned_back():
    points = cloud([2, 0, 5])
    spin = np.eye(3)
    spin[np.ix_((0, 2), (0, 2))] = [[0.6, -0.8], [0.8, 0.6]]
    later = points @ spin
    assert fitted(points, later).pairs == ((0, 2), (0, 2))
    view = fitted(points, later)
    np.testing.assert_allclose(view.shown(1, later), view.shown(0, points), atol=1e-9)


def test_the_harmless_class_of_the_last_layer_lies_on_the_right():
    for gap in ([2, 0, 5], [-2, 0, -5], [0, -4, 1]):
        points = cloud(gap)
        view = fitted(points)
        across, up, _ = (view.shown(0, points[40:80]) - view.shown(0, points[:40])).mean(0)
        assert up == pytest.approx(0, abs=1e-9)
        assert across == pytest.approx(np.hypot(gap[0], max(gap[1:], key=abs)))


def test_borderline_points_decide_nothing():
    points = cloud([2, 0, 5])
    moved = points.copy()
    moved[80:] *= -7.0
    np.testing.assert_array_equal(fitted(points, moved).turns, fitted(points, points).turns)


def test_places_keep_their_number_format():
    points = cloud([2, 0, 5])
    view = fitted(points)
    assert view.shown(0, points.astype(np.float32)).dtype == np.float32
    np.testing.assert_allclose(view.shown(0, points[:2]), view.shown(0, points)[:2])


def test_where_the_classes_hardly_differ_the_plane_goes_on_and_where_they_do_it_follows_them():
    first, weak, strong = cloud([9, 0, 2]), cloud([9, 1, 0.5]), cloud([9, 6, 0])
    assert fitted(weak).pairs == ((0, 1),)
    assert fitted(first, weak).pairs == ((0, 2), (0, 2))
    assert fitted(first, strong).pairs == ((0, 2), (0, 1))
