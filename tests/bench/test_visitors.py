"""Visitors at once, against the page as it is served."""

import time
from types import SimpleNamespace

import pytest

from steering.bench import crowd_report, visitors
from steering.bench.visitors import Crowd, Runs
from steering.errors import SteeringError

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def test_visitors_come_think_and_leave_and_every_text_is_the_one_alone(served, monkeypatch):
    monkeypatch.setattr(visitors, "THINK_SECONDS", (0.05, 0.2))
    monkeypatch.setattr(visitors, "_LEAVING", (0.0, 0.0))  # in their first run, however long it is
    handle = served.engine.model.network.register_forward_pre_hook(lambda *_: time.sleep(0.01))
    try:
        app = SimpleNamespace(url=served.url, log=[], wait_until_ready=lambda: "float32")
        seen = visitors.watch(app, Crowd(6, 0.07), tokens=16)
    finally:
        handle.remove()
    runs = [run for _, run in seen.crowd.runs]
    assert [run.trouble for run in runs if run.trouble] == []
    assert sum(run.finished for run in runs) >= 4
    assert sum(run.left for run in runs) == Crowd(6).leavers == 2
    assert {prompt for prompt, _ in seen.before.runs} == set(visitors.CROWD_REQUESTS)
    alone = crowd_report.texts_alone(seen)
    assert len(set(alone.values())) > len(visitors.CROWD_REQUESTS)  # there was something to mix up
    assert crowd_report.compare_texts(seen.crowd.runs, alone) == (0, 0)


@pytest.mark.parametrize("given", [(2, 5.0), (30, 0.0), (30, -1.0), (30, 61.0), (30, float("nan"))])
def test_a_crowd_that_shows_nothing_is_refused(given):
    with pytest.raises(SteeringError, match="show nothing; allowed: from 3 visitors"):
        Crowd(*given)


def test_a_run_counts_by_the_part_of_it_that_lay_in_the_time():
    def run(began, ended, finished=True):
        return "", SimpleNamespace(began=began, ended=ended, finished=finished, growth=[])

    stretch = Runs(0.0, 10.0, [run(0.0, 5.0), run(5.0, 15.0), run(6.0, 8.0, finished=False)])
    assert stretch.within == pytest.approx(1.5)
    assert Runs(0.0, 10.0, [run(12.0, 15.0)]).within == 0


def test_tokens_count_that_came_in_the_time():
    growth = [(1.0, 10), (9.0, 20), (11.0, 40)]
    assert Runs(0.0, 10.0, [("", SimpleNamespace(growth=growth))] * 2).tokens_a_second == 6.0
