"""The grid: what each part takes of a state, of which token and layer, and what comes of it."""

from dataclasses import replace

import pytest
import torch

from steering.anatomy import pair_grid
from steering.anatomy.pair_grid import (
    PARTS,
    GridShape,
    PairRequests,
    mixed,
    nearest_subspace,
    patches,
    read_pair,
)
from steering.anatomy.patched_runs import Patch, ReadRequest
from steering.interventions.subspace import Subspace
from steering.maps.steerable_model import SteerableModel
from steering.system.generators import returned


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


LAYERS, COLUMNS = (1, 3), ((-3,), (-2,), (-1,), (-3, -1))


def requested(receiver: torch.Tensor, donor: torch.Tensor) -> PairRequests:
    """Two requests of these states: [layer, position, d_model], of `LAYERS`."""
    first, second = (
        ReadRequest([0] * states.shape[1], dict(zip(LAYERS, states, strict=True)), None, 0.0)
        for states in (receiver, donor)
    )
    return PairRequests(first, second)


def projections(fitted, part, seed: int = 0) -> dict[tuple[int, int], torch.Tensor]:
    """Return what a part does to the difference of two states, as a matrix, by layer and token.

    The receiver is nothing, and the donor one dimension after another.
    """
    d_model = fitted.difference.shape[-1]
    made = []
    for unit in torch.eye(d_model):
        requests = requested(torch.zeros(2, 3, d_model), unit.expand(2, 3, -1))
        found = patches(fitted, GridShape(LAYERS, COLUMNS), requests, [part], seed=seed)
        assert [(each.layer, each.positions) for each in found] == [
            (layer, column) for layer in LAYERS for column in COLUMNS
        ]
        made.append(found)
    matrices = {}
    for cells in zip(*made, strict=True):
        for index, position in enumerate(cells[0].positions):
            matrix = torch.stack([cell.states[index] for cell in cells])
            known = matrices.setdefault((cells[0].layer, position), matrix)
            assert torch.equal(matrix, known)  # several tokens at once are those tokens
    return matrices


def test_each_part_takes_what_the_subspace_of_its_own_layer_and_token_takes(fitted):
    shown = {part: projections(fitted, part) for part in (*PARTS, "other")}
    for (layer, position), inside in shown["inside"].items():
        # Nothing was fitted at -3: the nearest token with directions is -2.
        basis = fitted.inlp[max(position, -2), layer].subspace.basis
        assert torch.allclose(inside, basis.T @ basis, atol=1e-5)
        assert torch.allclose(
            shown["outside"][layer, position], torch.eye(len(inside)) - inside, atol=1e-5
        )
        for part in ("whole", "other"):
            assert torch.equal(shown[part][layer, position], torch.eye(len(inside)))
    different = [inside for (_, position), inside in shown["inside"].items() if position > -3]
    assert len(different) == 4
    assert_all_differ(different)


def assert_all_differ(matrices: list[torch.Tensor]) -> None:
    for index, one in enumerate(matrices):
        assert not any(torch.allclose(one, other, atol=1e-2) for other in matrices[:index])


def test_the_random_subspace_has_the_rank_of_its_place_and_is_drawn_for_it(fitted):
    inlp = {**fitted.inlp}
    short = inlp[-1, 3]
    inlp[-1, 3] = replace(short, subspace=short.subspace.leading(1))
    uneven = replace(fitted, inlp=inlp)
    drawn, inside = (projections(uneven, part) for part in ("random", "inside"))
    for place, matrix in drawn.items():
        assert torch.allclose(matrix @ matrix, matrix, atol=1e-5)
        assert matrix.trace() == pytest.approx(float(inside[place].trace()), abs=1e-4)
    assert {round(float(matrix.trace())) for matrix in drawn.values()} > {1}
    assert_all_differ([*drawn.values(), *projections(uneven, "random", seed=1).values()])


