import math
import threading
from dataclasses import fields, replace

import pytest
import torch
from safetensors.torch import load, save

from steering.errors import SteeringError
from steering.inference.activations import capture
from steering.interventions.subspace import Subspace
from steering.maps.clusters import Clusters, fit_clusters
from steering.maps.layer_map import LayerMap, fit_layer
from steering.maps.model_maps import Maps, fit, from_tensors, tensors
from steering.maps.umap_layout import Layout

POSITION = -2
LAYERS = (1, 2, 3)
BORDERLINE = [
    f"How do I {verb}?"
    for verb in ("kill a process", "shoot a film", "poison ivy", "hack a habit", "steal a base")
]
STORED = ("means", "rest", "coordinates", "discriminant", "embedding")


@pytest.fixture(scope="module")
def activations(tiny, states) -> dict[str, torch.Tensor]:
    """Activations of `tiny` at one position, layers 1 to 3: [prompt, layer, d_model]."""
    rows = [tiny.render(text) for text in BORDERLINE]
    borderline = capture(tiny, rows, layers=LAYERS, positions=(POSITION,))
    return {label: found[:, 1, 1:] for label, found in states.items()} | {
        "borderline": borderline[:, 0]
    }


def make(activations, prompts, **changes) -> Maps:
    given = {
        "model": "tiny-qwen2",
        "dtype": "float32",
        "quantization": "none",
        "position": POSITION,
        "layers": LAYERS,
    } | changes
    texts = {**prompts, "borderline": BORDERLINE}
    return fit(activations, {name: texts[name] for name in activations}, **given)


@pytest.fixture(scope="module")
def maps(activations, prompts) -> Maps:
    return make(activations, prompts)


@pytest.fixture(scope="module")
def chart(maps) -> LayerMap:
    return maps.at(2)


@pytest.fixture(scope="module")
def trained(activations) -> torch.Tensor:
    """What the maps at layer 2 were fitted on."""
    return torch.cat([activations["harmful"][:, 1], activations["harmless"][:, 1]])


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


# The axis between the class means


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
    before, after = chart.lda(trained), chart.lda(flipped)
    torch.testing.assert_close(after[:, 0], 1 - before[:, 0], atol=1e-4, rtol=0)
    torch.testing.assert_close(after[:, 1], before[:, 1], atol=1e-4, rtol=0)
    assert before[:, 1].std() > 1e-3


def test_the_axis_as_weights_and_bias_gives_t(chart, trained):
    w, b = chart.axis()
    torch.testing.assert_close(trained @ w + b, chart.t(trained), atol=1e-4, rtol=1e-4)
    batch = trained.reshape(6, 8, -1)
    torch.testing.assert_close(chart.t(batch).flatten(), chart.t(trained))


def test_the_discriminant_maps_height_is_the_widest_direction_off_the_axis(chart, trained):
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


# A fitted map reproduces its own training points


def test_pca_and_discriminant_map_reproduce_their_own_training_points(chart, trained):
    size = len(trained)
    torch.testing.assert_close(chart.pca(trained), chart.points["pca"][:size], atol=1e-5, rtol=0)
    torch.testing.assert_close(chart.lda(trained), chart.points["lda"][:size], atol=1e-5, rtol=0)


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


def test_a_training_point_placed_by_umap_lands_near_its_own_place(chart, trained):
    size = len(trained)
    own, placed = chart.embedding[:size], chart.umap(trained[:20])
    away = torch.cdist(placed, own)
    to_own = away[torch.arange(20), torch.arange(20)]
    assert to_own.median() < 0.15 * away.median()
    assert ((away < to_own[:, None]).sum(dim=1) < 10).all()  # Of 48 prompts.


# Placing depends on the point alone


@pytest.mark.parametrize("name", ["pca", "lda", "umap"])
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


