"""Chooses where directions are taken and how the app's sliders start, by trying on a bench.

The rules are those of `selection` and `starts`; how much is tried is an `Effort`.
"""

from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from steering.artifacts.resumable import Stages
from steering.data.splits import PromptSplits, evenly
from steering.fitting.candidates import key_of, point_of
from steering.fitting.point_selection import (
    FINALISTS,
    SCREENED,
    Choice,
    as_rows,
    choose_inlp,
    finalists,
    leading_points,
)
from steering.fitting.point_selection import choose as choose_dim
from steering.fitting.scoring import Bench, Score
from steering.fitting.start_values import CHOICE_TOKENS, Starts
from steering.interventions.directions import Directions
from steering.models.chat_model import ChatModel


@dataclass(frozen=True)
class Effort:
    """How much work goes into choosing points, rank and coefficient; fitting is always the same.

    Attributes:
        points: Places that are screened at most, evenly spaced in all of them; None for all.
        screened: Prompts of each class in the first round.
        finalists: Places that go on to the second round.
        validation: Prompts of each class in the second round, at most; None for all.
        answered: Validation prompts that are answered to choose rank and coefficient; None for all.
        tokens: Length of these answers.
    """

    points: int | None = None
    screened: int = SCREENED
    finalists: int = FINALISTS
    validation: int | None = None
    answered: int | None = None
    tokens: int = CHOICE_TOKENS


FULL: Final = Effort()
QUICK: Final = Effort(points=30, screened=6, finalists=3, validation=16, answered=12, tokens=20)
"""Ten minutes for the default model on two cores without bfloat16 instructions (chosen)."""


def choose(
    model: ChatModel,
    directions: Directions,
    splits: PromptSplits,
    stages: Stages,
    *,
    effort: Effort,
    sizes: tuple[int, int],
) -> tuple[Directions, dict[str, Any]]:
    """Choose points, rank and coefficient on validation prompts.

    Args:
        model: A loaded chat model.
        directions: Fitted everywhere, nothing chosen yet.
        splits: The prompts.
        stages: Keeps scores and answers.
        effort: How much is tried.
        sizes: Prompts per forward pass, and rows per batch while answers are generated.

    Returns:
        The directions, and what a manifest says of the choice.
    """
    batch_size, rows_per_batch = sizes
    bench = Bench.prepared(
        model,
        model.render_all(splits.validation["harmful"], what="harmful prompt"),
        model.render_all(splits.validation["harmless"], what="harmless prompt"),
        batch_size=batch_size,
    )
    directions, choices = choose_points(
        directions, bench, stages, len(splits.train["harmful"]), effort
    )
    starts = Starts(model, splits, stages, rows_per_batch, effort.answered, effort.tokens)
    directions, defaults = starts.choose(directions)
    kept = {"harmful": len(bench.harmful), "harmless": len(bench.harmless)}
    tried = {} if effort == FULL else {"effort": asdict(effort)}
    return directions, {"validation_kept": kept, **tried, **choices, **defaults}


def choose_points(
    directions: Directions,
    bench: Bench,
    stages: Stages,
    n_train: int,
    effort: Effort = FULL,
) -> tuple[Directions, dict[str, Any]]:
    """Choose where difference in means and INLP are taken, by the rules of `selection`.

    Args:
        directions: Fitted everywhere, no point chosen yet.
        bench: Validation prompts.
        stages: Keeps the scores.
        n_train: Training prompts of the smaller class: INLP's accuracies are over twice as many.
        effort: How many points and prompts take part.

    Returns:
        The directions with their points, and all scores as JSON types.
    """
    points = evenly(list(directions.inlp), effort.points)
    few = bench.first(effort.screened)
    # Scores on fewer prompts are other scores.
    less = "" if effort == FULL else f", {effort.screened} and {effort.validation} prompts"
    less += f", {directions.digest[:8]}"  # and so they are of other directions
    screening = stages.lines(
        f"DiM points, first round{less}",
        [key_of(point) for point in points],
        lambda key: few.screen(directions, point_of(key)),
    )
    screened = dict(zip(points, screening, strict=True))
    if effort.validation is not None:
        bench = bench.first(effort.validation)
    table = stages.lines(
        f"DiM points, finalists{less}",
        [key_of(point) for point in finalists(screened, effort.finalists)],
        lambda key: asdict(bench.score(directions, point_of(key))),
    )
    scores = [Score(**entry) for entry in table]
    dim = choose_dim(scores)
    leading = evenly(leading_points(directions.inlp, n=2 * n_train), effort.points)
    flips = stages.lines(
        f"INLP points{less}",
        [key_of(point) for point in leading],
        lambda key: {"flip": bench.flip_score(directions, point_of(key))},
    )
    flip_scores = {point: entry["flip"] for point, entry in zip(leading, flips, strict=True)}
    chosen: Choice = choose_inlp(flip_scores, tried=len(directions.inlp))
    record = {
        "dim_choice": asdict(dim),
        "inlp_choice": asdict(chosen),
        "dim_scores": as_rows(scores),
        "dim_screening": {key_of(point): row for point, row in screened.items()},
        "inlp_scores": {key_of(point): score for point, score in flip_scores.items()},
    }
    return replace(directions, dim_point=dim.point, inlp_point=chosen.point), record
