"""The document: every test prompt is placed, counted once, and every axis has its controls."""

import numpy as np
import pytest
import torch

from steering.anatomy import harm_and_refusal, harm_axes
from steering.anatomy.harm_axes import ReadRequests
from steering.anatomy.separation import auc, correlation_interval
from steering.artifacts import harm_document
from steering.artifacts.harm_document import QUADRANTS, counts, quadrant
from steering.interventions.openers import opened


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


@pytest.fixture(scope="module")
def read(shy, few):
    """The few prompts of every purpose, read in the order of the document."""
    return {
        split: {
            name: harm_axes.read_requests(shy.model, texts)
            for name, texts in getattr(few, split).items()
        }
        for split in ("train", "validation", "test")
    }


def test_the_axes_are_fitted_on_training_prompts_and_chosen_on_validation_prompts(
    shy, measured, read
):
    assert measured["axes"] == harm_and_refusal.fitted_axes(
        shy.model, read["train"], read["validation"]
    )
    for other in ("train", "test"):
        assert measured["axes"] != harm_and_refusal.fitted_axes(
            shy.model, read["train"], read[other]
        )


def test_every_prompt_is_placed_by_its_own_states_and_is_refused_by_its_own_score(measured, read):
    axes = measured["axes"]
    parts = [
        (each.states[:, place, axes[name]["layer"]].double(), axes[name])
        for each in read["test"].values()
        for place, name in enumerate(("harm", "refusal"))
    ]
    along = [
        (states @ torch.tensor(axis["direction"]).double() - axis["middle"]) / axis["half"]
        for states, axis in parts
    ]
    points = measured["points"]
    for name, values in (("harm", along[::2]), ("refusal", along[1::2])):
        expected = torch.cat(values).tolist()
        assert [point[name] for point in points] == pytest.approx(expected, abs=1e-3)
    scores = torch.cat([each.scores for each in read["test"].values()]).tolist()
    assert [point["score"] for point in points] == pytest.approx(scores, abs=1e-3)
    assert all(point["refused"] == (point["score"] > 0) for point in points)
    assert {point["refused"] for point in points} == {True, False}
    assert any(point["refused"] != (point["refusal"] > 0) for point in points)


def made_up(harmful: bool, refused: int, answered: int) -> ReadRequests:
    """Requests whose classes are told at one block and one token each.

    Harm: block 2 at the instruction, dimension 0. Refusal: block 3 at the template, dimension 1,
    in half of them. At block 1 of the template, dimension 2 tells harm and all but no refusal, and
    at block 4 dimension 0 harm alone. Block 0 tells all, which no token alone does.
    """
    number = torch.arange(refused + answered)
    opens = torch.where(number < refused, 1.0, -1.0)
    sign = 1.0 if harmful else -1.0
    states = torch.zeros(len(number), 2, 5, 3)
    states[:, 0, (0, 2), 0] = sign
    states[:, 1, 0, 1] = opens
    states[:, 1, 3, 1] = opens * (number % 2)
    states[:, 1, 4, 0] = sign
    states[:, 1, 1, 2] = sign + 1e-3 * (number == 0)
    return ReadRequests(states, opens)


def test_harm_is_chosen_over_all_prompts_and_refusal_within_each_label(shy):
    train = {"harmful": made_up(True, 40, 40), "harmless": made_up(False, 40, 40)}
    validation = {"harmful": made_up(True, 90, 10), "harmless": made_up(False, 10, 90)}
    axes = harm_and_refusal.fitted_axes(shy.model, train, validation)
    own = -len(shy.model.suffix) - 1
    assert (axes["harm"]["layer"], axes["harm"]["position"]) == (2, own)
    assert axes["harm"]["direction"] == pytest.approx([1.0, 0.0, 0.0], abs=1e-2)
    assert axes["harm"]["validation"] == 1.0
    assert (axes["refusal"]["layer"], axes["refusal"]["position"]) == (3, -1)
    assert axes["refusal"]["direction"] == pytest.approx([0.0, 1.0, 0.0], abs=1e-2)
    # A pair is in order if both are told, or one is; else it is a tie.
    assert axes["refusal"]["validation"] == pytest.approx(1 - 0.25 / 2)
    # The counter-check: over all prompts block 1, which tells harm, does better.
    states = torch.cat([each.states[:, 1] for each in validation.values()])
    opens = torch.cat([each.scores > 0 for each in validation.values()]).tolist()
    means = harm_axes.refusal_means(train)
    assert harm_axes.chosen_axis(means, -1, states, opens)["layer"] == 1


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


