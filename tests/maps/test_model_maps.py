import math
from dataclasses import fields, replace

import pytest
import torch
from safetensors.torch import load, save

from steering.errors import SteeringError
from steering.maps.clusters import Clusters
from steering.maps.model_maps import from_tensors, tensors
from tests.helpers.tiny_maps import BORDERLINE, make

STORED = ("means", "rest", "coordinates", "harm_axis", "embedding")


# What is fitted on


def test_borderline_points_never_influence_the_fit(maps, activations, prompts):
    classes = {name: activations[name] for name in ("harmful", "harmless")}
    without = make(classes, prompts)
    size = len(without.texts)
    assert maps.labels == without.labels + ("borderline",) * 5
    for with_, alone in zip(maps.charts, without.charts, strict=True):
        assert torch.equal(with_.means, alone.means)
        assert torch.equal(with_.rest, alone.rest)
        for field in fields(Clusters):
            assert torch.equal(
                getattr(with_.clusters, field.name), getattr(alone.clusters, field.name)
            )
        for name, points in alone.points.items():
            assert torch.equal(with_.points[name][:size], points)


def test_borderline_points_lie_where_the_maps_place_them(maps, activations):
    for index, chart in enumerate(maps.charts):
        points = activations["borderline"][:, index]
        for name, place in (("pca", chart.pca), ("harm", chart.harm), ("umap", chart.umap)):
            torch.testing.assert_close(chart.points[name][-5:], place(points), atol=1e-5, rtol=0)


def test_points_texts_and_labels_are_in_one_order(maps, activations, prompts):
    assert maps.texts == (*prompts["harmful"], *prompts["harmless"], *BORDERLINE)
    assert maps.labels == ("harmful",) * 24 + ("harmless",) * 24 + ("borderline",) * 5
    third = maps.texts.index(BORDERLINE[2])
    torch.testing.assert_close(
        maps.at(3).points["harm"][third],
        maps.at(3).harm(activations["borderline"][2, 2]),
    )


def test_fitting_twice_gives_the_same_maps(maps, activations, prompts):
    first, second = tensors(maps)[0], tensors(make(activations, prompts))[0]
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_map_is_turned_like_the_one_of_the_layer_before(maps):
    size = 48
    for before, here in zip(maps.charts, maps.charts[1:], strict=False):
        agreement = (before.coordinates[:size] * here.coordinates[:size]).sum(0)
        assert (agreement >= 0).all()
        heights = before.harm_axis[:size, 1] - before.harm_axis[:size, 1].mean()
        assert heights @ here.harm_axis[:size, 1] >= 0
        there = before.embedding[:size]
        fitted = (here.embedding[:size] - there).square().sum()
        centered = here.embedding[:size] - here.embedding[:size].mean(0)
        for step in range(1, 12):
            angle = torch.tensor(step * math.pi / 6)
            turn = torch.tensor(
                [[angle.cos(), -angle.sin()], [angle.sin(), angle.cos()]], dtype=torch.float32
            )
            for mirror in (torch.eye(2), torch.diag(torch.tensor([1.0, -1.0]))):
                turned = centered @ turn @ mirror + there.mean(0)
                assert fitted < (turned - there).square().sum()


# Other models, layers and number formats


def test_maps_accept_the_model_they_were_fitted_on(maps, tiny):
    maps.require(tiny)


def test_maps_refuse_a_model_of_another_name_and_leave_number_formats_to_the_check(maps, tiny):
    remedy = "precompute --quick --model tiny-qwen2"
    with pytest.raises(SteeringError, match=rf"maps of another do not fit tiny-qwen2.*{remedy}"):
        replace(maps, model="another").require(tiny)
    replace(maps, dtype="bfloat16", quantization="nf4").require(tiny)


def test_the_digest_tells_maps_apart_and_not_copies_of_them(maps):
    assert len(maps.digest) == 64
    assert replace(maps).digest == maps.digest
    chart = replace(maps.at(1), means=maps.at(1).means + 1e-3)
    assert replace(maps, charts=(chart, *maps.charts[1:])).digest != maps.digest
    assert replace(maps, dtype="bfloat16").digest != maps.digest


def test_maps_refuse_a_model_of_another_size(maps, tiny, wide):
    with pytest.raises(SteeringError, match="activations of d_model 32, not 64"):
        replace(maps, model="wide").require(wide)
    deeper = replace(maps, layers=(9,), charts=(replace(maps.at(1), layer=9),))
    with pytest.raises(SteeringError, match="reach to layer 9, it has blocks 0 to 3"):
        deeper.require(tiny)


@pytest.mark.parametrize("layer", [0, 4, -1])
def test_a_layer_without_maps_is_refused_with_the_allowed_ones(maps, layer):
    with pytest.raises(
        SteeringError, match=rf"no map at layer {layer} .*layers 1, 2, 3; at layer 0"
    ):
        maps.at(layer)
    assert maps.at(3).layer == 3


# Round trip


def test_maps_are_read_again_to_the_last_bit_and_place_points_alike(maps, activations):
    found, metadata = tensors(maps)
    content = save(found, metadata)
    again = from_tensors(load(content), metadata)
    for name in ("model", "dtype", "quantization", "position", "layers", "texts", "labels"):
        assert getattr(again, name) == getattr(maps, name)
    for one, other in zip(maps.charts, again.charts, strict=True):
        for name in STORED:
            assert torch.equal(getattr(one, name), getattr(other, name))
        for field in fields(Clusters):
            assert torch.equal(
                getattr(one.clusters, field.name), getattr(other.clusters, field.name)
            )
        assert (one.layer, one.n_train) == (other.layer, other.n_train)
    points = activations["borderline"][:, 2]
    assert torch.equal(again.at(3).umap(points), maps.at(3).umap(points))
    assert again.at(3).land(points) == maps.at(3).land(points)
    assert save(*tensors(again)) == content


def test_every_prompt_is_kept_whatever_its_script(activations, prompts):
    texts = {**prompts, "harmful": ["Wie geht's? 猫\n\"", *prompts["harmful"][1:]]}
    classes = {name: activations[name][:, :1] for name in ("harmful", "harmless")}
    found, metadata = tensors(make(classes, texts, layers=(1,)))
    again = from_tensors(load(save(found, metadata)), metadata | {"format": "pt"})
    assert again.texts[0] == "Wie geht's? 猫\n\""


def test_maps_of_another_schema_are_refused(maps):
    found, metadata = tensors(maps)
    with pytest.raises(SteeringError, match=r"maps have schema 99, this version reads schema 2"):
        from_tensors(found, {"maps": metadata["maps"].replace('"schema": 2', '"schema": 99')})
    with pytest.raises(SteeringError, match="schema None"):
        from_tensors(found, {})


def test_tensors_that_do_not_belong_together_are_refused(maps):
    found, metadata = tensors(maps)
    with pytest.raises(KeyError):
        from_tensors({name: found[name] for name in found if name != "rest"}, metadata)
    with pytest.raises(ValueError, match="texts, labels and points differ in number: \\[52, 53\\]"):
        replace(maps, texts=maps.texts[1:])
    with pytest.raises(ValueError, match="do not match"):
        replace(maps, layers=(1, 2, 4))
