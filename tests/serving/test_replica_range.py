import pytest

from steering.errors import SteeringError
from steering.serving.replica_range import ReplicaRange, parse_range


@pytest.mark.parametrize(
    ("text", "least", "most"), [("1", 1, 1), ("2", 2, 2), ("1-4", 1, 4), ("3-3", 3, 3)]
)
def test_a_number_or_two_are_read(text, least, most):
    assert parse_range(text) == ReplicaRange(least, most)


@pytest.mark.parametrize("text", ["1", "12", "1-4"])
def test_it_is_written_as_it_is_read(text):
    assert str(parse_range(text)) == text


@pytest.mark.parametrize("text", ["0", "0-2", "3-2", "two", "", "1-", "-1", "1.5", "²", "99999"])
def test_what_is_no_number_of_replicas_is_named(text):
    with pytest.raises(SteeringError, match="is no number of replicas; allowed: a number from 1"):
        parse_range(text)
