"""Longer answers of a few arms: loops, second thoughts and late refusals need room.

Within 48 tokens a text hardly has the time to repeat itself: a loop of one model that was looked at
began at the 96th token.
"""

from collections.abc import Mapping, Sequence

from steering.artifacts.resumable import Stages
from steering.evaluation.answers import AnswerRow, answer_resumably
from steering.evaluation.evaluation_arms import Arm
from steering.inference.generation import Sampling
from steering.maps.steerable_model import SteerableModel

_SETS = ("harmful", "harmless")


def answer_at_length(
    steerable: SteerableModel,
    sets: Mapping[str, Sequence[str]],
    arms: Sequence[Arm],
    stages: Stages,
    *,
    tokens: int,
    rows_per_batch: int,
) -> tuple[list[AnswerRow], int]:
    """Answer harmful and harmless prompts under the arms, at length; a stopped run goes on.

    Args:
        steerable: A loaded chat model with its directions.
        sets: Prompts by the name of their set; others are left out.
        arms: The baseline first; none for no answers.
        stages: Keeps the answers.
        tokens: Length, as far as the model's context has room for it.
        rows_per_batch: Rows that are answered at once.

    Returns:
        The answers, and the length that they had room for.
    """
    asked = {name: sets[name] for name in _SETS if sets.get(name)}
    if not arms or not asked:
        return [], tokens
    model = steerable.model
    longest = max(
        len(ids)
        for name, texts in asked.items()
        for ids in model.render_all(texts, what=f"{name} prompt")
    )
    # What has no room even for one token is refused where it is answered.
    tokens = max(1, min(tokens, model.context_length - longest))
    rows, _ = answer_resumably(
        steerable,
        asked,
        [arm.panel for arm in arms],
        stages,
        sampling=Sampling(max_new_tokens=tokens),
        rows_per_batch=rows_per_batch,
    )
    return rows, tokens
