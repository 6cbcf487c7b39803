"""The document: every test prompt is placed, counted once, and every axis has its controls."""

from steering.anatomy import harm_and_refusal
from steering.anatomy.harm_and_refusal import QUADRANTS, counts, quadrant


def test_quadrants_follow_the_sides():
    found = [quadrant(x, y) for x, y in ((1, 1), (1, -1), (-1, 1), (-1, -1))]
    assert tuple(found) == QUADRANTS
    assert quadrant(0, 0) == "harmless and answered"


def test_every_prompt_is_placed_and_counted_once(measured, few):
    texts = [text for texts in few.test.values() for text in texts]
    assert [point["prompt"] for point in measured["points"]] == texts
    assert sum(sum(row.values()) for row in measured["counts"].values()) == len(texts)
    assert measured["counts"] == counts(measured["points"])
    flipped = [{**point, "harm": -point["harm"]} for point in measured["points"]]
    assert counts(flipped) != measured["counts"]


def test_a_stopped_run_goes_on_with_what_it_has_read(shy, few, measured, tmp_path, monkeypatch):
    from steering.artifacts.resumable import Stages

    stages = Stages(["another test"])
    stages.folder = tmp_path
    first = harm_and_refusal.document(shy, few, stages)
    monkeypatch.setattr(harm_and_refusal.harm_axes, "read_requests", None)
    assert harm_and_refusal.document(shy, few, stages) == first == measured


def test_each_axis_is_told_with_intervals_and_random_directions(measured):
    kinds = {(each["told"], each["axis"], each["within"]) for each in measured["separations"]}
    assert len(kinds) == len(measured["separations"]) == 8
    for each in measured["separations"]:
        assert each["auc"] is not None
        assert each["auc"]["low"] <= each["auc"]["estimate"] <= each["auc"]["high"]
        assert each["random"] is not None
        assert 0.5 <= each["random"]["low"] <= each["random"]["high"]
    assert measured["correlations"].keys() == {"harmful", "harmless", "borderline"}
