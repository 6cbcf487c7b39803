"""Two axes of a model: how harmful a request looks to it, and whether it is about to refuse.

After Zhao et al. 2025 (arXiv:2507.11878): harm is read at the last token of the instruction,
refusal at the last token of the template, each along a difference in means.

    harm:     mean(harmful) - mean(harmless), by label
    refusal:  mean(refused) - mean(answered), by behaviour, harm held equal

The paper takes refused harmful against answered harmless prompts at both tokens, so that both
directions hold both differences. Here the refusal direction is the mean, over harmful and harmless
prompts, of the difference within each; a label counts that has enough of both.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from steering.anatomy.separation import auc_interval
from steering.artifacts.harm_document import AxisEntry
from steering.errors import SteeringError
from steering.inference.metrics import refusal_score
from steering.inference.next_token import after_beginning, common_length, shares_beginning
from steering.intervals import Interval
from steering.models import overflow
from steering.models.chat_model import ChatModel, reading
from steering.system.progress import tell

FEWEST_OF_A_LABEL: Final = 8
"""Refused, and answered, training prompts of a label from which on it counts (chosen, as the
filter of the directions)."""
_BATCH: Final = 16
_ERRORS_BETWEEN_ENDS: Final = 2 * 1.96
"""Standard errors between the ends of a 95 % interval."""


@dataclass(frozen=True, eq=False)
class ReadRequests:
    """What was read of requests at the two tokens.

    Attributes:
        states: Block inputs at the last token of the instruction, and of the template.
        scores: Refusal score of the next token, in nats; above 0 is a refusal.
    """

    states: Float[Tensor, "prompt 2 layer d_model"]
    scores: Float[Tensor, " prompt"]


def places(model: ChatModel) -> tuple[int, int]:
    """Return the positions of the instruction's last token and of the template's, from the end."""
    return -len(model.suffix) - 1, -1


def read_requests(model: ChatModel, texts: Sequence[str], what: str = "prompt") -> ReadRequests:
    """Read every request once, without edits.

    Args:
        model: A loaded chat model, with the openers that its refusals are told by.
        texts: The requests.
        what: What an error calls them.

    Raises:
        SteeringError: If a request cannot be rendered, or its numbers are not finite.
    """
    rows = model.render_all(texts, what=what)
    positions, layers = places(model), range(model.n_layers)
    longest = min(map(len, rows)) + positions[0]
    shared = shares_beginning(model, rows) if len(rows) > 1 else False
    prefix = min(common_length(rows), longest) if shared else 0
    states = torch.empty(len(rows), 2, model.n_layers, model.d_model)
    scores = torch.empty(len(rows))
    order = sorted(range(len(rows)), key=lambda index: len(rows[index]))
    size = model.together(_BATCH)
    for start in range(0, len(order), size):
        chunk = order[start : start + size]
        some = [rows[index] for index in chunk]
        with model.turn():
            rest, cache = after_beginning(model, some, prefix)
            with reading(model, layers, positions) as seen:
                output = model.run(rest, keep=1, cache=cache, use_cache=cache is not None)
        for layer in layers:
            states[chunk, :, layer] = seen[layer].float().cpu()
        overflow.require(states[chunk].isfinite().flatten(1).all(dim=1), model, some)
        scores[chunk] = refusal_score(output.logits[:, -1].float().cpu(), model.opener_ids).float()
        tell("Reading requests", start + len(chunk), len(order), "prompt")
    return ReadRequests(states, scores)


@dataclass(frozen=True, eq=False)
class ClassMeans:
    """Means of two classes at every layer: what an axis points to, and away from.

    `sizes` counts the prompts behind them.
    """

    to: Float[Tensor, "layer d_model"]
    away: Float[Tensor, "layer d_model"]
    sizes: tuple[int, int]


def harm_means(read: Mapping[str, ReadRequests]) -> ClassMeans:
    """Return the means of harmful and harmless prompts at the instruction's last token."""
    harmful, harmless = (read[name].states[:, 0].double() for name in ("harmful", "harmless"))
    return ClassMeans(harmful.mean(0), harmless.mean(0), (len(harmful), len(harmless)))


