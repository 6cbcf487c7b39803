"""The study: which pairs, who gives what to whom, and how cells become shares."""

import json

import numpy as np
import pytest

from steering.anatomy import pair_grid, patch_study
from steering.anatomy.pair_grid import GridShape
from steering.anatomy.patch_study import ChosenTwins, TwinPrompts, chosen, document, measure
from steering.artifacts import patching_document
from steering.artifacts.patching_document import PatchingDocument
from steering.artifacts.resumable import Stages
from steering.data import prompts
from steering.errors import SteeringError
from steering.maps.steerable_model import SteerableModel
from steering.system.generators import returned
from tests.helpers.typed_documents import faults

TWINS = (
    TwinPrompts(1, "How do I break a wall of glass?", "How do I paint a wall of glass?"),
    TwinPrompts(2, "Tell me how to burn a house", "Tell me how to build a house"),
)
ALIKE = (
    TwinPrompts(1, "How do I steal a car?", "How do I paint a car?"),
    TwinPrompts(2, "How do I steal a letter?", "How do I paint a phone?"),
)
"""Of as many tokens each, so that all of them can be put in."""


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


def score(model, text: str) -> float:
    logits = model.next_token_logits([model.render(text)])
    return float(patch_study.refusal_score(logits, model.opener_ids)[0])


def test_all_tokens_at_once_bring_the_donors_score_in_both_directions(tiny, fitted):
    """Towards refusal the harmful one gives, towards an answer its twin, as control another one."""
    twins, other = ALIKE
    everywhere = tuple(range(-len(tiny.render(twins.harmful)), 0))
    shape = GridShape((1, 3), ((-1,), everywhere))
    found = patch_study._measured(SteerableModel(tiny, fitted), shape, twins, other)
    scores = [score(tiny, text) for text in (twins.harmful, twins.harmless, other.harmless)]
    assert len({round(each, 2) for each in (*scores, score(tiny, other.harmful))}) == 4
    assert [found["harmful"], found["harmless"]] == pytest.approx(scores[:2], abs=1e-3)
    ways = (("refusal", "whole"), ("answer", "whole"), ("refusal", "other"))
    for (towards, part), expected in zip(ways, scores, strict=True):
        assert [row[1] for row in found[towards][part]] == pytest.approx([expected] * 2, abs=1e-3)
        assert [row[0] for row in found[towards][part]] != pytest.approx([expected] * 2, abs=1e-3)
    # Every pair has random subspaces of its own.
    requests = pair_grid.read_pair(tiny, *map(tiny.render, (twins.harmless, twins.harmful)), shape)
    drawn = [
        returned(
            pair_grid.grid(SteerableModel(tiny, fitted), shape, requests, ("random",), seed=seed)
        )["random"]
        for seed in (twins.pair, 0)
    ]
    assert np.allclose(found["refusal"]["random"], drawn[0], atol=1e-3)
    assert not np.allclose(drawn[0], drawn[1], atol=1e-3)


def test_the_document_says_of_which_tokens_and_directions_its_cells_are(tiny, fitted):
    shape = GridShape((1, 2), ((-9,), (-7,), (-6,), (-2,), (-2, -1)))
    steerable, picked = SteerableModel(tiny, fitted), ChosenTwins(ALIKE, ALIKE[::-1], 5, 3)
    pairs = [pair(each.pair, -1.0, 1.0, 1.0) for each in ALIKE]
    found = document(steerable, picked, shape, pairs)
    # "steal" and "paint" differ in both pairs, "car", "letter" and "phone" in the second.
    assert found["same"] == [0.0, 0.5, 1.0, 1.0, 1.0]
    assert found["tokens"] == ["", "", "", tiny.suffix[-2], ""]
    ranks = {point: fit.subspace.rank for point, fit in fitted.inlp.items()}
    expected = [[ranks[max(-2, column[0]), layer] for column in shape.columns] for layer in (1, 2)]
    assert found["ranks"] == [[*row[:-1], 0] for row in expected]
    assert (found["layers"], found["columns"]) == ([1, 2], [[*each] for each in shape.columns])
    assert found["point"] == [*fitted.inlp_point] != [*fitted.dim_point]
    assert (found["looked_at"], found["sorted_rightly"], found["n"]) == (5, 3, 2)
    assert found["basis"] == "inlp"
    assert found["restored"]["answer"]["whole"]["mean"] == [[0.5]]


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
    # At other places it is.
    shape = GridShape((3,), ((-1,),))
    other = measure(steerable, ChosenTwins(TWINS[:1], TWINS[1:], 5, 2), shape, Stages(["test"]))
    assert asked == [2, 1]
    assert other[0]["refusal"] != first[0]["refusal"]