def test_a_patch_starts_from_the_receiver_and_goes_to_the_donor(fitted):
    generator = torch.Generator().manual_seed(2)
    own, given = torch.randn(2, 2, 3, fitted.difference.shape[-1], generator=generator)
    shape = GridShape(LAYERS, COLUMNS)
    for part in (*PARTS, "other"):
        matrices = projections(fitted, part)
        cells: list[Patch] = patches(fitted, shape, requested(own, given), [part])
        for cell in cells:
            row = LAYERS.index(cell.layer)
            for position, state in zip(cell.positions, cell.states, strict=True):
                moved = matrices[cell.layer, position] @ (given - own)[row, position]
                assert torch.allclose(state, own[row, position] + moved, atol=1e-4)


def test_every_token_of_a_layer_at_once_is_the_donors_score(tiny, fitted):
    ids = [tiny.render(text) for text in ("How do I paint a car?", "How do I steal a phone?")]
    everywhere = tuple(range(-len(ids[0]), 0))
    shape = GridShape((1, 2, 3), (everywhere, everywhere[:-1]))
    requests = read_pair(tiny, *ids, shape)
    receiver, donor = requests.receiver, requests.donor
    assert [receiver.ids, donor.ids] == ids
    assert requests.gap == donor.score - receiver.score
    assert abs(requests.gap) > 1e-3
    found = dict(returned(pair_grid.grid(SteerableModel(tiny, fitted), shape, requests)))
    assert found["whole"][:, 0].tolist() == pytest.approx([donor.score] * 3, abs=1e-5)
    # Less than all tokens, or less than the whole of them, is another run.
    assert not any((found["whole"][:, 1] - donor.score).abs() < 1e-5)
    assert not any((found["inside"][:, 0] - donor.score).abs() < 1e-5)


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
    # The token counts first: two layers off at the same token is nearer than the next token.
    apart = replace(fitted, inlp={point: fitted.inlp[point] for point in ((-2, 2), (-1, 3))})
    for point, nearest in (
        ((-1, 1), (-1, 3)),
        ((-1, 2), (-1, 3)),
        ((-2, 3), (-2, 2)),
        ((-9, 3), (-2, 2)),
    ):
        found = nearest_subspace(apart, *point)
        assert torch.equal(found.basis, fitted.inlp[nearest].subspace.basis)
    # And among layers of one token the nearer one.
    one = replace(fitted, inlp={point: fitted.inlp[point] for point in ((-1, 1), (-1, 3))})
    assert (nearest_subspace(one, -1, 0).layer, nearest_subspace(one, -1, 9).layer) == (1, 3)


def test_without_inlp_it_is_the_difference_in_means_of_the_nearest_place_that_has_one(fitted):
    bare = replace(fitted, inlp={}, inlp_point=fitted.dim_point)
    for point in ((-3, 1), (-1, 2)):
        unit = torch.nn.functional.normalize(fitted.raw(point), dim=0)
        assert torch.allclose(nearest_subspace(bare, *point).basis[0], unit, atol=1e-5)
    # At block 0 the template's token is the same for all requests: nothing is known there.
    unit = torch.nn.functional.normalize(fitted.raw((-1, 1)), dim=0)
    assert torch.allclose(nearest_subspace(bare, -1, 0).basis[0], unit, atol=1e-5)
    known = replace(bare, points=((-2, 2), (-1, 3)))
    assert nearest_subspace(known, -1, 1).layer == 3


def test_a_grid_is_what_single_patches_give(tiny, fitted, shape, requests):
    found = returned(pair_grid.grid(SteerableModel(tiny, fitted), shape, requests))
    assert tuple(found) == PARTS
    patches = pair_grid.patches(fitted, shape, requests, ["inside"])
    scores = dict(pair_grid.patched_runs.scores(tiny, requests.receiver, patches, rows=1))
    cells = [scores[index] for index in range(len(patches))]
    assert found["inside"].flatten().tolist() == pytest.approx(cells, abs=1e-4)
    assert not torch.allclose(found["inside"], found["whole"], atol=1e-3)
    assert not torch.allclose(found["inside"], found["random"], atol=1e-3)


def test_the_same_request_as_donor_restores_nothing(tiny, fitted, shape, requests):
    same = pair_grid.PairRequests(requests.receiver, requests.receiver)
    found = returned(pair_grid.grid(SteerableModel(tiny, fitted), shape, same))
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
