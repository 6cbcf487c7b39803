"""The measurement that decides a CPU's number format."""

import math

import pytest
import torch
from safetensors.torch import save_file

from steering.models import dtype_speed, int8_linear, packed_linear
from steering.models.dtype_speed import (
    CANDIDATES,
    Kernel,
    Speed,
    choose,
    matrix_shapes,
    measure,
)


@pytest.fixture
def folder(tmp_path):
    shapes = {
        "model.embed_tokens.weight": (50, 8),
        "lm_head.weight": (50, 8),
        "model.layers.0.mlp.up.weight": (32, 8),
        "model.layers.1.mlp.up.weight": (32, 8),
        "model.layers.0.mlp.down.weight": (8, 32),
        "model.norm.weight": (8,),
        "model.layers.0.conv.weight": (8, 1),
    }
    save_file(
        {name: torch.ones(shape) for name, shape in shapes.items()}, tmp_path / "x.safetensors"
    )
    return tmp_path


def test_every_matrix_that_a_step_multiplies_with_is_counted_and_the_head_once(folder):
    assert dict(matrix_shapes(folder)) == {(32, 8): 2, (8, 32): 1, (50, 8): 1}


@pytest.mark.parametrize("budget", [10**9, 300])
def test_times_are_weighed_by_how_often_a_shape_occurs_and_by_what_was_left_out(
    folder, monkeypatch, budget
):
    # A clock that gives a product a time of its rows times the weights that were multiplied.
    monkeypatch.setattr(dtype_speed, "_ELEMENTS", budget)
    monkeypatch.setattr(
        dtype_speed, "_seconds", lambda layer, rows, dtype: rows * layer.weight.numel()
    )
    weights = 2 * 32 * 8 + 8 * 32 + 50 * 8
    for speed in measure(folder).values():
        assert speed.step == pytest.approx(dtype_speed.STEP_ROWS * weights)
        assert speed.read == pytest.approx(dtype_speed.READ_ROWS * weights)


def test_small_matrices_are_measured_whole_and_of_each_large_one_as_much(monkeypatch):
    # A share of every matrix would leave the middle ones in a cache where the head is large.
    monkeypatch.setattr(dtype_speed, "_ELEMENTS", 1000)
    asked = {(10, 20): 1, (50, 20): 1, (100_000, 20): 1, (20, 5000): 1}
    assert dtype_speed._shares(asked) == {
        (10, 20): 10,
        (50, 20): 50,
        (100_000, 20): 50,
        (20, 5000): 1,
    }


def test_every_kernel_is_measured_for_real(folder, monkeypatch):
    monkeypatch.setattr(dtype_speed, "LEAST_WEIGHTS", 0)
    speeds = measure(folder)
    packs = [dtype for dtype in CANDIDATES if packed_linear.packs(dtype)]
    assert set(speeds) == {
        *(Kernel(dtype, packed=False) for dtype in CANDIDATES),
        *(Kernel(dtype, packed=True) for dtype in packs),
    }
    # Whatever the machine does beside: a number of seconds, not a small one.
    found = [seconds for speed in speeds.values() for seconds in (speed.step, speed.read)]
    assert all(seconds > 0 and math.isfinite(seconds) for seconds in found)


def test_small_models_are_not_packed_whatever_a_clock_says(folder):
    assert not any(kernel.packed for kernel in measure(folder))


def test_where_the_operators_are_missing_nothing_is_packed(folder, monkeypatch):
    monkeypatch.setattr(dtype_speed, "LEAST_WEIGHTS", 0)
    monkeypatch.setattr(packed_linear, "packs", lambda dtype: False)
    assert set(measure(folder)) == {Kernel(dtype, packed=False) for dtype in CANDIDATES}


@pytest.mark.parametrize(
    ("step", "read", "dtype"),
    [
        (0.3, 0.3, torch.bfloat16),  # instructions for bfloat16
        (0.65, 2.5, torch.float32),  # none: it writes faster and reads slower
        (0.65, 0.9, torch.bfloat16),
        (0.95, 0.95, torch.float32),  # too little to round more for
        (1.3, 3.7, torch.float32),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_bfloat16_is_taken_where_a_whole_run_is_faster_in_it(step, read, dtype, packed):
    # Where weights can be packed, it is packed ones that are compared.
    best = {torch.float32: Speed(0.4, 0.7), torch.bfloat16: Speed(0.4 * step, 0.7 * read)}
    speeds = {Kernel(each, packed): speed for each, speed in best.items()}
    if packed:
        speeds |= {Kernel(each, packed=False): Speed(2.0, 2.0) for each in best}
    chosen, reason = choose(speeds)
    assert chosen == Kernel(dtype, packed)
    assert reason.startswith(str(dtype).removeprefix("torch.") + ": measured on this CPU")
    assert f"writing {step:.2f} times, reading {read:.2f} times" in reason
    assert ("packed" in reason) == packed


@pytest.mark.parametrize(("run", "packed"), [(0.4, True), (0.95, True), (1.2, True), (1.3, False)])
@pytest.mark.parametrize("dtype", CANDIDATES)
def test_weights_are_packed_unless_that_is_measured_to_be_clearly_slower(run, packed, dtype):
    speeds = {
        Kernel(dtype, packed=False): Speed(1.0, 1.0),
        Kernel(dtype, packed=True): Speed(run, run),
    }
    chosen, reason = choose(speeds)
    assert chosen == Kernel(dtype, packed)
    assert (f"at {run:.2f} of the time" in reason) == packed


def test_no_other_test_hangs_on_how_fast_the_machine_is_just_now(folder):
    assert choose(dtype_speed.measure(folder))[0] == Kernel(torch.float32, packed=False)


def test_without_matrices_nothing_is_measured_and_float32_taken(tmp_path):
    assert measure(tmp_path) == {}
    assert choose({})[0] == Kernel(torch.float32, packed=False)


@pytest.mark.parametrize("least", [0, 300, 10**9])
def test_fast_products_are_timed_with_large_matrices_only_in_eight_bits(folder, monkeypatch, least):
    monkeypatch.setattr(dtype_speed, "LEAST_WEIGHTS", 0)
    monkeypatch.setattr(int8_linear, "LEAST_WEIGHTS", least)
    seen = []

    def seconds(layer, rows, dtype):
        seen.append(layer)
        return 1.0

    monkeypatch.setattr(dtype_speed, "_seconds", seconds)
    fast = Kernel(torch.float32, packed=False, parts=2)
    assert fast in measure(folder, [torch.float32], 2)
    held = {
        (layer.out_features, layer.in_features): layer.parts
        for layer in seen
        if isinstance(layer, int8_linear.Int8Linear)
    }
    expected = {shape for shape in ((32, 8), (8, 32), (50, 8)) if shape[0] * shape[1] >= least}
    assert held == dict.fromkeys(expected, 2)


def test_fast_products_are_never_taken_for_exact_ones():
    speeds = {
        Kernel(torch.float32, packed=False): Speed(1.0, 1.0),
        Kernel(torch.float32, packed=False, parts=1): Speed(0.1, 0.1),
    }
    assert choose(speeds)[0] == Kernel(torch.float32, packed=False)
