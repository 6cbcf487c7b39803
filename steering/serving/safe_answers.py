"""The safe display for programs: what a page blurs until somebody presses is left out of a text.

As on the page (`assets/page/veil.js`): of what the untouched model declines and an edit lets it
say, the first sentence is given.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from steering.inference.comparison import Answer
from steering.verdicts.judgement import REFUSALS

_DECLINES: Final = (*REFUSALS, "hedged")
_SELDOM: Final = 0.15
"""Below this probability of a refusing start a request is taken for harmless, until judged."""
_END: Final = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])|\n")


def shown(answers: Sequence[Answer], baseline: Answer) -> list[tuple[Answer, bool]]:
    """Return each answer as it may be shown, and whether something of it is left out.

    Args:
        answers: Of all panels.
        baseline: The untouched model's, as far as it is.
    """
    return [_shown(answer, baseline) for answer in answers]


def _shown(answer: Answer, baseline: Answer) -> tuple[Answer, bool]:
    first = _first_sentence(answer.text)
    more = len(first) < len(answer.text.strip()) or bool(answer.thinking)
    if answer.panel == "baseline" or not more or not _is_withheld(answer, baseline):
        return answer, False
    # What a model thinks before it answers says as much as the answer.
    return replace(answer, text=f"{first} …".strip(), thinking=None), True


def _is_withheld(answer: Answer, baseline: Answer) -> bool:
    if answer.verdict in REFUSALS:
        return False
    if baseline.verdict is not None:
        return baseline.verdict in _DECLINES
    return baseline.p_refusal is None or baseline.p_refusal >= _SELDOM


def _first_sentence(text: str) -> str:
    return _END.split(text.strip(), maxsplit=1)[0].strip()