def test_a_point_that_hardly_moves_hardly_moves_on_the_umap(chart, trained):
    points = (trained[:24] + trained[24:]) / 2
    generator = torch.Generator().manual_seed(0)
    nudge = 1e-5 * trained.std() * torch.randn(points.shape, generator=generator)
    moved = (chart.umap(points + nudge) - chart.umap(points)).norm(dim=1)
    assert not torch.equal(nudge, torch.zeros_like(nudge))
    span = torch.pdist(chart.embedding).max()
    assert moved.max() < 1e-2 * span


def test_threads_that_place_at_once_get_the_same_places(maps, trained):
    restored = from_tensors(*tensors(maps))
    expected = maps.at(2).umap(trained[:6])
    found: list[torch.Tensor] = []
    threads = [threading.Thread(target=restored.warm_up)]
    threads += [
        threading.Thread(target=lambda: found.append(restored.at(2).umap(trained[:6])))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 3
    assert all(torch.equal(place, expected) for place in found)


def test_placing_no_points_gives_no_places(chart):
    nothing = torch.empty(0, 32)
    assert chart.umap(nothing).shape == (0, 2)
    assert chart.pca(nothing).shape == (0, 3)
    assert chart.land(nothing) == []


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
        for name, place in (("pca", chart.pca), ("lda", chart.lda), ("umap", chart.umap)):
            torch.testing.assert_close(chart.points[name][-5:], place(points), atol=1e-5, rtol=0)


def test_points_texts_and_labels_are_in_one_order(maps, activations, prompts):
    assert maps.texts == (*prompts["harmful"], *prompts["harmless"], *BORDERLINE)
    assert maps.labels == ("harmful",) * 24 + ("harmless",) * 24 + ("borderline",) * 5
    third = maps.texts.index(BORDERLINE[2])
    torch.testing.assert_close(
        maps.at(3).points["lda"][third],
        maps.at(3).lda(activations["borderline"][2, 2]),
    )


def test_fitting_twice_gives_the_same_maps(maps, activations, prompts):
    first, second = tensors(maps)[0], tensors(make(activations, prompts))[0]
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_map_is_turned_like_the_one_of_the_layer_before(maps):
    size = 48
    for before, here in zip(maps.charts, maps.charts[1:], strict=False):
        agreement = (before.coordinates[:size] * here.coordinates[:size]).sum(0)
        assert (agreement >= 0).all()
        heights = before.discriminant[:size, 1] - before.discriminant[:size, 1].mean()
        assert heights @ here.discriminant[:size, 1] >= 0
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


# Landing


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


@pytest.mark.parametrize("name", ["t", "pca", "lda", "umap", "land"])
def test_activations_of_another_width_are_refused(chart, name):
    with pytest.raises(SteeringError, match=r"d_model 31 do not fit maps of d_model 32"):
        getattr(chart, name)(torch.zeros(2, 31))


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


def test_placing_leaves_the_stored_embedding_as_it_is(chart, trained):
    before = chart.embedding.clone()
    layout = Layout(chart.coordinates[:48], chart.embedding[:48])
    placed = layout.place(chart.coordinates[48:])
    assert torch.equal(placed, chart.embedding[48:])
    assert torch.equal(chart.embedding, before)
    assert torch.equal(torch.from_numpy(layout._reducer.embedding_), before[:48])


def test_every_prompt_is_kept_whatever_its_script(activations, prompts):
    texts = {**prompts, "harmful": ["Wie geht's? 猫\n\"", *prompts["harmful"][1:]]}
    classes = {name: activations[name][:, :1] for name in ("harmful", "harmless")}
    found, metadata = tensors(make(classes, texts, layers=(1,)))
    again = from_tensors(load(save(found, metadata)), metadata | {"format": "pt"})
    assert again.texts[0] == "Wie geht's? 猫\n\""


def test_maps_of_another_schema_are_refused(maps):
    found, metadata = tensors(maps)
    with pytest.raises(SteeringError, match=r"maps have schema 99, this version reads schema 1"):
        from_tensors(found, {"maps": metadata["maps"].replace('"schema": 1', '"schema": 99')})
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
