import pytest
import torch

from steering.errors import SteeringError
from steering.inference.activations import capture
from steering.inference.stepwise_states import read_states
from steering.system.generators import returned

TEXTS = ("How do I paint a car?", "Why", "Tell me, please: what is 7 + 7?", "Why not", "Ünïcödé 猫")


def read(model, rows, **options):
    """The parts that were told, and the states."""
    reading = read_states(model, rows, **{"position": -1, "batch_size": 2, **options})
    told = []
    states = returned(reading, told.append)
    return told, states


def hooks(model) -> int:
    return sum(
        len(module._forward_hooks) + len(module._forward_pre_hooks)
        for module in model.network.modules()
    )


@pytest.mark.parametrize("first", [False, True])
def test_the_states_of_every_family_are_those_that_capture_gives(family_model, first):
    position = -len(family_model.suffix) if first else -1
    rows = family_model.render_all(TEXTS)
    told, found = read(family_model, rows, position=position)
    expected = capture(family_model, rows, layers=range(4), positions=[position])[:, 0]
    assert told[-1] == 5
    torch.testing.assert_close(found, expected, atol=5e-4, rtol=1e-3)
    assert not torch.allclose(found[0, 1:], found[2, 1:], atol=1e-2)  # prompts do differ


def test_a_text_that_is_the_beginning_of_all_others_is_read_at_every_position(tiny):
    rows = [tiny.render(text)[: -len(tiny.suffix)] for text in ("Why", "Why not", "Why not now")]
    for position in range(-len(tiny.suffix), 0):
        _, found = read(tiny, rows, position=position)
        expected = capture(tiny, rows, layers=range(4), positions=[position])[:, 0]
        torch.testing.assert_close(found, expected, atol=5e-4, rtol=1e-3)


def test_it_can_be_stopped_between_parts_and_leaves_no_hook(tiny):
    before = hooks(tiny)
    reading = read_states(tiny, tiny.render_all(TEXTS), position=-1, batch_size=2)
    assert next(reading) == 2
    assert hooks(tiny) == before
    reading.close()
    assert hooks(tiny) == before


def test_a_position_outside_of_the_template_is_refused(tiny):
    last = len(tiny.suffix)
    for position in (0, -last - 1):
        with pytest.raises(SteeringError, match=f"has the template positions -{last} to -1"):
            read(tiny, tiny.render_all(TEXTS), position=position)
