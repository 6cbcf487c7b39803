"""Answers of a model to sets of prompts, of which nothing is kept on disk."""

from steering.evaluation.answers import AnswerRow, answer_resumably
from steering.maps.steerable_model import SteerableModel


class NothingKept:
    """Stages that forget."""

    def lines(self, _name, keys, compute) -> list:
        return [compute(key) for key in keys]


def answer_all(model, directions, sets, panels, **options) -> list[AnswerRow]:
    rows, _ = answer_resumably(
        SteerableModel(model, directions), sets, panels, NothingKept(), **options
    )
    return rows
