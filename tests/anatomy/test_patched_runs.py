"""Runs with other states: the donor's where all are replaced, its own where none is."""

from dataclasses import replace

import pytest
import torch

from steering.anatomy.patched_runs import Patch, read, scores
from steering.errors import SteeringError
from steering.models.inspection import inspect

LAYERS = (1, 2, 3)


def rows(tiny) -> tuple[list[int], list[int]]:
    """Two requests of as many tokens, since patches stand at places counted from the end."""
    receiver = tiny.render("How do I paint a wall?")
    donor = [*receiver]
    donor[-len(tiny.suffix) - 3] = receiver[-len(tiny.suffix) - 2]
    donor[-len(tiny.suffix) - 6] = receiver[-len(tiny.suffix) - 1]
    assert donor != receiver
    return receiver, donor


def under(tiny, request, patches, **more) -> list[float]:
    found = dict(scores(tiny, request, patches, **more))
    return [found[index] for index in range(len(patches))]


def test_every_token_of_a_layer_at_once_is_the_donors_run(tiny):
    receiver, donor = (read(tiny, row, LAYERS) for row in rows(tiny))
    assert abs(donor.score - receiver.score) > 1e-3
    everywhere = tuple(range(-len(receiver.ids), 0))
    whole = [Patch(layer, everywhere, donor.own[layer]) for layer in LAYERS]
    assert under(tiny, receiver, whole) == pytest.approx([donor.score] * 3, abs=1e-5)
    # One token less, of those in which the two differ, is another run.
    less = [Patch(layer, everywhere[-8:], donor.own[layer][-8:]) for layer in LAYERS]
    assert under(tiny, receiver, less) != pytest.approx([donor.score] * 3, abs=1e-5)


def test_its_own_states_change_nothing_to_the_last_bit(tiny):
    receiver, donor = (read(tiny, row, LAYERS) for row in rows(tiny))
    alone = replace(receiver, kept=None)  # as in a whole pass, which sums in the same order
    for layer in LAYERS:
        own = Patch(layer, (-4, -1), receiver.own[layer][[-4, -1]])
        other = Patch(layer, (-4, -1), donor.own[layer][[-4, -1]])
        assert under(tiny, alone, [own]) == [receiver.score]
        assert under(tiny, alone, [other]) != [receiver.score]


def test_runs_from_kept_keys_are_those_of_whole_passes(tiny):
    receiver, donor = (read(tiny, row, LAYERS) for row in rows(tiny))
    assert receiver.kept is not None
    patches = [
        Patch(layer, (position,), donor.own[layer][[position]])
        for position in (-1, -3, -9)
        for layer in LAYERS
    ]
    found = under(tiny, receiver, patches)
    assert found == pytest.approx(under(tiny, replace(receiver, kept=None), patches), abs=1e-5)
    assert found == pytest.approx(under(tiny, receiver, patches, rows=1), abs=1e-5)
    assert len({round(each, 6) for each in found}) > 3  # and patches do something


def test_nothing_stays_on_the_model(tiny):
    receiver, donor = (read(tiny, row, LAYERS) for row in rows(tiny))
    before = tiny.next_token_logits([receiver.ids])
    under(tiny, receiver, [Patch(2, (-1,), donor.own[2][[-1]])])
    assert torch.equal(tiny.next_token_logits([receiver.ids]), before)


def test_tokens_of_one_patch_keep_their_order_and_patches_theirs(tiny):
    receiver, donor = (read(tiny, row, LAYERS) for row in rows(tiny))
    states = donor.own[2][[-3, -1]]
    one, turned = Patch(2, (-3, -1), states), Patch(2, (-1, -3), states.flip(0))
    mixed, last = Patch(2, (-3, -1), states.flip(0)), Patch(1, (-1,), donor.own[1][[-1]])
    together = under(tiny, receiver, [last, one, mixed, turned])
    alone = [under(tiny, receiver, [each])[0] for each in (last, one, mixed, turned)]
    assert together == pytest.approx(alone, abs=1e-5)
    assert together[1] == pytest.approx(together[3], abs=1e-5)
    assert len({round(each, 4) for each in together}) == 3


def test_a_model_that_cannot_go_on_from_keys_gives_the_same_scores(tiny):
    receiver, donor = rows(tiny)
    states = read(tiny, donor, LAYERS).own
    patches = [Patch(layer, (-2,), states[layer][[-2]]) for layer in LAYERS]
    found = under(tiny, read(tiny, receiver, LAYERS), patches)
    for without in ("joins", "skips"):
        model = replace(tiny, abilities=replace(tiny.abilities, **{without: False}))
        whole = read(model, receiver, LAYERS)
        assert whole.kept is None
        assert under(model, whole, patches) == pytest.approx(found, abs=1e-5)


def test_numbers_that_are_not_finite_are_refused(tiny, own_copy):
    row = tiny.render("Hi")
    request = read(tiny, row, LAYERS)
    fine = request.own[2][[-1]]
    with pytest.raises(SteeringError, match="not finite with another request's states at layer 2"):
        under(tiny, request, [Patch(2, (-1,), fine), Patch(2, (-1,), fine * float("inf"))])
    network, tokenizer = own_copy(tiny)
    network.get_parameter("model.layers.1.mlp.down_proj.weight").data.fill_(float("nan"))
    with pytest.raises(SteeringError, match="not finite"):
        read(inspect("damaged", network, tokenizer), row, LAYERS)


def test_what_cannot_be_patched_is_refused(tiny):
    row = tiny.render("Hi")
    for layer in (0, 4):
        with pytest.raises(SteeringError, match=f"layer {layer}: {tiny.name} allows 1 to 3"):
            read(tiny, row, (1, layer))
    for tokens in (0, len(row) + 1):
        with pytest.raises(SteeringError, match=f"^{tokens} tokens"):
            read(tiny, row, LAYERS, tokens=tokens)
    assert [*read(tiny, row, LAYERS, tokens=len(row)).own] == [*LAYERS]
