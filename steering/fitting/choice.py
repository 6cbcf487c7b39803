"""Chooses where directions are taken and how the app's sliders start, by trying on a bench.

The rules are those of `selection` and `starts`; how much is tried is an `Effort`.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, Final

from steering.artifacts.fronts import front
from steering.artifacts.resumable import Stages
from steering.data.splits import PromptSplits, evenly
from steering.fitting.point_keys import key_of, point_of
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
from steering.interventions.directions import Directions, ExtractionPoint
from steering.interventions.outline import Start
from steering.models.chat_model import ChatModel


@dataclass(frozen=True)
class Effort:
    """How much work goes into choosing points, rank and coefficient; fitting is always the same.

    Attributes:
        points: Places that are screened at most, evenly spaced in all of them; None for all.
        screened: Prompts of each class in the first round.
        finalists: Places that go on to the second round.
        validation: Prompts of each class in the second round, at most; None for all that the first
            round left, which are other ones as long as 8 of a class are.
        answered: Validation prompts that are answered to choose rank and coefficient; None for all.
        tokens: Length of these answers.
    """

    points: int | None = None
    screened: int = SCREENED
    finalists: int = FINALISTS
    validation: int | None = None
    answered: int | None = None
    tokens: int = CHOICE_TOKENS


INLP_KINDS: Final = ("flip", "nullspace")
"""Interventions along INLP's directions; the place of either is chosen by itself."""
_Scoring = Callable[[Directions, ExtractionPoint], Score]

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
    few, others = bench.first(effort.screened), bench.after(effort.screened)
    if effort.validation is not None:
        others = others.first(effort.validation)
    # Scores on fewer prompts are other scores, and so are those of other directions.
    less = "" if effort == FULL else f", {effort.screened} and {effort.validation} prompts"
    less += f", {directions.digest[:8]}"

    def scored(name: str, chosen: list[ExtractionPoint], score: _Scoring) -> list[Score]:
        lines = stages.lines(
            f"{name}{less}",
            [key_of(point) for point in chosen],
            lambda key: asdict(score(directions, point_of(key))),
        )
        return [Score(**line) for line in lines]

    first = scored("DiM points, first round, scores", points, few.score)
    screened = dict(zip(points, first, strict=True))
    best = finalists(screened, effort.finalists)
    scores = scored("DiM points, other prompts", best, others.score)
    dim = choose_dim(scores)
    leading = evenly(leading_points(directions.inlp, n=2 * n_train), effort.points)
    tables = {
        kind: scored(f"INLP points, {kind}", leading, partial(others.score_inlp, kind=kind))
        for kind in INLP_KINDS
    }
    chosen: dict[str, Choice] = {
        kind: choose_inlp(table, tried=len(directions.inlp)) for kind, table in tables.items()
    }
    record = {
        "dim_choice": asdict(dim),
        "inlp_choice": asdict(chosen["flip"]),
        "nullspace_choice": asdict(chosen["nullspace"]),
        "dim_scores": as_rows(scores),
        "dim_screening": {key_of(point): asdict(row) for point, row in screened.items()},
        "inlp_scores": {key_of(row.point): row.bypass for row in tables["flip"]},
        "inlp_tables": {kind: as_rows(table) for kind, table in tables.items()},
        "fronts": {
            "ablation": front(as_rows(first), dim.point),
            **{kind: front(as_rows(tables[kind]), chosen[kind].point) for kind in INLP_KINDS},
        },
        "rounds": {"first": few.sizes, "second": others.sizes},
    }
    found = replace(
        directions,
        dim_point=dim.point,
        inlp_point=chosen["flip"].point,
        nullspace=Start(chosen["nullspace"].point, 1),
    )
    return found, record
