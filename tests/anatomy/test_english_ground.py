from dataclasses import replace

import pytest
import torch

from steering.anatomy.english_ground import EnglishGround
from steering.inference.activations import capture
from steering.maps.steerable_model import SteerableModel


@pytest.fixture
def ground(tiny, fitted, charted):
    return EnglishGround.of(SteerableModel(tiny, fitted, charted))


def test_class_means_lie_at_one_and_minus_one(fitted, ground):
    harmless = fitted.mean_of_harmless(fitted.dim_point)
    harmful = harmless + fitted.raw(fitted.dim_point)
    found = ground.along(torch.stack([harmful, harmless, (harmful + harmless) / 2]))
    assert found == pytest.approx([1.0, -1.0, 0.0], abs=1e-4)


def test_every_unit_points_to_harmful(fitted, ground):
    assert float(ground.units["dim"] @ fitted.raw(fitted.dim_point).double()) > 0
    means = fitted.inlp[fitted.inlp_point].means
    assert means is not None
    assert float(ground.units["inlp"] @ (means[0] - means[1]).double()) > 0
    # Turned round, INLP's first direction is the same.
    fit = fitted.inlp[fitted.inlp_point]
    turned = replace(fit.subspace, basis=-fit.subspace.basis)
    other = replace(fitted, inlp={**fitted.inlp, fitted.inlp_point: replace(fit, subspace=turned)})
    again = EnglishGround.of(replace(ground.steerable, directions=other))
    torch.testing.assert_close(again.units["inlp"], ground.units["inlp"])


def test_states_are_read_where_each_direction_sits(tiny, ground):
    rows = tiny.render_all(["What is red?", "How do I break a wall of glass?"])
    found = ground.read(rows)
    assert found.keys() == ground.points.keys()
    for name, (position, layer) in ground.points.items():
        alone = capture(tiny, rows, layers=[layer], positions=[position])[:, 0, 0]
        torch.testing.assert_close(found[name], alone)
    assert all(len(place) == 3 for place in ground.placed(found))


def test_places_on_the_map_are_those_that_it_shows(charted, ground):
    index = charted.layers.index(ground.chart.layer)
    shown = charted.points.at["pca"][index][:, :2]
    labels = list(charted.labels)
    for name, places in ground.cloud().items():
        mine = torch.tensor(shown)[[label == name for label in labels]]
        torch.testing.assert_close(torch.tensor(places), mine.float(), check_dtype=False)
        centre = torch.tensor(places).mean(0)
        torch.testing.assert_close(
            torch.tensor(ground.means()[name]), centre, atol=1e-3, rtol=0, check_dtype=False
        )


def test_without_a_map_there_is_the_axis_alone(tiny, fitted):
    bare = EnglishGround.of(SteerableModel(tiny, fitted))
    assert bare.cloud() == bare.means() == {}
    found = bare.placed(bare.read(tiny.render_all(["What is red?"])))
    assert [len(place) for place in found] == [1]
    assert "map" not in bare.points


def test_a_model_without_inlp_has_one_direction(tiny, fitted):
    bare = EnglishGround.of(SteerableModel(tiny, replace(fitted, inlp={})))
    assert list(bare.units) == ["dim"]
