import pytest

from steering.errors import SteeringError
from steering.serving.from_the_start import ReplicaLostError, from_the_start


def attempts(*losses):
    """Return what begins runs, which are lost after so many words; the last one is whole."""
    left = iter([*losses, None])

    def begin():
        after = next(left)
        for place, word in enumerate(("a", "b", "c")):
            if place == after:
                raise ReplicaLostError
            yield word
        return "whole"

    return begin


def shown(begin):
    words = []

    def run():
        words.append((yield from from_the_start(begin, lambda lost: f"({type(lost).__name__})")))

    return [*run(), *words]


def test_a_run_that_loses_nothing_is_as_it_is():
    assert shown(attempts()) == ["a", "b", "c", "whole"]


def test_a_run_that_is_lost_begins_again_after_a_sentence():
    said = "(ReplicaLostError)"
    assert shown(attempts(2)) == ["a", "b", said, "a", "b", "c", "whole"]
    assert shown(attempts(0, 1)) == [said, "a", said, "a", "b", "c", "whole"]


def test_a_run_that_is_lost_again_and_again_is_given_up():
    with pytest.raises(SteeringError, match="again and again") as caught:
        shown(attempts(1, 1, 1))
    assert not isinstance(caught.value, ReplicaLostError)


def test_other_mistakes_end_a_run_at_once():
    def begin():
        yield "a"
        raise SteeringError("too long")

    words = from_the_start(begin, lambda _lost: "again")
    assert next(words) == "a"
    with pytest.raises(SteeringError, match="too long"):
        next(words)


def test_closing_ends_the_run_that_goes_on():
    closed = []

    def begin():
        try:
            yield "a"
        finally:
            closed.append(True)

    words = from_the_start(begin, lambda _lost: "again")
    next(words)
    words.close()
    assert closed == [True]
