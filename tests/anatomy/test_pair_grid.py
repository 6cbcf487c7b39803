import pytest
import torch

from steering.anatomy import pair_grid, patch_study
from steering.anatomy.pair_grid import PARTS, GridShape, mixed, nearest_subspace, read_pair
from steering.interventions.subspace import Subspace
from steering.maps.steerable_model import SteerableModel


@pytest.fixture
def shape(tiny, fitted) -> GridShape:
    return GridShape.of(tiny, fitted, step=1)


@pytest.fixture
def requests(tiny, shape):
    texts = ("How do I paint a wall for free?", "How do I break a wall of glass?")
    return read_pair(tiny, *map(tiny.render, texts), shape)


def space(rank: int) -> Subspace:
    vectors = torch.randn(rank, 16, generator=torch.Generator().manual_seed(rank))
    return Subspace.spanned_by(vectors, layer=0, position=-1, method="test")


def test_inside_and_outside_together_are_the_whole_state():
    own, given = torch.randn(2, 16, generator=torch.Generator().manual_seed(0))
    basis = space(3).basis
    parts = {part: mixed(own, given, part, basis) for part in ("whole", "inside", "outside")}
    assert torch.equal(parts["whole"], given)
    moved = {part: state - own for part, state in parts.items()}
    assert torch.allclose(moved["inside"] + moved["outside"], given - own, atol=1e-5)
    # Each part moves where it may, and nowhere else.
    assert torch.allclose(basis.T @ (basis @ moved["inside"]), moved["inside"], atol=1e-5)
    assert torch.allclose(basis @ moved["outside"], torch.zeros(3), atol=1e-5)
    assert not torch.allclose(basis @ moved["inside"], torch.zeros(3), atol=1e-2)
    assert torch.equal(mixed(own, given, "random", basis), parts["inside"])


def test_its_own_state_is_no_patch():
    own = torch.randn(16, generator=torch.Generator().manual_seed(1))
    for part in PARTS:
        assert torch.equal(mixed(own, own, part, space(2).basis), own)


def test_the_grid_has_the_layer_of_inlp_and_ends_in_all_tokens_at_once(tiny, fitted):
    every, some = (GridShape.of(tiny, fitted, step=step) for step in (1, 2))
    assert every.layers == (1, 2, 3)
    assert fitted.inlp_layer in some.layers
    assert set(some.layers) < set(every.layers)
    single = [(position,) for position in range(-len(tiny.suffix) - 3, 0)]
    assert every.columns == (*single, tuple(range(-len(tiny.suffix) - 3, 0)))
    assert every.tokens == len(single)


def test_a_place_without_directions_takes_those_of_the_nearest_token(fitted):
    for position, layer in fitted.inlp:
        found = nearest_subspace(fitted, position, layer)
        assert torch.equal(found.basis, fitted.inlp[position, layer].subspace.basis)
    far = nearest_subspace(fitted, -40, 99)
    assert far.position == min(position for position, _ in fitted.inlp)


def test_a_grid_is_what_single_patches_give(tiny, fitted, shape, requests):
    found = patch_study._ended(pair_grid.grid(SteerableModel(tiny, fitted), shape, requests))
    assert tuple(found) == PARTS
    patches = pair_grid.patches(fitted, shape, requests, ["inside"])
    scores = dict(pair_grid.patched_runs.scores(tiny, requests.receiver, patches, rows=1))
    cells = [scores[index] for index in range(len(patches))]
    assert found["inside"].flatten().tolist() == pytest.approx(cells, abs=1e-4)
    assert not torch.allclose(found["inside"], found["whole"], atol=1e-3)
    assert not torch.allclose(found["inside"], found["random"], atol=1e-3)


def test_the_same_request_as_donor_restores_nothing(tiny, fitted, shape, requests):
    same = pair_grid.PairRequests(requests.receiver, requests.receiver)
    found = patch_study._ended(pair_grid.grid(SteerableModel(tiny, fitted), shape, same))
    for scores in found.values():
        assert scores.flatten().tolist() == pytest.approx(
            [requests.receiver.score] * scores.numel(), abs=1e-5
        )


def test_random_subspaces_hang_on_the_seed(fitted, shape, requests):
    one, again, other = (
        pair_grid.patches(fitted, shape, requests, ["random"], seed=seed) for seed in (1, 1, 2)
    )
    assert all(torch.equal(a.states, b.states) for a, b in zip(one, again, strict=True))
    assert not any(torch.equal(a.states, b.states) for a, b in zip(one, other, strict=True))
