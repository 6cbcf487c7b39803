"""The document: every test prompt is placed, counted once, and every axis has its controls."""

import numpy as np
import pytest

from steering.anatomy import harm_and_refusal
from steering.anatomy.separation import auc
from steering.artifacts import harm_document
from steering.artifacts.harm_document import QUADRANTS, counts, quadrant


def test_quadrants_follow_the_sides():
    found = [quadrant(x, y) for x, y in ((1, 1), (1, -1), (-1, 1), (-1, -1))]
    assert tuple(found) == QUADRANTS
    assert quadrant(0, 0) == "harmless and answered"


def test_every_prompt_is_placed_and_counted_once(measured, few):
    texts = [text for texts in few.test.values() for text in texts]
    assert [point["prompt"] for point in measured["points"]] == texts
    counted = counts(measured["points"])
    assert sum(sum(row.values()) for row in counted.values()) == len(texts)
    flipped = [{**point, "harm": -point["harm"]} for point in measured["points"]]
    assert counts(flipped) != counted


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


def test_the_shipped_numbers_follow_from_the_shipped_places():
    shipped = harm_document.read("qwen2.5-coder-0.5b-instruct")
    if shipped is None:
        pytest.skip("no document is shipped")
    points = [point for point in shipped["points"] if point["set"] != "borderline"]
    sets = np.array([point["set"] for point in points])
    opens = np.array([point["refused"] for point in points])
    truths = {"harm": (sets == "harmful", opens), "refusal": (opens, sets)}
    for each in shipped["separations"]:
        axis = "harm" if each["axis"] == "harm" else "refusal"
        values = np.array([point[axis] for point in points])
        positive, strata = truths[each["told"]]
        found = auc(values, positive, strata if each["within"] else None)
        assert each["auc"] is not None
        assert found == pytest.approx(each["auc"]["estimate"], abs=1e-3)
