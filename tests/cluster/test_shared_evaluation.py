from dataclasses import replace

import pytest

from steering.cluster import crew
from steering.data.prose import Passage
from steering.evaluation import evaluation_arms, extent
from steering.evaluation.eraser_arms import with_erasers
from steering.evaluation.evaluation import Evaluation, EvaluationSettings, evaluate
from steering.maps.steerable_model import SteerableModel

pytestmark = pytest.mark.slow


def test_a_worker_answers_comparison_erasers_and_longer_answers_as_one_process_does(
    tiny, controlled, charted, prompts, threads, asked, tmp_path, monkeypatch
):
    """All three are stages of one name. One worker: threads cannot edit one model at a time."""
    arms = evaluation_arms.arms(controlled)[:3]
    settings = EvaluationSettings(
        tokens=4,
        passages=[Passage("note", ("A grey cat slept on the mat.",))],
        extent=replace(extent.whole(controlled), long=arms, long_tokens=6),
    )

    def work(_options) -> Evaluation:
        more = with_erasers(arms, controlled)[len(arms) :][:2]
        assert more
        sets = {name: texts[:2] for name, texts in prompts.items()}
        steerable = SteerableModel(tiny, controlled, charted)
        return evaluate(steerable, sets, arms, settings, more=more)

    shared = crew.run(asked(1, "auto"), work)
    assert threads.begun == 1
    monkeypatch.setenv("STEERING_CACHE", str(tmp_path / "one"))
    alone = crew.run(asked(1), work)
    assert threads.begun == 1
    assert shared.document == alone.document
    assert shared.rows == alone.rows
