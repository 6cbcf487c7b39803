"""The axes: what they point to, what is held equal, and by what their layer is chosen."""

from dataclasses import replace

import pytest
import torch

from steering.anatomy import harm_axes
from steering.anatomy.harm_axes import ClassMeans, ReadRequests
from steering.anatomy.separation import auc
from steering.errors import SteeringError
from steering.inference.activations import capture
from steering.inference.metrics import refusal_score
from steering.models.inspection import inspect


def made_up(harm: float, n: int = 40) -> ReadRequests:
    """States of four dimensions: harm, refusal, harm again at the template, noise."""
    generator = torch.Generator().manual_seed(int(harm) + 5)
    states = 0.1 * torch.randn(n, 2, 3, 4, generator=generator)
    opens = torch.arange(n) % 2 == 0
    states[:, 0, 1:, 0] += harm
    states[:, 1, 2, 1] += torch.where(opens, 1.0, -1.0)
    states[:, 1, :, 2] += harm
    return ReadRequests(states, torch.where(opens, 1.0, -1.0))


@pytest.fixture
def read():
    return {"harmful": made_up(1.0), "harmless": made_up(-1.0)}


def test_what_is_read_is_what_others_read(shy, few):
    texts = few.test["harmful"]
    read = harm_axes.read_requests(shy.model, texts)
    rows = shy.model.render_all(texts)
    places = harm_axes.places(shy.model)
    layers = range(shy.model.n_layers)
    captured = capture(shy.model, rows, layers=layers, positions=places)
    assert torch.allclose(read.states, captured, atol=1e-4)
    logits = shy.model.next_token_logits(rows)
    expected = refusal_score(logits, shy.model.opener_ids).float()
    assert torch.allclose(read.scores, expected, atol=1e-4)


def test_the_same_requests_and_one_alone_are_read_as_others_are(shy):
    """What rows begin with is read once, but never the tokens at which they are read."""
    short, long = "What is red?", "What is red and what is blue, and why?"
    alone = {text: harm_axes.read_requests(shy.model, [text]) for text in (short, long)}
    for texts in ([short, short], [long, short, long], [short, f"{short[:-1]} wine?"]):
        read = harm_axes.read_requests(shy.model, texts)
        for index, text in enumerate(texts):
            if text in alone:
                assert torch.allclose(read.states[index], alone[text].states[0], atol=1e-4)
                assert torch.allclose(read.scores[index], alone[text].scores[0], atol=1e-4)
    assert not torch.allclose(alone[short].states[:, 0, 1:], alone[long].states[:, 0, 1:], atol=0.1)


def test_a_damaged_model_is_not_read(tiny, own_copy):
    network, tokenizer = own_copy(tiny)
    network.get_parameter("model.layers.1.mlp.down_proj.weight").data.fill_(float("nan"))
    damaged = replace(inspect("damaged", network, tokenizer), openers={"0": 0})
    with pytest.raises(SteeringError, match="not finite"):
        harm_axes.read_requests(damaged, ["What is red?"])


def test_the_first_token_is_the_request_s_last_and_the_second_the_template_s(shy):
    row = shy.model.render("What is red?")
    instruction, template = harm_axes.places(shy.model)
    texts = shy.model.template.texts(row)
    assert texts[instruction].strip().endswith("?")
    assert texts[instruction + 1 :] == shy.model.suffix
    assert template == -1


def test_the_refusal_axis_holds_harm_equal(read):
    means = harm_axes.refusal_means(read)
    axis = harm_axes.axis_at(means, -1, 2, None)
    assert axis["direction"][1] == pytest.approx(1.0, abs=0.01)
    # The counter-check: all refused against all answered, of unequal numbers, would point to harm.
    few = {**read, "harmless": ReadRequests(read["harmless"].states, -torch.ones(40))}
    assert abs(harm_axes.axis_at(harm_axes.refusal_means(few), -1, 2, None)["direction"][2]) < 0.1


def opening(harm: float, refused: int, answered: int) -> ReadRequests:
    """Requests that say harm in dimension 0 and refusal in 1, at the template."""
    opens = torch.arange(refused + answered) < refused
    states = torch.zeros(len(opens), 2, 2, 3)
    states[:, 1, :, 0] = harm
    states[:, 1, :, 1] = opens[:, None] * (2.0 + harm)
    return ReadRequests(states, torch.where(opens, 0.1, -0.1))


def test_labels_with_enough_of_both_count_alike_whatever_their_sizes():
    read = {"harmful": opening(1.0, 30, 8), "harmless": opening(-1.0, 8, 50)}
    means = harm_axes.refusal_means(read)
    assert means.sizes == (38, 58)
    for layer in range(2):
        assert means.to[layer].tolist() == pytest.approx([0.0, 2.0, 0.0])  # of 3 and of 1
        assert means.away[layer].tolist() == pytest.approx([0.0, 0.0, 0.0])
    for few in ((7, 50), (50, 7)):
        means = harm_axes.refusal_means({**read, "harmful": opening(1.0, *few)})
        assert means.sizes == (8, 50)
        assert means.to[0].tolist() == pytest.approx([-1.0, 1.0, 0.0])