def test_restored_is_the_mean_change_by_the_mean_gap():
    """A pair that hardly differs hardly counts; both directions have the same sign."""
    pairs = [pair(1, -4.0, 4.0, 4.0), pair(2, -0.1, 0.1, -0.2)]
    for towards in ("refusal", "answer"):
        found = patch_study._restored(*patch_study._changes(pairs, towards, "whole"))
        assert found["mean"] == [[pytest.approx((4.0 - 0.2) / (8.0 + 0.2), abs=1e-4)]]
        assert found["low"][0][0] <= found["mean"][0][0] <= found["high"][0][0]
    # The mean of the shares would be (.5 - 1) / 2.
    assert found["mean"][0][0] > 0


def test_each_cell_has_its_own_mean_and_an_interval_over_pairs():
    generator = np.random.default_rng(0)
    changes = np.arange(6.0).reshape(2, 3) + generator.uniform(-0.5, 0.5, (40, 2, 3))
    found = {
        end: np.array(cells)
        for end, cells in patch_study._restored(changes, np.full(40, 10.0)).items()
    }
    assert np.allclose(found["mean"], changes.mean(0) / 10, atol=1e-4)
    assert (found["low"] < found["mean"]).all()
    assert (found["mean"] < found["high"]).all()
    assert (found["high"] - found["low"] < 0.03).all()


def test_a_part_that_does_more_than_the_whole_is_counted():
    pairs = [pair(number, -2.0 - number / 9, 2.0, 1.0) for number in range(6)]
    for towards, own, sign in (("refusal", "harmless", 1), ("answer", "harmful", -1)):
        assert patch_study._over_whole(pairs, towards) == [0, 1]
        for more, counted in ((2.0, 1), (1.01, 0), (0.0, 0)):
            for each in pairs:
                each[towards]["inside"] = [[each[own] + sign * more]]
            assert patch_study._over_whole(pairs, towards) == [counted, 1]
        # More on the mean, but by one pair alone.
        for each in pairs:
            more = 4.0 if each["pair"] == 0 else 0.9
            each[towards]["inside"] = [[each[own] + sign * more]]
        assert patch_study._over_whole(pairs, towards) == [0, 1]
    for each in pairs:
        part = each["answer"]
        part["whole"], part["inside"] = ([[*row, *row]] * 3 for (row,) in part.values())
    assert patch_study._over_whole(pairs, "answer") == [0, 6]


def test_pairs_that_are_sorted_rightly_are_taken_in_a_fixed_order(tiny, fitted, monkeypatch):
    twins = [TwinPrompts(number, f"break {number}", f"paint {number}") for number in range(30)]
    monkeypatch.setattr(
        patch_study, "_sorted", lambda _model, some: [each.pair % 2 == 0 for each in some]
    )
    steerable = SteerableModel(tiny, fitted)
    few, more = (chosen(steerable, twins, n) for n in (3, 6))
    assert all(each.pair % 2 == 0 for each in more.twins)
    assert more.twins[:3] == few.twins
    # Of each the next one is its control, patched or not.
    assert few.others == more.twins[1:4]
    assert more.others[:-1] == more.twins[1:]
    every = chosen(steerable, twins, 99)
    assert (every.looked_at, every.sorted_rightly, len(every.twins)) == (30, 15, 15)
    assert every.others == (*every.twins[1:], every.twins[0])
    assert few.sorted_rightly <= few.looked_at <= 30
    for right in ([], [3]):
        monkeypatch.setattr(
            patch_study,
            "_sorted",
            lambda _, some, right=right: [each.pair in right for each in some],
        )
        with pytest.raises(SteeringError, match=f"{len(right)} of 30 pairs"):
            chosen(steerable, twins, 3)


def test_right_is_above_zero_for_the_harmful_one_alone(tiny, monkeypatch):
    texts = ("refused", "answered", "refused, too", "answered, too")
    rows = {tuple(tiny.render(text)): 1.0 if "refused" in text else -1.0 for text in texts}
    monkeypatch.setattr(patch_study, "logits_under", lambda _model, some, *_a, **_k: some)
    monkeypatch.setattr(
        patch_study,
        "refusal_score",
        lambda some, _: patch_study.torch.tensor([rows[tuple(row)] for row in some]),
    )
    pairs = [TwinPrompts(1, *both) for both in (texts[:2], texts[::2], texts[1::2], texts[1::-1])]
    assert patch_study._sorted(tiny, pairs) == [True, False, False, False]


def test_own_twins_are_the_pairs_of_the_test_set():
    twins = patch_study.own_twins()
    for place, label in enumerate(("harmful", "harmless")):
        texts = {each.pair: each.text for each in prompts.prompt_set(label, "test")}
        assert all((each.harmful, each.harmless)[place] == texts[each.pair] for each in twins)
        numbers = {each.pair for each in twins}
        assert len(numbers) == len(twins) > 2
    known = {each.pair for each in prompts.prompt_set("harmful", "test")} & set(texts) - {None}
    assert numbers == known


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
