"""What a saved run says of an answer: checked field by field, since a file can be anybody's."""

from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any, Final, get_args

from steering.errors import SteeringError
from steering.inference.comparison import Answer
from steering.verdicts.judgement import Verdict

_VERDICTS: Final = get_args(Verdict)
_FIRST: Final = 50
"""First tokens that are read at most (chosen): ten times what an answer lists."""
Wrong = Callable[[str, object, str], SteeringError]
"""Makes the mistake of a field: its name, what it holds, what is allowed."""


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and isfinite(value)  # type: ignore[arg-type]


def _is_share(value: object) -> bool:
    return _is_number(value) and 0 <= value <= 1  # type: ignore[operator]


def _is_count(value: object) -> bool:
    return type(value) is int and value >= 0


_TEXT: Final = (lambda value: isinstance(value, str), "a text")
_SWITCH: Final = (lambda value: isinstance(value, bool), "true or false")
_COUNT: Final = (_is_count, "a whole number from 0")
_NUMBER: Final = (_is_number, "a number")
_SHARE: Final = (_is_share, "a number from 0 to 1")
_VERDICT: Final = (lambda value: value in _VERDICTS, f"one of {', '.join(_VERDICTS)}")
_FIELDS: Final[Mapping[str, tuple[tuple[Callable[[Any], bool], str], bool]]] = {
    "finished": (_SWITCH, False),
    "ended": (_SWITCH, False),
    "verdict": (_VERDICT, True),
    "reason": (_TEXT, True),
    "looping": (_SWITCH, True),
    "gibberish": (_SWITCH, True),
    "degenerate_from": (_COUNT, True),
    "degenerate_from_token": (_COUNT, True),
    "refusal_score": (_NUMBER, True),
    "p_refusal": (_SHARE, True),
    "kl": (_NUMBER, True),
    "perplexity": (_NUMBER, True),
    "tokens": (_COUNT, False),
    "seconds": (_NUMBER, False),
    "thinking": (_TEXT, True),
}
"""What each field may hold, and whether it may be nothing. Others are read by `saved_runs`."""


def answer_of(
    found: Mapping[str, Any],
    panel: str,
    text: str,
    token_ids: tuple[int, ...],
    begun: int,
    *,
    wrong: Wrong,
) -> Answer:
    """Return an answer as it was recorded; what is not in the file has its default.

    Args:
        found: Of the file.
        panel: The panel's text form.
        text: The answer, which is checked already, as the next two are.
        token_ids: The same as tokens.
        begun: How many of these were given.
        wrong: Makes a mistake.

    Raises:
        SteeringError: If a field holds something else than it may.
    """
    known: dict[str, Any] = {}
    for name, ((fits, allowed), may_lack) in _FIELDS.items():
        if name not in found or (may_lack and found[name] is None):
            known |= {name: None} if name in found else {}
        elif fits(found[name]):
            known[name] = found[name]
        else:
            raise wrong(name, found[name], allowed)
    first = tuple(_first(found.get("first_tokens", []), wrong))
    return Answer(panel, text, first_tokens=first, token_ids=token_ids, begun=begun, **known)


def _first(found: object, wrong: Wrong) -> list[tuple[str, float]]:
    allowed = f"a list of at most {_FIRST} texts, each with a number from 0 to 1"
    if not isinstance(found, list) or len(found) > _FIRST:
        raise wrong("first_tokens", found, allowed)
    tokens = []
    for each in found:
        if not isinstance(each, list) or len(each) != 2 or not isinstance(each[0], str):
            raise wrong("first_tokens", each, allowed)
        if not _is_share(each[1]):
            raise wrong("first_tokens", each, allowed)
        tokens.append((each[0], float(each[1])))
    return tokens
