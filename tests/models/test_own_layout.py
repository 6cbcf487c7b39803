"""Linear layers that keep their weights in a form of their own."""

import pytest
import torch
from torch import nn

from steering.models.int8_linear import Int8Linear
from steering.models.own_layout import LEADING, OwnLayout, leading_of, replace, weights_of
from steering.models.packed_linear import PackedLinear

TOLERANCE = {PackedLinear: 0.0, Int8Linear: 0.02}
"""Of weights about 1 in size."""


@pytest.mark.parametrize("made", [PackedLinear, Int8Linear])
def test_the_weights_of_a_replaced_network_are_those_of_the_plain_one_in_name_and_order(made):
    network = nn.ModuleDict({"embed": nn.Embedding(20, 8), "head": nn.Linear(8, 20, bias=False)})
    network["norm"] = nn.BatchNorm1d(8)
    network["up"] = nn.Linear(8, 8)
    network["head"].weight = network["embed"].weight
    network.register_buffer("scratch", torch.ones(1), persistent=False)
    plain = {name: values.clone() for name, values in network.state_dict().items()}
    assert list(dict(weights_of(network))) == list(plain)
    replace(network, made)
    found = dict(weights_of(network))
    assert list(found) == list(plain)
    for name in plain:
        torch.testing.assert_close(found[name], plain[name], rtol=0, atol=TOLERANCE[made])
    # What a model is known by is of the weights as they were, whatever was rounded since.
    for name, shape, few in leading_of(network):
        assert shape == tuple(plain[name].shape)
        assert torch.equal(few, plain[name].flatten()[: len(few)])
        assert len(few) == min(LEADING, plain[name].numel())
    assert [name for name, _, _ in leading_of(network)] == list(plain)


def test_what_is_made_takes_the_place_of_plain_layers_wherever_they_are_and_of_no_others():
    class Own(nn.Linear):
        pass

    network = nn.Sequential(nn.Linear(8, 8), nn.ModuleList([nn.Linear(8, 4)]), Own(8, 8))
    replace(network, PackedLinear)
    assert [isinstance(each, OwnLayout) for each in (network[0], network[1][0], network[2])] == [
        True,
        True,
        False,
    ]
    assert (network[1][0].in_features, network[1][0].out_features) == (8, 4)
