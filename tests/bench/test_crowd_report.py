"""What is said of visitors, from what was seen."""

import json
import math
from types import SimpleNamespace

import pytest

from steering.bench.crowd_report import compare_texts, percentile, report, steps_until_free
from steering.bench.streamed_run import Shown, StreamedRun
from steering.bench.visitors import Runs, Seen

TEXTS = {
    "one": {"baseline": "I cannot help you with that today.", "flip": "Take a screwdriver first."},
    "two": {
        "baseline": "Paris is the capital of France now.",
        "flip": "Berlin, or so they say it.",
    },
}


def run(prompt, began=0.0, ended=10.0, **more):
    cards = [Shown(panel, text, 5) for panel, text in TEXTS[prompt].items()]
    found = StreamedRun(began, began + 1, began + 2, ended, "Done", cards)
    found.growth = [(began + 2, 4), (ended, 6)]
    for name, value in more.items():
        setattr(found, name, value)
    return prompt, found


def seen(*runs, seconds=10.0):
    alone = Runs(0.0, 40.0, [run("one"), run("two")])
    return Seen(alone, Runs(0.0, seconds, list(runs)), Runs(0.0, 10.0, [run("one")]))


def shown(found, log=()):
    app = SimpleNamespace(wait_until_ready=lambda: "float32", log=list(log))
    return report(found, app, model="tiny", tokens=5)


def figures(document):
    return {each["name"]: each for each in document["figures"]}


ALONE = {(prompt, panel): text for prompt, each in TEXTS.items() for panel, text in each.items()}


def with_text(prompt, text, **more):
    key, found = run(prompt, **more)
    found.cards[1] = Shown("flip", text, 5)
    return key, found


@pytest.mark.parametrize(
    ("visited", "expected"),
    [
        (run("one"), (0, 0)),
        (with_text("one", "Take a screwdriver again."), (1, 0)),  # a tie of two tokens
        (with_text("one", TEXTS["two"]["flip"]), (0, 1)),
        (with_text("one", TEXTS["two"]["flip"][:24] + "!"), (0, 1)),
        (with_text("one", "Take a", left=True), (0, 0)),
        (with_text("one", "Take a"), (1, 0)),  # whoever stayed has to see all of it
        (with_text("one", "Take b", left=True), (1, 0)),
        (run("one", cards=[Shown("baseline", TEXTS["one"]["baseline"], 5)]), (0, 1)),
        (with_text("one", TEXTS["two"]["flip"], trouble="lost"), (0, 0)),
    ],
)
def test_a_text_is_the_own_one_another_one_or_somebody_elses(visited, expected):
    assert compare_texts([visited], ALONE) == expected


def test_the_cost_of_a_visitor_is_compared_with_both_times_alone():
    document = shown(seen(run("one"), run("two"), run("one", ended=20.0)))
    # Two and a half runs in 10 s, against 20 s and 10 s for one.
    assert document["seconds"]["a visitor at once"] == pytest.approx(4.0)
    (row,) = document["rows"]
    assert (row["low"], row["high"]) == pytest.approx((0.2, 0.4))
    assert row["ratio"] == pytest.approx(0.3)
    assert not row["met"]
    assert json.loads(json.dumps(document)) == document


def test_runs_are_counted_by_how_they_ended():
    runs = [
        run("one"),
        run("one", left=True),
        run("one", trouble="lost: an error"),
        run("one", trouble="stuck"),
        run("one", trouble="refused: 20 requests are waiting already"),
        with_text("two", TEXTS["one"]["flip"]),
    ]
    document = shown(seen(*runs))
    assert document["missing"]["answers of run 3"] == "lost: an error"
    assert len(document["missing"]) == 3
    found = figures(document)
    names = ("finished", "left in the middle", "told to come back later", "lost", "stuck")
    assert [found[name]["value"] for name in names] == [2, 1, 1, 1, 1]
    assert found["mixed: the text of another request or panel"]["value"] == 1
    assert [found[name]["met"] for name in ("lost", "stuck")] == [False, False]
    assert found["compared with the same alone"]["value"] == 6


def test_times_are_those_of_runs_that_were_served():
    runs = [run("one", began=0.0, ended=10.0 * n) for n in range(1, 21)]
    found = figures(shown(seen(*runs, run("one", trouble="stuck", ended=900.0))))
    assert found["first word, 95 %"]["value"] == 2
    assert found["waiting, 50 %"]["value"] == 1
    assert found["whole run, 50 %"]["value"] == 100
    assert found["whole run, 95 %"]["value"] == 190


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [([3, 1, 2], 50, 2), ([1, 2, 3, 4], 50, 2), (range(1, 101), 95, 95), ([7], 95, 7)],
)
def test_a_percentile_is_a_value_that_was_seen(values, percent, expected):
    assert percentile(values, percent) == expected
    assert math.isnan(percentile([], percent))


def test_steps_are_counted_from_leaving_to_the_end_of_the_rows():
    log = [
        (1.0, "DEBUG steering.serving.shared_steps: a step of 3 runs"),
        (2.0, "DEBUG steering.serving.shared_steps: a step of 3 runs"),
        (2.1, "DEBUG steering.serving.shared_steps: a run was left: its 5 rows are gone"),
        (3.0, "DEBUG steering.serving.shared_steps: a step of 2 runs"),
        (4.0, "DEBUG steering.serving.shared_steps: a step of 2 runs"),
        (5.0, "DEBUG steering.serving.shared_steps: a step of 2 runs"),
        (5.1, "DEBUG steering.serving.shared_steps: a run was left: its 5 rows are gone"),
    ]
    assert steps_until_free([1.5, 2.5], log) == [1, 3]
    found = figures(
        shown(seen(run("one", left=True, ended=2.5), run("one", left=True, ended=6.0)), log)
    )
    assert found["from leaving to free, most"] == {
        "name": "from leaving to free, most",
        "value": 3,
        "unit": "steps",
        "goal": 2,
        "met": False,
    }
    assert found["rows of those who left that never went"]["value"] == 1
