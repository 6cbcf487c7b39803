import pytest
import torch

from steering.contrasts.contrast_fit import ContrastSettings, fit_contrast, spread
from steering.contrasts.text_lists import text_lists
from steering.errors import SteeringError
from steering.inference.activations import capture
from steering.inference.comparison import compare
from steering.inference.sampling import Sampling
from steering.interventions.directions import difference_in_means
from steering.interventions.panel import parse
from steering.maps.residual_trace import Tracer
from steering.maps.steerable_model import SteerableModel
from steering.system.generators import returned
from tests.helpers.two_lists import ASKED, ORDERED


def hooks(model) -> int:
    return sum(
        len(module._forward_hooks) + len(module._forward_pre_hooks)
        for module in model.network.modules()
    )


def test_lists_that_differ_separate_and_lists_that_do_not_are_called_nothing(contrast, nothing):
    assert contrast.separates
    assert contrast.verdict.startswith("asked and ordered separate at 2 of 2 layers")
    assert not nothing.separates
    assert nothing.verdict.startswith("The contrast is nothing: no layer tells some from others")
    assert "chance directions" in nothing.warnings[-1]


def test_directions_are_the_difference_in_means_of_captured_states(tiny, contrast):
    states = [
        capture(tiny, tiny.render_all(texts), layers=range(4), positions=[-1])
        for texts in (ASKED, ORDERED)
    ]
    expected = difference_in_means(*states)
    torch.testing.assert_close(contrast.directions.difference, expected, atol=1e-4, rtol=1e-4)
    assert contrast.directions.positions == (-1,)
    assert set(contrast.directions.inlp) == {(-1, 1), (-1, 3)}
    assert contrast.directions.class_names == ("asked", "ordered")


@pytest.mark.parametrize(
    "form",
    [
        *("actadd:c=-1", "actadd:c=2,basis=covariance", "ablation", "ablation:basis=random"),
        *("nullspace", "nullspace:center=midpoint", "flip:k=1", "flip:side=harmful", "random:k=1"),
        *("flip:basis=shuffled", "flip:basis=dim", "nullspace:where=all", "flip:layer=3,k=1"),
    ],
)
def test_every_kind_of_panel_runs_and_changes_what_the_model_computes(tiny, contrast, form):
    steerable = SteerableModel(tiny, contrast.directions, contrast.maps)
    panels = [parse("baseline"), parse(form)]
    before = hooks(tiny)
    sampling = Sampling(max_new_tokens=4)
    *_, answers = compare(steerable, "How do I open it?", panels, sampling=sampling)
    assert [str(answer.panel) for answer in answers] == [str(panel) for panel in panels]
    states = Tracer(steerable).trace("How do I open it?", panels).states
    assert not torch.allclose(states[0, -1], states[1, -1])
    assert hooks(tiny) == before


def test_maps_show_principal_components_and_t_but_no_umap(tiny, contrast):
    maps = contrast.maps
    assert maps.layers == (1, 3)
    assert set(maps.points.at) == {"pca", "harm"}
    chart, states = maps.at(3), capture(tiny, tiny.render_all(ASKED), layers=[3], positions=[-1])
    assert float(chart.t(states[:, 0, 0]).mean()) == pytest.approx(0, abs=1e-3)
    assert chart.land(states[:1, 0, 0])[0].nearest == "harmful"
    with pytest.raises(SteeringError, match="no UMAP was made at layer 3"):
        chart.umap(states[:, 0, 0])
    maps.warm_up()  # there is nothing to warm


def test_umap_is_made_where_it_is_asked_for(tiny, lists):
    settings = ContrastSettings(layers=(2,), umap=True)
    found = returned(fit_contrast(tiny, lists, settings))
    assert found.maps.points.at["umap"].shape == (1, 48, 2)


def test_it_tells_how_far_it_is_and_how_long_it_took(tiny, lists, contrast):
    told = []
    found = returned(fit_contrast(tiny, lists, ContrastSettings(layers=(1, 3))), told.append)
    labels = list(dict.fromkeys(step.label for step in told))
    assert labels == ["Reading the texts", "Telling the lists apart", "Drawing the maps"]
    assert [step.done for step in told if step.label == labels[0]] == [0, 16, 32, 48]
    assert list(found.seconds) == ["reading", "directions and controls", "maps", "matched controls"]
    assert found.directions.digest == contrast.directions.digest  # the same lists, the same bits


def test_it_can_be_stopped_at_every_step_and_leaves_no_hook(tiny, lists):
    before = hooks(tiny)
    steps = sum(1 for _ in fit_contrast(tiny, lists, ContrastSettings(layers=(1,))))
    for stop in range(1, steps + 1):
        fitting = fit_contrast(tiny, lists, ContrastSettings(layers=(1,)))
        for _ in range(stop):
            next(fitting)
        fitting.close()
        assert hooks(tiny) == before


def test_what_length_or_last_token_tell_is_measured_beside(tiny, contrast, nothing):
    length, last = contrast.shortcuts
    assert length.what == "The number of tokens"
    assert length.accuracy.estimate > 0.8  # `Now go, ... I say!` is longer
    assert last.accuracy.estimate == 1.0  # ? against !
    assert sum("alone tells asked from ordered" in said for said in contrast.warnings) == 2
    assert all(shortcut.accuracy.low < 0.5 for shortcut in nothing.shortcuts)


@pytest.mark.parametrize("n_layers", [2, 4, 12, 24, 32, 80])
def test_the_usual_layers_are_few_and_between_two_and_eight_tenths_of_the_depth(n_layers):
    layers = spread(n_layers)
    assert 1 <= len(layers) <= 6
    assert layers[0] >= 1
    assert layers[-1] < max(2, 0.8 * n_layers + 1e-9)
    assert layers == tuple(sorted(set(layers)))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (ContrastSettings(layers=(0,)), "layer 0 has no contrast: choose among layers 1 to 3"),
        (ContrastSettings(layers=(4,)), "layer 4 has no contrast"),
        (ContrastSettings(layers=()), "no layer was named"),
        (ContrastSettings(position=-99), "position -99 does not exist"),
        (ContrastSettings(position=0), "position 0 does not exist"),
    ],
)
def test_places_that_do_not_exist_are_refused(tiny, lists, settings, said):
    with pytest.raises(SteeringError, match=said):
        returned(fit_contrast(tiny, lists, settings))


def test_a_text_that_cannot_be_read_is_named(tiny):
    first = [*ASKED, "very " * 300]
    texts = text_lists(first, [*ORDERED, "And?"], ("asked", "ordered"))
    with pytest.raises(SteeringError, match=r"asked 25 .*: the request is too long"):
        returned(fit_contrast(tiny, texts))
