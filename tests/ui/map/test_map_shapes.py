"""How a layer's cloud is shown: its size, its ends, and where its classes are dense."""

import json

import numpy as np
import pytest

from steering.maps.map_points import Points, shown
from steering.ui.map import map_section, map_shapes


def points(harm, labels=None, *, scale=1.0, shift=0.0):
    """Return one layer's points, whose other maps are made of the harm axis map's columns."""
    labels = labels or ["harmful"] * (len(harm) // 2) + ["harmless"] * (len(harm) - len(harm) // 2)
    pca = scale * np.column_stack([harm, harm[:, 0]])
    return Points(
        model="tiny",
        layers=(1,),
        texts=("a",) * len(harm),
        **shown(
            pca[None],
            labels,
            np.array([[[0.0], [1.0]]]),
            harm=harm[None],
            umap=scale * harm[None] + shift,
        ),
        explained=np.full((1, 3), 0.2),
    )


@pytest.fixture
def harm():
    drawn = np.random.default_rng(0).normal(size=(120, 2))
    drawn[:60, 0] -= 3
    return drawn


def at(each):
    return {name: values[0] for name, values in each.at.items()}


def test_a_layer_with_larger_activations_is_shown_at_the_same_size(harm):
    small, large = at(points(harm)), at(points(harm, scale=40.0, shift=700.0))
    for name, columns in map_shapes.shown(small).items():
        np.testing.assert_allclose(map_shapes.shown(large)[name], columns, atol=1e-9)
    # Most of the points lie within 1, and t is not scaled.
    assert np.mean(np.abs(map_shapes.shown(large)["pca"]) <= 1) == pytest.approx(0.98, abs=0.01)
    np.testing.assert_array_equal(map_shapes.shown(large)["harm"][:, 0], harm[:, 0])


def test_a_layer_without_a_umap_has_the_other_maps(harm):
    whole = at(points(harm))
    bare = {name: values for name, values in whole.items() if name != "umap"}
    assert set(map_shapes.view(whole)) == {"harm", "pca", "umap"}
    assert set(map_shapes.view(bare)) == set(map_shapes.span(bare)) == {"harm", "pca"}
    for name, columns in map_shapes.shown(bare).items():
        np.testing.assert_array_equal(columns, map_shapes.shown(whole)[name])


def test_a_map_shows_its_points_and_lets_outliers_go(harm):
    far = np.vstack([np.tile(harm, (5, 1)), [[1000.0, 0.0]]])
    low, high = map_shapes.span(at(points(far)))["harm"][0]
    assert low == pytest.approx(harm[:, 0].min(), abs=0.5)
    assert high == pytest.approx(harm[:, 0].max(), abs=0.5)


def test_points_that_all_lie_in_one_place_have_a_size():
    views = map_shapes.view(at(points(np.zeros((8, 2)))))
    assert views["pca"]["size"] == [1.0, 1.0, 1.0]


def test_a_class_is_dense_where_its_points_are(harm):
    found = map_shapes.hills(points(harm), 0)
    json.dumps(found, allow_nan=False)
    for index, centre in enumerate((-3.0, 0.0)):
        hill = found["harm"][index]
        z = np.array(hill["z"])
        assert z.shape == (map_shapes.GRID, map_shapes.GRID)
        assert z.max() == 1
        # It ends where it is nearly nothing, so no contour is cut off.
        assert max(z[0].max(), z[-1].max(), z[:, 0].max(), z[:, -1].max()) < 0.15
        top = np.unravel_index(z.argmax(), z.shape)
        x = np.linspace(*hill["x"], map_shapes.GRID)[top[1]]
        assert x == pytest.approx(centre, abs=0.8)


def test_rows_of_a_density_are_ys(harm):
    harm[:, 1] *= 0.1
    harm[:60, 1] += 7 * harm[:60, 0]
    hill = map_shapes.hills(points(harm), 0)["harm"][0]
    z = np.array(hill["z"])
    assert z[4].argmax() < z[-5].argmax()


@pytest.mark.parametrize("harm", [np.zeros((8, 2)), np.ones((2, 2)), np.arange(16.0).reshape(8, 2)])
def test_points_that_do_not_fill_the_plane_have_no_density(harm):
    assert map_shapes.hills(points(harm), 0)["harm"] == [None, None]


class Engine:
    maps_id = "these"

    def __init__(self, each):
        self.points = each

    def still(self):
        from contextlib import nullcontext

        return nullcontext()


@pytest.mark.parametrize("asked", [None, -1, 1, "0", 0.0, {"layer": 0}])
def test_a_question_that_is_no_layer_gets_no_density(asked, harm):
    engine = Engine(points(harm))
    assert map_section.dense(engine, asked) is None
    assert map_section.dense(engine, 0)["maps_id"] == "these"


def test_without_maps_there_is_no_density():
    assert map_section.dense(Engine(None), 0) is None


def test_the_sections_script_hands_itself_to_the_map_that_is_downloaded():
    script = map_section.script()
    assert script.startswith("function steeringMap(given)")
    assert script.endswith("program: String(steeringMap) });")
