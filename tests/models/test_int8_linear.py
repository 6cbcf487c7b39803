"""Linear layers in eight bits."""

import pytest
import torch
from torch import nn

from steering.models import int8_linear, packed_linear
from steering.models.int8_linear import Int8Head, Int8Linear, pays, quantize, runs
from steering.models.packed_linear import PackedLinear

pytestmark = pytest.mark.skipif(not runs(), reason="this machine multiplies no eight bits")


def layer(inputs=896, outputs=96, bias=True):
    torch.manual_seed(0)
    return nn.Linear(inputs, outputs, bias=bias).requires_grad_(requires_grad=False)


def error(found, expected):
    return float((found - expected).norm() / expected.norm())


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("inputs", [896, 4864, 576, 30, 31])
@pytest.mark.parametrize("shape", [(1,), (7,), (2, 3), (0,)])
def test_products_are_close_to_exact_ones_and_closer_in_two_parts(bias, inputs, shape):
    plain = layer(inputs, bias=bias)
    states = torch.randn(*shape, inputs)
    one, two = (Int8Linear(plain, parts)(states) for parts in (1, 2))
    expected = plain(states)
    assert one.shape == two.shape == expected.shape
    if states.numel():
        assert error(two, expected) < error(one, expected) < 0.03
        assert error(two, expected) < 0.015


def test_one_large_number_does_not_coarsen_the_others():
    # The counter-check holds the same layer without the turn.
    plain = layer(bias=False)
    states = torch.randn(5, 896)
    states[:, 3] = 100.0
    turned = error(Int8Linear(plain)(states), plain(states))
    step = states.abs().amax(1, keepdim=True) / 90
    unturned = error((states / step).round() * step @ plain.weight.T, plain(states))
    assert turned < 0.03
    # What the large number itself gives is exact in both: look at what the others give.
    others = states.clone()
    others[:, 3] = 0
    assert error((others / step).round() * step, others) > 0.3
    assert unturned > turned


@pytest.mark.skipif(not packed_linear.packs(torch.float32), reason="nothing is packed here")
@pytest.mark.parametrize("parts", [1, 2])
@pytest.mark.parametrize("inputs", [896, 4864, 576])
def test_a_row_does_not_depend_on_the_rows_beside_it(parts, inputs):
    fast = Int8Linear(layer(inputs), parts)
    states = torch.randn(64, inputs) * torch.logspace(-3, 3, 64)[:, None]
    with torch.inference_mode():
        alone = torch.cat([fast(row[None]) for row in states])
        for rows in (2, 3, 5, 16, 64):
            assert torch.equal(fast(states[:rows]), alone[:rows])


@pytest.mark.parametrize("parts", [1, 2])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_row_that_is_not_finite_stays_so_and_leaves_the_others_alone(parts, value):
    fast = Int8Linear(layer(), parts)
    states = torch.randn(3, 896)
    expected = fast(states)
    states[1, 7] = value
    found = fast(states)
    assert not torch.isfinite(found[1]).any()
    assert torch.equal(found[[0, 2]], expected[[0, 2]])


@pytest.mark.parametrize("parts", [1, 2])
def test_a_row_of_zeros_gives_the_bias(parts):
    plain = layer()
    assert torch.equal(Int8Linear(plain, parts)(torch.zeros(2, 896))[1], plain.bias)


def test_the_weights_are_those_of_the_plain_layer_nearly():
    plain = layer()
    plain.weight[3] = 0
    fast = Int8Linear(plain)
    assert error(fast.weight, plain.weight) < 0.012
    assert not fast.weight[3].any()


def test_large_layers_of_a_network_are_in_eight_bits_and_small_ones_exact(monkeypatch):
    class Own(nn.Linear):
        pass

    monkeypatch.setattr(int8_linear, "LEAST_WEIGHTS", 1000)
    network = nn.Sequential(nn.Linear(64, 64), nn.ModuleList([nn.Linear(8, 4)]), Own(64, 64))
    states = torch.randn(3, 8)
    exact = network[1][0](states)
    assert pays(64, 64)
    assert not pays(8, 4)
    quantize(network, 2)
    assert type(network[0]) is Int8Linear
    assert network[0].parts == 2
    assert type(network[2]) is Own
    torch.testing.assert_close(network[1][0](states), exact)
    packs = packed_linear.packs(torch.float32)
    assert type(network[1][0]) is (PackedLinear if packs else nn.Linear)


@pytest.mark.parametrize("outputs", [4096, 1024, 100, 7], ids=lambda n: f"vocabulary of {n}")
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("shape", [(5,), (2, 3), (0,)])
def test_a_head_gives_the_likeliest_logits_as_they_are(outputs, bias, shape):
    plain = layer(outputs=outputs, bias=bias)
    states = torch.randn(*shape, 896)
    exact, found, rounded = plain(states), Int8Head(plain)(states), Int8Linear(plain)(states)
    assert found.shape == exact.shape
    n = min(16, outputs)
    largest = exact.topk(n).indices
    close = {"rtol": 1e-4, "atol": 1e-5}
    torch.testing.assert_close(found.gather(-1, largest), exact.gather(-1, largest), **close)
    if outputs > 100:
        smallest = exact.topk(n, largest=False).indices
        assert torch.equal(found.gather(-1, smallest), rounded.gather(-1, smallest))
    if states.numel():
        assert not torch.allclose(rounded.gather(-1, largest), exact.gather(-1, largest), **close)


@pytest.mark.skipif(not packed_linear.packs(torch.float32), reason="nothing is packed here")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["other", "bfloat16"])
def test_a_row_of_logits_does_not_depend_on_the_rows_beside_it(dtype):
    plain = layer(outputs=4096)
    plain.weight.copy_(plain.weight.to(dtype))
    head = Int8Head(plain)
    states = torch.randn(64, 896)
    with torch.inference_mode():
        alone = torch.cat([head(row[None]) for row in states])
        for rows in (2, 3, 5, 16, 64):
            assert torch.equal(head(states[:rows]), alone[:rows])


def test_a_head_with_numbers_that_are_not_finite_leaves_the_other_rows_alone():
    head = Int8Head(layer(outputs=4096))
    states = torch.randn(3, 896)
    expected = head(states)
    states[1, 7] = float("nan")
    found = head(states)
    assert not torch.isfinite(found[1]).any()
    assert torch.equal(found[[0, 2]], expected[[0, 2]])


def test_the_layer_that_gives_the_logits_is_a_head_where_it_is_large(monkeypatch):
    monkeypatch.setattr(int8_linear, "LEAST_WEIGHTS", 1000)
    network = nn.Sequential(nn.Linear(64, 64), nn.Linear(64, 64), nn.Linear(8, 4))
    quantize(network, 1, network[1])
    assert [type(each) for each in network[:2]] == [Int8Linear, Int8Head]
    network = nn.Sequential(nn.Linear(8, 4))
    quantize(network, 1, network[0])
    assert type(network[0]) is not Int8Head


@pytest.mark.parametrize(
    "broken",
    [
        lambda *_: (_ for _ in ()).throw(RuntimeError("not built with it")),
        lambda rows, _packed: torch.zeros(len(rows), 32),
    ],
    ids=["raises", "wrong"],
)
def test_an_operator_that_fails_or_computes_something_else_is_not_used(monkeypatch, broken):
    runs.cache_clear()
    try:
        monkeypatch.setattr(int8_linear, "_product", broken)
        assert not runs()
    finally:
        runs.cache_clear()
