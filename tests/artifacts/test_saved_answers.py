import pytest

from steering.artifacts.saved_answers import answer_of
from steering.errors import SteeringError
from steering.inference.comparison import Answer

WHOLE = Answer(
    "flip:k=2",
    "Sure.",
    finished=True,
    ended=True,
    verdict="answered",
    reason="a rule",
    looping=False,
    gibberish=False,
    degenerate_from=3,
    degenerate_from_token=1,
    refusal_score=-1.5,
    p_refusal=0.25,
    first_tokens=(("Sure", 0.5), (" <b>", 0.25)),
    kl=0.125,
    perplexity=2.5,
    tokens=4,
    seconds=1.5,
    thinking="hm",
    token_ids=(1, 2, 3, 4),
    begun=2,
)


def wrong(name, value, allowed):
    return SteeringError(f"{name} is {value!r}; it must be {allowed}")


def read(found):
    return answer_of(found, "flip:k=2", "Sure.", (1, 2, 3, 4), 2, wrong=wrong)


def as_json(**changes):
    first = [list(each) for each in WHOLE.first_tokens]
    return WHOLE.as_dict() | {"first_tokens": first} | changes


def test_every_field_of_an_answer_comes_back():
    assert read(as_json()) == WHOLE
    # A field that this test leaves at its default would come back without being read.
    assert not [
        name
        for name, value in vars(WHOLE).items()
        if value == vars(Answer(""))[name] and name not in ("looping", "gibberish")
    ]


def test_what_may_be_missing_is_nothing_and_what_is_unknown_is_left_out():
    assert read({}) == Answer("flip:k=2", "Sure.", token_ids=(1, 2, 3, 4), begun=2)
    assert read(as_json(perplexity=None, mood="good")).perplexity is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("finished", 1),
        ("ended", None),
        ("verdict", "harmless' onload='x"),
        ("verdict", ["refused"]),
        ("reason", 3),
        ("looping", "yes"),
        ("degenerate_from", -1),
        ("degenerate_from_token", True),
        ("refusal_score", float("nan")),
        ("p_refusal", 1.5),
        ("kl", "1"),
        ("perplexity", float("inf")),
        ("tokens", 2.5),
        ("tokens", None),
        ("seconds", []),
        ("thinking", 1),
        ("first_tokens", None),
        ("first_tokens", [["a"]]),
        ("first_tokens", [["a", 2]]),
        ("first_tokens", [[1, 0.5]]),
        ("first_tokens", [["a", 0.1]] * 51),
    ],
)
def test_a_field_that_holds_something_else_is_named(name, value):
    with pytest.raises(SteeringError, match=f"^{name} is "):
        read(as_json(**{name: value}))