def test_an_axis_names_its_place_and_what_it_was_made_of(read):
    means = harm_axes.harm_means({**read, "harmless": made_up(-1.0, 30)})
    axis = harm_axes.axis_at(means, -6, 1, 0.75)
    assert (axis["position"], axis["layer"], axis["validation"]) == (-6, 1, 0.75)
    assert axis["train"] == (40, 30)
    assert axis["direction"][0] == pytest.approx(1.0, abs=0.01)
    assert (axis["middle"], axis["half"]) == pytest.approx((0.0, 1.0), abs=0.05)


def test_class_means_lie_at_one_and_minus_one(read):
    axis = harm_axes.axis_at(harm_axes.harm_means(read), -6, 1, None)
    for name, place in (("harmful", 1.0), ("harmless", -1.0)):
        values = harm_axes.along(axis, read[name].states[:, 0, 1])
        assert values.mean() == pytest.approx(place, abs=1e-4)


def told_at(layer: int, layers: int = 5) -> tuple[ClassMeans, torch.Tensor]:
    """Means and validation states that hold the classes at one block, and at block 0."""
    states = torch.zeros(20, layers, 2)
    states[:10, [0, layer], 0] = 1.0
    means = torch.zeros(2, layers, 2)
    means[0, :, 0] = 1.0
    return ClassMeans(means[0].double(), means[1].double(), (10, 10)), states


@pytest.mark.parametrize("layer", [1, 2, 4])
def test_the_layer_is_the_one_at_which_validation_prompts_are_told_apart(layer):
    means, states = told_at(layer)
    positive = [True] * 10 + [False] * 10
    axis = harm_axes.chosen_axis(means, -1, states, positive)
    assert (axis["layer"], axis["validation"]) == (layer, 1.0)
    assert axis["direction"] == [1.0, 0.0]
    # The other way round that block is the worst one.
    turned = harm_axes.chosen_axis(means, -1, states, [not each for each in positive])
    assert turned["layer"] != layer
    assert turned["validation"] == 0.5


def test_only_prompts_of_one_stratum_are_compared_and_without_a_pair_it_is_half_the_depth():
    means, states = told_at(3)
    positive = [True] * 10 + [False] * 10
    alike = harm_axes.chosen_axis(means, -1, states, positive, ["a", "b"] * 10)
    assert (alike["layer"], alike["validation"]) == (3, 1.0)
    apart = harm_axes.chosen_axis(means, -1, states, positive, ["a"] * 10 + ["b"] * 10)
    assert (apart["layer"], apart["validation"]) == (2, None)


def test_the_layer_is_the_first_that_is_as_good_as_the_best():
    """Layer 1 tells nothing, 2 nearly all, 3 all: 2 is within one standard error, 1 is not."""
    generator = torch.Generator().manual_seed(1)
    positive = torch.arange(60) % 2 == 0
    states = torch.zeros(60, 4, 2)
    states[:, 1, 0] = torch.randn(60, generator=generator)
    states[:, 2, 0] = torch.where(positive, 1.0, -1.0)
    states[:2, 2, 0] *= -1.2  # one pair of sixty is the wrong way round
    states[:, 3, 0] = torch.where(positive, 1.0, -1.0) + 0.9 * states[:, 1, 0]
    ends = torch.tensor([1.0, 0.0]).expand(4, 2).double()
    means = harm_axes.ClassMeans(ends, -ends, (30, 30))

    def layer(states):
        return harm_axes.chosen_axis(means, -1, states, positive.tolist())["layer"]

    best = auc(states[:, 3, 0].numpy(), positive.numpy())
    near = auc(states[:, 2, 0].numpy(), positive.numpy())
    assert near < best < 1
    assert layer(states) == 2
    states[:20, 2, 0] *= -1
    assert layer(states) == 3
    states[:, 1] = states[:, 3]
    assert layer(states) == 1
    states[:, 0] = states[:, 3]
    assert layer(states) == 1, "the input of block 0 is the token alone"


def test_a_model_that_never_refuses_has_no_refusal_axis(read):
    calm = {name: ReadRequests(each.states, -torch.ones(40)) for name, each in read.items()}
    with pytest.raises(SteeringError, match="needs 8 training prompts"):
        harm_axes.refusal_means(calm)
    same = ClassMeans(torch.ones(2, 4), torch.ones(2, 4), (1, 1))
    with pytest.raises(SteeringError, match="the same at block 1"):
        harm_axes.axis_at(same, -1, 1, None)
