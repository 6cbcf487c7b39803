"""Whether a model's numbers stay finite in the number format that it was loaded in.

float16 ends at 65,504. Models whose residual stream grows beyond it give infinities there, with or
without an edit; bitsandbytes' int8 kernels go through float16 as well. So the calibration prompts
are run once, untouched and under each of the paper's edits, and every block's input is looked at.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import torch

from steering.adaptation import loaded
from steering.artifacts import store
from steering.data.prompts import prompt_set
from steering.errors import SteeringError
from steering.interventions.edits import Edit, compile_edits, intervene
from steering.interventions.panel import parse, usual
from steering.models.chat_model import ChatModel, reading

TRIAL_PROMPTS: Final = 8
"""Training prompts that are run, half of each class (chosen: growth is a matter of the model)."""
INDUCING: Final = "actadd:c=2"
"""The largest addition that the comparison makes, beside the edits that the app starts with."""


def trial(model: ChatModel, asked: Path | None = None) -> str | None:
    """Return where numbers overflow, in words; None where they stay finite.

    Edits take part where the model has directions that fit it, each for itself: what imported
    directions lack leaves out one edit and not those behind it.

    Args:
        model: A loaded chat model.
        asked: Folder of the directions that it will be served with, as the user named it.
    """
    edits: dict[str, Edit | None] = {"untouched": None}
    with suppress(SteeringError):  # Without directions there is nothing to edit with.
        directions = store.load(model.name, loaded.folder_for(model, asked))
        directions.require(model.name, n_layers=model.n_layers, d_model=model.d_model)
        for text in (*usual(directions), INDUCING):
            with suppress(SteeringError):
                edits[text] = parse(text).edit(directions)
    return overflow(model, [model.render(text) for text in prompts()], edits)


def prompts() -> list[str]:
    """Return the prompts that are run: the same ones always."""
    half = TRIAL_PROMPTS // 2
    return [
        found[index * len(found) // half].text
        for found in (prompt_set("harmful", "train"), prompt_set("harmless", "train"))
        for index in range(half)
    ]


def overflow(
    model: ChatModel, rows: Sequence[Sequence[int]], edits: Mapping[str, Edit | None]
) -> str | None:
    """Return the first layer and edit at which a number is not finite, in words, or None.

    Args:
        model: A loaded chat model.
        rows: Token ids of the prompts.
        edits: What is done to all rows, by the name it is told by.
    """
    layers = range(model.n_layers)
    for name, edit in edits.items():
        for row in rows:
            program = compile_edits([edit], device=model.device)
            with intervene(model, program), reading(model, layers) as states:
                logits = model.next_token_logits([row])
            broken = [layer for layer in layers if not bool(torch.isfinite(states[layer]).all())]
            if broken:
                return f"numbers overflow at the input of layer {broken[0]} ({name})"
            if not bool(torch.isfinite(logits).all()):
                return f"the logits overflow ({name})"
    return None
