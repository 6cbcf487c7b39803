"""Directions without INLP's class means take them from the maps beside them."""

from dataclasses import replace

import pytest
import torch

from steering.artifacts import folders, store
from steering.interventions.panel import parse


@pytest.fixture
def bare(fitted):
    inlp = {point: replace(found, means=None) for point, found in fitted.inlp.items()}
    return replace(fitted, inlp=inlp)


def test_the_maps_know_the_means_at_their_own_position_and_no_other(
    tmp_path, bare, fitted, charted
):
    store.write(tmp_path, bare, {})
    assert all(found.means is None for found in store.load("tiny", tmp_path).inlp.values())
    store.write_maps(tmp_path, replace(charted, model=fitted.model))
    found = store.load("tiny", tmp_path).inlp
    assert {position for position, _ in found} > {charted.position}
    for (position, layer), each in found.items():
        if position != charted.position:
            assert each.means is None
        else:
            assert torch.equal(each.means, charted.at(layer).means)


def test_means_that_are_stored_stay_and_maps_of_another_model_say_nothing(
    tmp_path, bare, fitted, charted
):
    store.write(tmp_path, fitted, {})
    store.write_maps(tmp_path, replace(charted, model=fitted.model))
    assert store.load("tiny", tmp_path).digest == fitted.digest
    store.write(tmp_path, bare, {})
    store.write_maps(tmp_path, replace(charted, model="another"))
    assert all(found.means is None for found in store.load("tiny", tmp_path).inlp.values())


@pytest.mark.parametrize("model", folders.available())
def test_the_shipped_flip_about_the_midpoint_is_about_the_middle_of_its_own_classes(model):
    directions, maps = store.load(model), store.read_maps(model)
    point = directions.inlp_point
    # The maps' classes are the labels.
    centre = parse("flip:center=midpoint,classes=label").edit(directions).center
    assert float(maps.at(point[1]).t(centre)) == pytest.approx(0.5, abs=1e-3)
    harmful, harmless = directions.inlp[point].means.double()
    axis, default = harmless - harmful, parse("flip:center=midpoint").edit(directions).center
    own = float((default.double() - harmful) @ axis / (axis @ axis))
    assert own == pytest.approx(0.5, abs=1e-3)
    manifest = store.manifest(model)
    if manifest["train_kept"] == manifest["train"]:
        return
    # Difference in means was fitted on fewer prompts, whose middle is another point.
    of_dim = directions.midpoint("dim", directions.inlp_point)
    assert abs(float(maps.at(directions.inlp_layer).t(of_dim)) - 0.5) > 0.05
