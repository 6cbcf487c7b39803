"""The section *Harm is not refusal*: two axes, one map.

Everything comes from `harm.json`, as `python -m steering anatomy harm` writes it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr
from markupsafe import Markup

from steering.serving.engine import Engine
from steering.ui.anatomy import harm_text


@dataclass(frozen=True)
class HarmSection:
    """The components of the section.

    Attributes:
        board: All that is shown.
        model: Name of the model that is shown to this visitor.
    """

    board: gr.HTML
    model: gr.State


def board_of(engine: Engine) -> Markup:
    """Return the section's HTML for the model that is served."""
    return harm_text.missing(engine.name)


def section(engine: Engine) -> HarmSection:
    """Lay the section out; to be called inside a `gr.Blocks`."""
    return HarmSection(gr.HTML(board_of(engine), elem_id="harm"), gr.State(engine.name))


def wire(made: HarmSection, engine: Engine, events: list[Callable[..., Any]]) -> None:
    """Show what was measured of the present model.

    Args:
        made: The components.
        engine: Knows the model, which any visitor may have changed.
        events: `Blocks.load` and the like.
    """

    def refresh(shown: str) -> tuple[Any, Any]:
        if shown == engine.name:
            return gr.skip(), gr.skip()
        return board_of(engine), engine.name

    for event in events:
        event(
            refresh,
            inputs=made.model,
            outputs=[made.board, made.model],
            queue=False,
            show_progress="hidden",
            api_visibility="private",
        )
