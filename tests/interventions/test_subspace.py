import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from steering.errors import SteeringError
from steering.interventions.subspace import Subspace

D_MODEL = 12


def vectors(rank: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    scale = torch.logspace(-2, 2, rank)[:, None]
    return scale * torch.randn(rank, D_MODEL, generator=generator)


def spanned(rank: int, seed: int = 0) -> Subspace:
    return Subspace.spanned_by(vectors(rank, seed), layer=3, position=-2, method="test")


def share_inside(subspace: Subspace, rows: torch.Tensor) -> torch.Tensor:
    """Share of each row's length inside the subspace, by least squares in float64."""
    rows, basis = rows.double(), subspace.basis.double()
    fitted = torch.linalg.lstsq(basis.T, rows.T).solution.T @ basis
    return fitted.norm(dim=1) / rows.norm(dim=1)


@given(rank=st.integers(1, D_MODEL), seed=st.integers(0, 10_000))
def test_the_basis_is_orthonormal_float32(rank, seed):
    assert not torch.allclose(vectors(rank, seed) @ vectors(rank, seed).T, torch.eye(rank))
    basis = spanned(rank, seed).basis
    assert basis.dtype == torch.float32
    assert basis.is_contiguous()
    torch.testing.assert_close(
        basis.double() @ basis.double().T, torch.eye(rank).double(), atol=1e-6, rtol=0
    )


@given(rank=st.integers(2, 6), k=st.integers(1, 5), seed=st.integers(0, 10_000))
def test_the_leading_k_span_exactly_the_first_k_vectors(rank, k, seed):
    k = min(k, rank - 1)
    rows = vectors(rank, seed)
    leading = spanned(rank, seed).leading(k)
    assert leading.rank == k
    torch.testing.assert_close(
        share_inside(leading, rows[:k]), torch.ones(k).double(), atol=1e-5, rtol=0
    )
    assert share_inside(leading, rows[k:]).max() < 1 - 1e-4  # the next ones are not in it


@given(rank=st.integers(1, D_MODEL), seed=st.integers(0, 10_000))
def test_each_direction_keeps_the_orientation_of_its_vector(rank, seed):
    cosines = (spanned(rank, seed).basis.double() * vectors(rank, seed).double()).sum(1)
    assert bool((cosines > 0).all())


def test_leading_keeps_place_and_method():
    leading = spanned(3).leading(2)
    assert (leading.layer, leading.position, leading.method) == (3, -2, "test")


@pytest.mark.parametrize("k", [0, -1, 4])
def test_a_k_beyond_the_rank_is_refused_with_the_allowed_range(k):
    assert spanned(3).leading(3).rank == 3
    with pytest.raises(SteeringError, match=rf"k={k} .*layer 3, position -2 .*directions 1 to 3"):
        spanned(3).leading(k)


def test_vectors_of_very_unlike_lengths_are_not_called_dependent():
    rows = torch.eye(3, D_MODEL) * torch.tensor([1e-9, 1.0, 1e9])[:, None]
    torch.testing.assert_close(
        Subspace.spanned_by(rows, layer=0, position=-1, method="test").basis, torch.eye(3, D_MODEL)
    )


def test_linearly_dependent_vectors_are_refused():
    rows = vectors(3)
    rows[2] = 3 * rows[0] - 2 * rows[1]
    with pytest.raises(ValueError, match="linearly dependent"):
        Subspace.spanned_by(rows, layer=0, position=-1, method="test")


def test_more_vectors_than_dimensions_are_refused():
    assert spanned(D_MODEL).rank == D_MODEL
    with pytest.raises(ValueError, match="linearly dependent"):
        spanned(D_MODEL + 1)


@pytest.mark.parametrize("value", [0.0, float("nan")])
def test_a_vector_without_direction_is_refused(value):
    rows = vectors(2)
    rows[1] = value
    with pytest.raises(ValueError, match="norm zero"):
        Subspace.spanned_by(rows, layer=0, position=-1, method="test")


def orthonormal() -> torch.Tensor:
    return spanned(3).basis


@pytest.mark.parametrize(
    "basis",
    [
        2 * orthonormal(),
        orthonormal()[[0, 1, 1]],
        orthonormal() + 2e-3 * torch.eye(3, D_MODEL),
        orthonormal().bfloat16().float(),
        torch.full((1, D_MODEL), float("nan")),
    ],
    ids=["doubled", "repeated", "bent", "rounded to bfloat16", "nan"],
)
def test_a_basis_that_is_not_orthonormal_is_refused(basis):
    Subspace(orthonormal(), layer=0, position=-1, method="test")
    with pytest.raises(ValueError, match="not orthonormal"):
        Subspace(basis, layer=0, position=-1, method="test")


def test_a_basis_in_another_number_format_is_refused():
    with pytest.raises(ValueError, match=r"float32, not in torch\.float64"):
        Subspace(orthonormal().double(), layer=0, position=-1, method="test")


def test_a_subspace_cannot_be_changed():
    with pytest.raises(AttributeError):
        spanned(2).layer = 5


@given(rank=st.integers(1, D_MODEL), seed=st.integers(0, 10_000))
def test_a_random_subspace_is_reproducible_by_its_seed(rank, seed):
    like = spanned(2)
    first = Subspace.random(rank, like, seed=seed)
    torch.rand(3)  # the global generator has moved on
    assert torch.equal(first.basis, Subspace.random(rank, like, seed=seed).basis)
    assert not torch.equal(first.basis, Subspace.random(rank, like, seed=seed + 1).basis)
    assert (first.rank, first.layer, first.position) == (rank, 3, -2)
    assert str(seed) in first.method


def test_random_subspaces_point_everywhere():
    """The mean projector of uniformly random rank-k subspaces is k/d times the identity."""
    projectors = torch.stack(
        [(u := Subspace.random(3, spanned(1), seed=seed).basis).T @ u for seed in range(500)]
    )
    torch.testing.assert_close(
        projectors.mean(0), 3 / D_MODEL * torch.eye(D_MODEL), atol=0.06, rtol=0
    )


def test_a_wrong_shape_is_caught_at_the_call(request):
    if not request.config.getoption("shapes"):
        pytest.skip("shapes are checked with --shapes only")
    with pytest.raises(Exception, match="d_model"):
        Subspace.spanned_by(torch.randn(D_MODEL), layer=0, position=-1, method="none")
