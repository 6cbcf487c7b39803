"""Answers of a model to sets of prompts, of which nothing is kept on disk."""

from steering.evaluation.answers import AnswerRow, answer_resumably
from steering.inference.generation import Sampling
from steering.interventions.panel import parse
from steering.maps.steerable_model import SteerableModel

SIX = Sampling(max_new_tokens=6)


class NothingKept:
    """Stages that forget."""

    def streamed(self, _name, keys, compute, groups=None) -> list:
        found = dict(compute(list(dict.fromkeys(keys))))
        return [found[key] for key in keys]


def answer_all(model, directions, sets, panels, **options) -> list[AnswerRow]:
    rows, _ = answer_resumably(
        SteerableModel(model, directions), sets, panels, NothingKept(), **options
    )
    return rows


def answers(model, directions, sets, *panels: str, rows_per_batch: int = 32) -> list[AnswerRow]:
    """Answers of six tokens under panels in their text form."""
    parsed = [parse(panel) for panel in panels]
    return answer_all(model, directions, sets, parsed, sampling=SIX, rows_per_batch=rows_per_batch)
