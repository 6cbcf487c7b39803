"""What holds for all cards: length, randomness and system prompt of the answers."""

import math
from dataclasses import dataclass
from typing import Any

import gradio as gr

from steering.inference.sampling import Sampling
from steering.ui.playground import typed_numbers
from steering.ui.playground.asked import Values


@dataclass(frozen=True)
class SharedSettings:
    """The fields; `sampling` says what they mean."""

    length: gr.Slider
    temperature: gr.Slider
    top_p: gr.Slider
    seed: gr.Number
    system: gr.Textbox

    @property
    def components(self) -> list[Any]:
        """All fields: what a handler is given, and what a reset sets."""
        return [self.length, self.temperature, self.top_p, self.seed, self.system]

    @property
    def numbers(self) -> list[gr.Slider | gr.Number]:
        """The fields that say how answers are drawn, as `links.NUMBERS` names them."""
        return [self.length, self.temperature, self.top_p, self.seed]

    def sampling(self, values: Values) -> Sampling:
        """Return how answers are drawn; raises SteeringError if a number does not fit."""

        def read(name: str, field: gr.Slider | gr.Number, *, whole: bool = False) -> float:
            # The fields' own ends: what a host allows may be less than what can be computed.
            high = math.inf if field.maximum is None else field.maximum
            low = field.minimum or 0
            return typed_numbers.number(name, values[field], low=low, high=high, whole=whole)

        return Sampling(
            max_new_tokens=int(read("the longest answer", self.length, whole=True)),
            temperature=read("temperature", self.temperature),
            top_p=read("top-p", self.top_p),
            seed=int(read("the seed", self.seed, whole=True)),
        )


def shared_settings(max_new_tokens: int) -> SharedSettings:
    """Lay the fields out; to be called inside a `gr.Blocks`.

    Args:
        max_new_tokens: Length of an answer to start with, in tokens.
    """
    # Not in a fold: Gradio makes what is in it when it is opened, and a link reads the fields.
    with gr.Column(elem_id="shared", min_width=0):
        return SharedSettings(
            length=gr.Slider(
                8,
                max(256, max_new_tokens),
                value=max_new_tokens,
                step=8,
                label="Longest answer, in tokens (about ¾ of a word each)",
                buttons=[],
                elem_id="length",
            ),
            temperature=gr.Slider(
                0,
                2,
                value=0,
                step=0.1,
                label="Temperature: 0 always takes the likeliest token, more is more random",
                buttons=[],
                elem_id="temperature",
            ),
            top_p=gr.Slider(
                0.05,
                1,
                value=1,
                step=0.05,
                label="Top-p: choose among the likeliest tokens with this much probability",
                buttons=[],
                elem_id="top-p",
            ),
            seed=gr.Number(
                value=0,
                precision=0,
                minimum=0,
                label="Seed: the same number gives the same answers again",
                elem_id="seed",
            ),
            system=gr.Textbox(
                value="",
                label="System prompt: an instruction before the request "
                "(empty: the template's own)",
                lines=1,
                max_lines=6,
                elem_id="system",
            ),
        )
