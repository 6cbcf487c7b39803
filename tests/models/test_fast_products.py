"""What decides between exact and fast products."""

import pytest
import torch

from steering.errors import SteeringError
from steering.models import dtype_speed, fast_products, int8_linear
from steering.models.chat_model import NumberFormat
from steering.models.dtype_speed import Kernel, Speed
from steering.models.fast_products import Allowed, check_asked, held_as, obstacle, on_cpu

CPU, YES = torch.device("cpu"), Allowed(1, "measured to be close")
FAST = Kernel(torch.float32, packed=False, parts=1)


def timed(monkeypatch, fast):
    """Let exact products take 1 s, and fast ones this many; None where they cannot be timed."""
    speeds = {Kernel(torch.float32, packed=True): Speed(1.0, 1.0)}
    speeds[Kernel(torch.float32, packed=False)] = Speed(2.0, 2.0)
    if fast is not None:
        speeds[FAST] = Speed(fast, fast)
    monkeypatch.setattr(dtype_speed, "measure", lambda *_: speeds)


@pytest.mark.parametrize(
    ("fast", "auto"), [(0.3, True), (0.89, True), (0.95, False), (3.0, False), (None, False)]
)
def test_auto_takes_what_is_measured_to_be_faster_and_fast_takes_it_anyhow(
    monkeypatch, tmp_path, fast, auto
):
    timed(monkeypatch, fast)
    found = on_cpu(tmp_path, "auto", YES, None)
    assert (found.parts == 1) == auto
    assert found.packed != auto
    asked = on_cpu(tmp_path, "fast", YES, None)
    assert asked.parts == 1
    assert asked.dtype == torch.float32
    assert YES.sentence in asked.reason
    if fast:
        assert f"{fast:.2f} times as long" in found.reason


@pytest.mark.parametrize(
    ("device", "quantization", "dtype", "allowed", "said"),
    [
        ("cuda", None, None, YES, "they are for CPUs, and the model is on cuda"),
        ("cpu", "nf4", None, YES, "held as nf4"),
        ("cpu", "int8", None, YES, "held as int8"),
        ("cpu", None, torch.bfloat16, YES, "bfloat16 was asked for"),
        ("cpu", "none", torch.float16, YES, "float16 was asked for"),
        ("cpu", None, None, Allowed(None, "far off"), "far off"),
    ],
)
def test_what_stands_in_the_way_is_said(device, quantization, dtype, allowed, said):
    assert said in obstacle(allowed, torch.device(device), quantization, dtype)


def test_nothing_stands_in_the_way_of_float32_on_a_cpu(monkeypatch):
    monkeypatch.setattr(int8_linear, "runs", lambda: True)
    assert obstacle(YES, CPU, "none", torch.float32) is None
    assert obstacle(YES, CPU, None, None) is None
    monkeypatch.setattr(int8_linear, "runs", lambda: False)
    assert "does not multiply in eight bits" in obstacle(YES, CPU, None, None)


def test_an_unknown_speed_is_refused():
    with pytest.raises(SteeringError, match="unknown speed 'quick'; allowed: auto, exact, fast"):
        check_asked("quick")


def test_the_choices_are_those_of_the_command_line():
    from typing import get_args

    from steering.defaults import SPEEDS

    assert get_args(fast_products.SpeedChoice) == SPEEDS


def test_keys_tell_fast_products_apart_and_keep_the_names_of_exact_ones():
    found = [
        held_as(NumberFormat(quantization, torch.float32, "", parts=parts))
        for quantization, parts in (("none", 0), ("nf4", 0), ("int8", 0), ("none", 1), ("none", 2))
    ]
    assert found == ["none", "nf4", "int8", "fast1", "fast2"]
