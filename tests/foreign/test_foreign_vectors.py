"""What a vector of another program has to be, whatever file it stands in."""

import pytest
import torch

from steering.errors import SteeringError
from steering.foreign.foreign_vectors import vector_of
from steering.foreign.model_shape import Shape

SHAPE = Shape("tiny", n_layers=4, d_model=3)


@pytest.mark.parametrize("shape", [(3,), (1, 3), (3, 1)])
@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_a_vector_is_read_in_float32_whatever_axes_of_one_it_has(shape, dtype) -> None:
    given = torch.tensor([1.0, -2.0, 0.5], dtype=dtype).reshape(shape)
    found = vector_of(given, SHAPE, "it")
    assert found.dtype == torch.float32
    assert found.tolist() == [1.0, -2.0, 0.5]
    found[0] = 9.0
    assert given.flatten()[0] == 1.0  # a copy


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (torch.tensor([1.0, 2.0]), r"the shape \[2\], but .* of tiny has d_model 3"),
        (torch.ones(3, 2), r"the shape \[3, 2\]"),
        (torch.tensor([1, 2, 3]), "tensor of decimal numbers, but torch.int64"),
        ([1.0, 2.0, 3.0], "tensor of decimal numbers, but list"),
        (torch.tensor([1.0, torch.nan, 3.0]), "NaN or infinite"),
        (torch.zeros(3), "zero, which is no direction"),
    ],
)
def test_what_is_no_direction_is_refused_by_name(given, told) -> None:
    with pytest.raises(SteeringError, match=f"^layer 2 in it .*{told}"):
        vector_of(given, SHAPE, "layer 2 in it")