def test_each_axis_is_told_by_its_own_places_with_the_other_held_equal(measured, read):
    points = [point for point in measured["points"] if point["set"] != "borderline"]
    sets = np.array([point["set"] for point in points])
    opens = np.array([point["refused"] for point in points])
    truths = {"harm": (sets == "harmful", opens), "refusal": (opens, sets)}
    kept = torch.cat([read["test"][name].states for name in ("harmful", "harmless")])
    for each in measured["separations"]:
        place = ("harm", "refusal").index(each["axis"])
        positive, strata = truths[each["told"]]
        held = strata if each["within"] else None
        found = auc(np.array([point[each["axis"]] for point in points]), positive, held)
        assert each["auc"] is not None
        assert (each["auc"]["estimate"], each["auc"]["n"]) == (found, len(points))
        states = kept[:, place, measured["axes"][each["axis"]]["layer"]].double().numpy()
        random = harm_and_refusal._chance(states, positive, held)
        assert each["random"] == pytest.approx(random, abs=1e-6)
    for name, found in measured["correlations"].items():
        mine = [(p["harm"], p["refusal"]) for p in measured["points"] if p["set"] == name]
        expected = correlation_interval(*np.array(mine).T)
        assert found["n"] == len(mine)
        assert found["estimate"] == pytest.approx(expected.estimate, abs=1e-9)


def test_random_directions_are_many_turned_to_their_better_side_and_compared_alike():
    generator = np.random.default_rng(0)
    positive = np.arange(60) % 2 == 0
    line = np.where(positive, 1.0, -1.0)[:, None]
    assert harm_and_refusal._chance(line, positive, None) == pytest.approx(
        {"mean": 1.0, "low": 1.0, "high": 1.0, "seeds": 20}
    )
    found = harm_and_refusal._chance(generator.standard_normal((60, 8)), positive, None)
    assert found is not None
    assert 0.5 <= found["low"] < found["mean"] < found["high"] < 1.0
    drawn = [
        auc(line[:, 0] * weight + 0.5, positive)
        for weight in (np.random.default_rng(seed).standard_normal() for seed in range(20))
    ]
    assert {*drawn} == {0.0, 1.0}  # so that sides had to be turned
    # What tells the stratum alone tells nothing within it, and without a pair there is nothing.
    strata = np.repeat([0, 1], 30)
    mostly = np.r_[np.arange(30) < 25, np.arange(30) < 5]
    by_stratum = strata[:, None].astype(float)
    across, within = (harm_and_refusal._chance(by_stratum, mostly, held) for held in (None, strata))
    assert across is not None
    assert within is not None
    assert across["mean"] > 0.8
    assert (within["low"], within["high"]) == (0.5, 0.5)
    assert harm_and_refusal._chance(line, positive, positive) is None


def test_places_correlate_within_each_set():
    def point(kind: str, harm: float, refusal: float) -> dict:
        return {"set": kind, "harm": harm, "refusal": refusal}

    steps = [(float(each), each + (each % 3) / 9) for each in range(9)]
    points = [point("harmful", x + 50, y + 50) for x, y in steps]
    points += [point("harmless", x, -y) for x, y in steps] + [point("borderline", 0.0, 0.0)] * 2
    found = harm_and_refusal._correlations(points)
    assert found.keys() == {"harmful", "harmless"}  # of two places there is nothing to say
    assert found["harmful"]["estimate"] > 0.9
    assert found["harmless"]["estimate"] == pytest.approx(-found["harmful"]["estimate"])
    assert found["harmful"]["n"] == 9


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


@pytest.mark.model
def test_shipped_places_come_out_again(real):
    model, directions = real
    stored = harm_document.read(model.name)
    assert stored is not None
    some = [stored["points"][index] for index in (0, 100, 200)]
    read = harm_axes.read_requests(opened(model, directions.openers), [p["prompt"] for p in some])
    places = harm_and_refusal.placed(stored["axes"], read)
    assert places == pytest.approx(np.array([(p["harm"], p["refusal"]) for p in some]), abs=2e-3)
    assert read.scores.tolist() == pytest.approx([p["score"] for p in some], abs=1e-3)
