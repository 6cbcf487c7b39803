import json
from dataclasses import dataclass, field, replace

import pytest

from steering.artifacts.resumable import Stages
from steering.fitting import choice
from steering.fitting.choice import FULL, QUICK, Effort, choose_points
from steering.fitting.point_keys import key_of
from steering.fitting.scoring import Score


@dataclass
class Bench:
    """A bench without a model: the deeper a point, the better; it counts what it is asked."""

    size: int = 9
    asked: list = field(default_factory=list)

    def first(self, n):
        return replace(self, size=min(n, self.size))

    def after(self, n):
        return replace(self, size=self.size - n)

    @property
    def sizes(self):
        return {"harmful": self.size, "harmless": self.size}

    def score(self, _directions, point):
        self.asked.append(("score", self.size, point))
        return Score(*point, -float(point[1]), 1.0, 1.0, 0.01 * point[1], self.size)

    def score_inlp(self, _directions, point, kind):
        self.asked.append((kind, self.size, point))
        deeper = 1 if kind == "nullspace" else -1
        return Score(*point, -deeper * float(point[1]), 1.0, 1.0, 0.0, self.size)


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
    # The first round asks few prompts, the second and INLP ask the others.
    assert {(step, size) for step, size, _ in bench.asked} == {
        ("score", 2),
        ("score", 7),
        ("flip", 7),
        ("nullspace", 7),
    }
    assert record["rounds"]["first"] == {"harmful": 2, "harmless": 2}
    assert record["rounds"]["second"] == {"harmful": 7, "harmless": 7}


def test_the_place_of_either_edit_along_inlp_is_chosen_by_itself(fitted, stages, monkeypatch):
    monkeypatch.setattr(choice, "leading_points", lambda found, n: list(found))
    chosen, record = choose_points(fitted, Bench(), stages, 24, Effort(screened=2))
    assert chosen.inlp_point[1] == record["inlp_choice"]["layer"] == 1
    assert record["nullspace_choice"]["layer"] == 3
    for kind in ("flip", "nullspace"):
        assert [row["chosen"] for row in record["fronts"][kind]].count(True) == 1
    assert len(record["inlp_tables"]["nullspace"]) == len(fitted.inlp)


def test_the_front_of_ablation_has_the_chosen_place_and_nothing_that_another_beats(fitted, stages):
    chosen, record = choose_points(fitted, Bench(), stages, 24, Effort(screened=2))
    rows = record["fronts"]["ablation"]
    assert [row["layer"] for row in rows if row["leads"]] == [1, 2, 3]
    (taken,) = [row for row in rows if row["chosen"]]
    assert (taken["position"], taken["layer"]) == chosen.dim_point


def test_fewer_points_are_evenly_spaced_in_all_of_them(fitted, stages):
    bench = Bench()
    choose_points(fitted, bench, stages, 24, Effort(screened=2, points=3, validation=4))
    screened = [point for step, size, point in bench.asked if (step, size) == ("score", 2)]
    assert screened == list(fitted.inlp)[::2]
    assert {size for step, size, _ in bench.asked if step == "flip"} == {4}


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