def refusal_means(read: Mapping[str, ReadRequests]) -> ClassMeans:
    """Return the means of refused and answered prompts at the template's last token.

    Every label that has enough of both counts alike.

    Raises:
        SteeringError: If no label has.
    """
    refused, answered, sizes = [], [], [0, 0]
    for name in ("harmful", "harmless"):
        states, opens = read[name].states[:, 1].double(), read[name].scores > 0
        counts = int(opens.sum()), int((~opens).sum())
        if min(counts) >= FEWEST_OF_A_LABEL:
            refused.append(states[opens].mean(0))
            answered.append(states[~opens].mean(0))
            sizes = [sizes[0] + counts[0], sizes[1] + counts[1]]
    if not refused:
        raise SteeringError(
            f"a refusal axis needs {FEWEST_OF_A_LABEL} training prompts of one label that the "
            "model begins to refuse, and as many that it does not; there are fewer, so this model "
            "has none"
        )
    to, away = (torch.stack(each).mean(0) for each in (refused, answered))
    return ClassMeans(to, away, (sizes[0], sizes[1]))


def axis_at(means: ClassMeans, place: int, layer: int, validation: float | None) -> AxisEntry:
    """Return the axis between two means at one layer.

    Raises:
        SteeringError: If the means are one there.
    """
    difference = means.to[layer] - means.away[layer]
    length = float(difference.norm())
    if length == 0:
        raise SteeringError(f"the class means are the same at block {layer}; take another layer")
    unit = difference / length
    ends = float(means.to[layer] @ unit), float(means.away[layer] @ unit)
    return {
        "position": place,
        "layer": layer,
        "direction": [round(value, 7) for value in unit.tolist()],
        "middle": sum(ends) / 2,
        "half": length / 2,
        "train": means.sizes,
        "validation": validation,
    }


def along(axis: AxisEntry, states: Float[Tensor, "prompt d_model"]) -> Float[np.ndarray, " prompt"]:
    """Return where states lie on an axis: 1 and -1 at the class means of its training prompts."""
    unit = torch.tensor(axis["direction"], dtype=torch.float64)
    found: Float[np.ndarray, " prompt"] = (
        ((states.double() @ unit) - axis["middle"]) / axis["half"]
    ).numpy()
    return found


def chosen_axis(
    means: ClassMeans,
    place: int,
    states: Float[Tensor, "prompt layer d_model"],
    positive: Sequence[bool],
    strata: Sequence[str] | None = None,
) -> AxisEntry:
    """Return the axis at the first layer that tells validation prompts apart as well as the best.

    As well as: its AUC is less than one standard error of the best one below it. The very best of
    many layers is chosen by chance among those, and it often is one of the last, where a step
    along the axis comes too late to be worked with. Block 0 is left out: its input is the token
    alone, whatever stands before it.

    Args:
        means: Of training prompts.
        place: Of the token, for the entry.
        states: Of validation prompts at that token.
        positive: Which of them belong to the class that the axis points to.
        strata: What has to be equal in prompts that are compared; None for nothing.
    """
    held, truth = None if strata is None else np.array(strata), np.array(positive)
    found: dict[int, Interval] = {}
    for layer in range(1, states.shape[1]):
        unit = means.to[layer] - means.away[layer]
        told = auc_interval((states[:, layer].double() @ unit).numpy(), truth, held)
        if told is not None:
            found[layer] = told
    if not found:  # nothing to choose by: half the depth, as of contrasts
        return axis_at(means, place, max(1, states.shape[1] // 2), None)
    best = max(found.values(), key=lambda told: told.estimate)
    least = best.estimate - (best.high - best.low) / _ERRORS_BETWEEN_ENDS
    layer = next(layer for layer, told in found.items() if told.estimate >= least)
    return axis_at(means, place, layer, found[layer].estimate)
