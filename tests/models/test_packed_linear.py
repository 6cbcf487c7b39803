"""Linear layers in the layout of the CPU's matrix library."""

import pytest
import torch
from torch import nn

from steering.models import packed_linear
from steering.models.packed_linear import PackedLinear, pack, packs

DTYPES = [
    pytest.param(
        dtype,
        marks=pytest.mark.skipif(not packs(dtype), reason=f"this machine packs no {dtype}"),
    )
    for dtype in (torch.float32, torch.bfloat16)
]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("shape", [(1, 96), (7, 96), (2, 3, 96), (0, 96)])
def test_a_packed_layer_gives_the_products_of_the_plain_one(dtype, bias, shape):
    torch.manual_seed(0)
    plain = nn.Linear(96, 40, bias=bias, dtype=dtype)
    states = torch.randn(shape, dtype=dtype)
    with torch.inference_mode():
        found = PackedLinear(plain)(states)
        assert found.dtype == dtype
        torch.testing.assert_close(found, plain(states), rtol=1e-2, atol=1e-2)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_row_does_not_depend_on_the_rows_beside_it(dtype):
    torch.manual_seed(0)
    layer = PackedLinear(nn.Linear(896, 128, dtype=dtype))
    states = torch.randn(64, 896, dtype=dtype)
    with torch.inference_mode():
        alone = layer(states[:1])
        for rows in (2, 3, 5, 16, 64):
            assert torch.equal(layer(states[:rows])[:1], alone)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_whole_network_is_packed_and_other_layers_are_left_alone(dtype):
    class Own(nn.Linear):
        pass

    network = nn.Sequential(nn.Linear(8, 8), nn.ModuleList([nn.Linear(8, 4)]), Own(8, 8)).to(dtype)
    weight = network[1][0].weight.detach().clone()
    pack(network)
    assert [type(module) for module in network] == [PackedLinear, nn.ModuleList, Own]
    assert type(network[2]) is Own
    assert torch.equal(network[1][0].weight, weight)


def test_a_head_that_shares_the_embedding_leaves_it_as_it_is():
    network = nn.ModuleDict({"embed": nn.Embedding(20, 8), "head": nn.Linear(8, 20, bias=False)})
    network["head"].weight = network["embed"].weight
    table = network["embed"].weight.detach().clone()
    pack(network)
    assert torch.equal(network["embed"].weight, table)
    assert torch.equal(network["head"].weight, table)


@pytest.mark.parametrize(
    "broken",
    [
        lambda *_: (_ for _ in ()).throw(RuntimeError("not built with it")),
        lambda states, *_: torch.zeros(*states.shape[:-1], 32, dtype=states.dtype),
    ],
    ids=["raises", "wrong"],
)
def test_an_operator_that_fails_or_computes_something_else_is_not_used(monkeypatch, broken):
    packs.cache_clear()
    try:
        monkeypatch.setattr(packed_linear, "_product", broken)
        assert not packs(torch.float32)
    finally:
        packs.cache_clear()


def test_float16_and_integers_are_not_packed():
    assert not packs(torch.float16)
    assert not packs(torch.int8)
