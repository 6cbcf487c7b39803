"""The popover that looks into the tokens of an answer: its component, and what it is told.

The browser (assets/inspect) finds the word that was pressed and opens the popover there; it
asks once for all tokens of an answer. Nothing of an answer is marked up for it, so nothing moves.
"""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gradio as gr

from steering.system import strict_json
from steering.ui import scripts

if TYPE_CHECKING:  # the page is there before torch
    from steering.inference.answer_tokens import AnswerTokens

_POPOVER = (
    '<div class="inspect" popover="auto" role="dialog" aria-label="A token of the answer" '
    'tabindex="-1"></div>'
)


@dataclass(frozen=True)
class Inspector:
    """The popover's components.

    Attributes:
        board: The popover; its value is what `told` or `refused` returns. Its event `select` asks
            for the tokens of an answer, `submit` for one that goes on.
        answers: The visitor's latest run that has ended: what can be looked into.
    """

    board: gr.HTML
    answers: gr.State


def section() -> Inspector:
    """Make the popover; to be called inside a `gr.Blocks`, anywhere: it takes no room."""
    board = gr.HTML(
        "",
        html_template=_POPOVER,
        js_on_load=scripts.joined("inspect/index.js")
        + ".start({ element, props, watch, trigger });",
        apply_default_css=False,
        elem_id="inspector",
    )
    return Inspector(board, gr.State())


def told(asked: int, found: "AnswerTokens") -> str:
    """Return the value that tells of an answer's tokens.

    Args:
        asked: The number of the question.
        found: What is known of them.
    """
    return _written({"asked": asked, **found.as_dict()})


def refused(asked: int, words: str) -> str:
    """Return the value that says why nothing is told."""
    return _written({"asked": asked, "problem": words})


def _written(value: dict[str, Any]) -> str:
    """Return a value as JSON; a text, as the map's is, in which Gradio finds no HTML."""
    document = json.dumps(strict_json.finite(value), ensure_ascii=False, allow_nan=False)
    return document.replace("<", "\\u003c")
