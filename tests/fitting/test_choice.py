import json
from dataclasses import dataclass, field, replace

import pytest

from steering.artifacts.resumable import Stages
from steering.fitting.candidates import key_of
from steering.fitting.choice import FULL, QUICK, Effort, choose_points
from steering.fitting.scoring import Score


@dataclass
class Bench:
    """A bench without a model: the deeper a point, the better; it counts what it is asked."""

    size: int = 9
    asked: list = field(default_factory=list)

    def first(self, n):
        return replace(self, size=min(n, self.size))

    def screen(self, _directions, point):
        self.asked.append(("screen", self.size, point))
        return {"bypass": -float(point[1]), "induce": 1.0, "kl": 0.0}

    def score(self, _directions, point):
        self.asked.append(("score", self.size, point))
        return Score(*point, -float(point[1]), 1.0, 1.0, 0.0, self.size)

    def flip_score(self, _directions, point):
        self.asked.append(("flip", self.size, point))
        return float(point[1])


@pytest.fixture
def stages(monkeypatch, tmp_path) -> Stages:
    monkeypatch.setenv("STEERING_CACHE", str(tmp_path))
    return Stages(["choice"])


def test_the_best_of_the_finalists_is_taken_and_all_scores_are_kept(fitted, stages):
    bench = Bench()
    chosen, record = choose_points(fitted, bench, stages, 24, Effort(screened=2, finalists=3))
    assert chosen.dim_point[1] == 3
    assert chosen.inlp_point in fitted.inlp
    assert list(record["dim_screening"]) == [key_of(point) for point in fitted.inlp]
    assert len(record["dim_scores"]) == 3
    assert json.loads(json.dumps(record))["dim_scores"] == record["dim_scores"]
    # The first round asks few prompts, the second and the flips ask all.
    assert {(step, size) for step, size, _ in bench.asked} == {
        ("screen", 2),
        ("score", 9),
        ("flip", 9),
    }


def test_fewer_points_are_evenly_spaced_in_all_of_them(fitted, stages):
    bench = Bench()
    choose_points(fitted, bench, stages, 24, Effort(points=3, validation=4))
    screened = [point for step, _, point in bench.asked if step == "screen"]
    assert screened == list(fitted.inlp)[::2]
    assert {size for step, size, _ in bench.asked if step == "score"} == {4}


def test_scores_are_computed_once_and_those_of_another_effort_are_others(fitted, stages):
    first = choose_points(fitted, Bench(), stages, 24, FULL)[1]
    again = Bench()
    assert choose_points(fitted, again, stages, 24, FULL)[1] == first
    assert again.asked == []
    choose_points(fitted, again, stages, 24, Effort(screened=2))
    assert again.asked


def test_the_full_effort_tries_every_point_and_prompt():
    assert FULL.points is FULL.validation is FULL.answered is None
    assert QUICK.points < 90
    assert QUICK.screened < FULL.screened
