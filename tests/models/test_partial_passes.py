import pytest
import torch

from steering.models.chat_model import reading
from steering.models.partial_passes import ending_at, starting_at
from tests.helpers.traces import blocks_run


def forward(model, ids):
    batch = model.batch([ids])
    with torch.inference_mode():
        return model.network.base_model(
            input_ids=batch.tokens,
            attention_mask=batch.mask,
            position_ids=batch.positions,
            use_cache=False,
        ).last_hidden_state


@pytest.fixture
def ran(family_model):
    """Numbers of the blocks whose attention has run, in order."""
    with blocks_run(family_model) as found:
        yield found


@pytest.mark.parametrize("layer", [0, 1, 3])
def test_a_pass_that_starts_at_a_block_gives_what_a_whole_one_gives(family_model, ran, layer):
    ids = family_model.render("How do I paint a car?")
    with reading(family_model, range(4)) as read:
        whole = forward(family_model, ids)
    states = dict(read)
    ran.clear()
    with starting_at(family_model, layer, states[layer]):
        assert torch.equal(forward(family_model, ids), whole)
    assert ran == list(range(layer, 4))
    with starting_at(family_model, layer, states[layer] + 1):
        assert torch.equal(forward(family_model, ids), whole) == (layer == 0)


@pytest.mark.parametrize("layer", [0, 2, 3])
def test_a_pass_that_ends_at_a_block_shows_its_input_and_runs_it_no_more(family_model, ran, layer):
    ids = family_model.render("How do I paint a car?")
    with reading(family_model, range(4)) as read:
        forward(family_model, ids)
    states = dict(read)
    ran.clear()
    with ending_at(family_model, layer), reading(family_model, range(4)) as read:
        forward(family_model, ids)
    assert ran == list(range(layer))
    for each in range(layer + 1):
        assert torch.equal(read[each], states[each])


def test_the_model_is_whole_again_afterwards_also_after_an_error(tiny):
    ids = tiny.render("How do I paint a car?")
    before = forward(tiny, ids)
    with pytest.raises(KeyboardInterrupt), starting_at(tiny, 2, before), ending_at(tiny, 3):  # noqa: PT012
        forward(tiny, ids)
        raise KeyboardInterrupt
    assert torch.equal(forward(tiny, ids), before)
    assert not any("forward" in vars(block) for block in tiny.blocks)


def test_a_blocks_own_forward_is_kept_as_accelerate_sets_one(tiny):
    ids = tiny.render("How do I paint a car?")
    before, block, calls = forward(tiny, ids), tiny.blocks[2], []
    plain = block.forward

    def hooked(*args, **kwargs):
        calls.append(1)
        return plain(*args, **kwargs)

    block.forward = hooked
    try:
        with ending_at(tiny, 1):
            forward(tiny, ids)
        assert not calls
        assert block.forward is hooked
        assert torch.equal(forward(tiny, ids), before)
        assert calls
    finally:
        del block.forward
