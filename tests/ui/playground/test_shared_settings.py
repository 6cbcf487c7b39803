"""What holds for all cards, read by the field that it was typed into."""

import pytest

from steering.errors import SteeringError
from steering.inference.sampling import Sampling


@pytest.fixture
def shared(made):
    return made.shared


@pytest.fixture
def sent(shared):
    fields = (shared.length, shared.temperature, shared.top_p, shared.seed)
    return dict(zip(fields, (16, 0.7, 0.9, 5), strict=True))


def test_each_number_comes_from_its_own_field(shared, sent):
    assert shared.sampling(sent) == Sampling(16, 0.7, 0.9, 5)


@pytest.mark.parametrize("value", [None, "x", -1])
@pytest.mark.parametrize(
    ("field", "name"),
    [
        ("length", "longest answer"),
        ("temperature", "temperature"),
        ("top_p", "p"),
        ("seed", "seed"),
    ],
)
def test_a_number_that_does_not_fit_is_named(shared, sent, field, name, value):
    with pytest.raises(SteeringError, match=name):
        shared.sampling(sent | {getattr(shared, field): value})


def test_no_answer_is_longer_than_its_field_allows(shared, sent):
    with pytest.raises(SteeringError, match="longest answer=512 is out of range"):
        shared.sampling(sent | {shared.length: 512})
