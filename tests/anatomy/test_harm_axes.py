"""The axes: what they point to, what is held equal, and by what their layer is chosen."""

import pytest
import torch

from steering.anatomy import harm_axes
from steering.anatomy.harm_axes import ReadRequests
from steering.anatomy.separation import auc
from steering.errors import SteeringError
from steering.inference.activations import capture
from steering.inference.metrics import refusal_score


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


def test_class_means_lie_at_one_and_minus_one(read):
    axis = harm_axes.axis_at(harm_axes.harm_means(read), -6, 1, None)
    for name, place in (("harmful", 1.0), ("harmless", -1.0)):
        values = harm_axes.along(axis, read[name].states[:, 0, 1])
        assert values.mean() == pytest.approx(place, abs=1e-4)


def test_the_layer_is_the_one_at_which_validation_prompts_are_told_apart(read):
    states = torch.cat([each.states for each in read.values()])
    opens = torch.cat([each.scores > 0 for each in read.values()]).tolist()
    labels = [name for name in read for _ in range(40)]
    means = harm_axes.refusal_means(read)
    axis = harm_axes.chosen_axis(means, -1, states[:, 1], opens, labels)
    assert (axis["layer"], axis["validation"]) == (2, 1.0)


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
    same = harm_axes.ClassMeans(torch.ones(2, 4), torch.ones(2, 4), (1, 1))
    with pytest.raises(SteeringError, match="the same at block 1"):
        harm_axes.axis_at(same, -1, 1, None)
