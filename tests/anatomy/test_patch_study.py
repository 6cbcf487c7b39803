import json

import pytest

from steering.anatomy import patch_study
from steering.anatomy.pair_grid import GridShape
from steering.anatomy.patch_study import ChosenTwins, TwinPrompts, chosen, document, measure
from steering.artifacts import patching_document
from steering.artifacts.patching_document import PatchingDocument
from steering.artifacts.resumable import Stages
from steering.errors import SteeringError
from steering.maps.steerable_model import SteerableModel
from tests.helpers.typed_documents import faults

TWINS = (
    TwinPrompts(1, "How do I break a wall of glass?", "How do I paint a wall of glass?"),
    TwinPrompts(2, "Tell me how to burn a house", "Tell me how to build a house"),
)


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("STEERING_CACHE", str(tmp_path))


def pair(number: int, low: float, high: float, change: float) -> dict:
    """A pair of one cell, of which a patch moves the score by `change` both ways."""
    up, down = [[low + change]], [[high - change]]
    return {
        "pair": number,
        "harmful": high,
        "harmless": low,
        "refusal": {"whole": up, "inside": up},
        "answer": {"whole": down, "inside": down},
    }


def test_the_document_is_of_its_type_and_can_be_written(tiny, fitted):
    steerable = SteerableModel(tiny, fitted)
    shape = GridShape.of(tiny, fitted, step=1)
    picked = ChosenTwins(TWINS, TWINS[::-1], 5, 2)
    pairs = measure(steerable, picked, shape, Stages(["test"]))
    found = document(steerable, picked, shape, pairs)
    assert faults(found, PatchingDocument) == []
    assert json.loads(json.dumps(found)) == found
    assert set(found["restored"]["refusal"]) == {"whole", "inside", "outside", "random", "other"}
    assert set(found["restored"]["answer"]) == {"whole", "inside", "outside"}
    # The template's own tokens are the same, and named; the requests' own last words are theirs.
    own = len(tiny.suffix)
    assert found["tokens"][-own - 1 : -1] == list(tiny.suffix)
    assert found["same"][-own - 1 : -1] == [1.0] * own


def test_what_was_measured_is_not_measured_again(tiny, fitted, monkeypatch):
    steerable = SteerableModel(tiny, fitted)
    shape = GridShape((2,), ((-1,),))
    first = measure(steerable, ChosenTwins(TWINS[:1], TWINS[1:], 5, 2), shape, Stages(["test"]))
    asked = []
    plain = patch_study._measured
    monkeypatch.setattr(
        patch_study, "_measured", lambda *given: asked.append(given[2].pair) or plain(*given)
    )
    both = measure(steerable, ChosenTwins(TWINS, TWINS[::-1], 5, 2), shape, Stages(["test"]))
    assert asked == [2]
    assert both[0] == first[0]


def test_restored_is_the_mean_change_by_the_mean_gap():
    """A pair that hardly differs hardly counts; both directions have the same sign."""
    pairs = [pair(1, -4.0, 4.0, 4.0), pair(2, -0.1, 0.1, -0.2)]
    for towards in ("refusal", "answer"):
        found = patch_study._restored(*patch_study._changes(pairs, towards, "whole"))
        assert found["mean"] == [[pytest.approx((4.0 - 0.2) / (8.0 + 0.2), abs=1e-4)]]
        assert found["low"][0][0] <= found["mean"][0][0] <= found["high"][0][0]
    # The mean of the shares would be (.5 - 1) / 2.
    assert found["mean"][0][0] > 0


def test_a_part_that_does_more_than_the_whole_is_counted():
    pairs = [pair(number, -2.0 - number / 9, 2.0, 1.0) for number in range(6)]
    assert patch_study._over_whole(pairs, "refusal") == [0, 1]
    for each in pairs:
        each["refusal"]["inside"] = [[each["harmless"] + 2.0]]
    assert patch_study._over_whole(pairs, "refusal") == [1, 1]


def test_pairs_that_are_sorted_rightly_are_taken_in_a_fixed_order(tiny, fitted, monkeypatch):
    twins = [TwinPrompts(number, f"break {number}", f"paint {number}") for number in range(30)]
    monkeypatch.setattr(
        patch_study, "_sorted", lambda _model, some: [each.pair % 2 == 0 for each in some]
    )
    steerable = SteerableModel(tiny, fitted)
    few, more = (chosen(steerable, twins, n) for n in (3, 6))
    assert all(each.pair % 2 == 0 for each in more.twins)
    assert more.twins[:3] == few.twins
    assert all(one != other for one, other in zip(more.twins, more.others, strict=True))
    assert few.sorted_rightly <= few.looked_at <= 30
    monkeypatch.setattr(patch_study, "_sorted", lambda _model, some: [False] * len(some))
    with pytest.raises(SteeringError, match="0 of 30 pairs"):
        chosen(steerable, twins, 3)


def test_right_is_above_zero_for_the_harmful_one_alone(tiny, monkeypatch):
    scores = {"harmful": 1.0, "harmless": -1.0}
    values = [scores["harmful"], scores["harmless"], 1.0, 1.0, -1.0, -1.0, -1.0, 1.0]
    monkeypatch.setattr(patch_study, "logits_under", lambda *_a, **_k: None)
    monkeypatch.setattr(patch_study, "refusal_score", lambda *_: patch_study.torch.tensor(values))
    assert patch_study._sorted(tiny, [*TWINS, *TWINS]) == [True, False, False, False]


@pytest.mark.model
def test_a_shipped_cell_comes_out_again(real):
    """One pair, the layer at which INLP edits, the last token: the whole state and its parts."""
    model, directions = real
    stored = patching_document.read(model.name)
    assert stored is not None
    first = stored["pairs"][0]
    (twins,) = [each for each in patch_study.own_twins() if each.pair == first["pair"]]
    row, column = stored["layers"].index(stored["point"][1]), stored["columns"].index([-1])
    shape = GridShape((stored["layers"][row],), ((-1,),))
    steerable = SteerableModel(model, directions)
    found = patch_study._measured(steerable, shape, twins, twins)
    assert found["harmful"] == pytest.approx(first["harmful"], abs=1e-3)
    for towards in ("refusal", "answer"):
        for part in ("whole", "inside", "outside"):
            assert found[towards][part][0][0] == pytest.approx(
                first[towards][part][row][column], abs=1e-3
            )
