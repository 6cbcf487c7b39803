from dataclasses import replace

import pytest

from steering.artifacts.capability_document import CapabilityDocument
from steering.data.questions import COMPLETION, Question
from steering.evaluation.capability import QuestionAnswer
from steering.evaluation.capability_table import HEAD, document, markdown, refusals
from steering.interventions.panel import parse
from tests.helpers.typed_documents import faults

QUESTIONS = (
    *(Question("general", f"{i}?", ("a", "b"), 0) for i in range(8)),
    *(Question("code", f"{i}!", ("a", "b"), 0) for i in range(4)),
    *(Question(COMPLETION, f"{i} = ", ("a", "b"), 0) for i in range(2)),
)


def answers(right: int) -> list[QuestionAnswer]:
    """The first so many are right."""
    return [QuestionAnswer(i >= right, i < right, 0.75 if i < right else 0.25) for i in range(14)]


def interval(estimate: float) -> dict:
    return {"estimate": estimate, "low": estimate, "high": estimate, "n": 10}


def made(rights: dict[str, int], refused: dict[str, float]) -> CapabilityDocument:
    return document(
        "tiny",
        "test",
        QUESTIONS,
        {parse(text): answers(right) for text, right in rights.items()},
        {parse(text): interval(share) for text, share in refused.items()},
    )


def test_questions_areas_and_completions_are_counted_apart():
    found = made({"baseline": 10, "flip": 4}, {})
    assert faults(found, CapabilityDocument) == []
    baseline, flip = found["panels"]
    assert (baseline["questions"]["estimate"], baseline["questions"]["n"]) == (10 / 12, 12)
    assert baseline["areas"]["general"]["estimate"] == 1
    assert (baseline["areas"]["code"]["estimate"], baseline["areas"]["code"]["n"]) == (0.5, 4)
    assert (baseline["completions"]["estimate"], baseline["completions"]["n"]) == (0, 2)
    assert baseline["questions"]["difference"] is None
    change = flip["questions"]["difference"]
    assert change["estimate"] == pytest.approx(-6 / 12)
    assert change["low"] < change["estimate"] < change["high"] < 0
    assert change["p_value"] == pytest.approx(2 / 2**6)
    assert flip["questions"]["share"]["estimate"] == pytest.approx((4 * 0.75 + 8 * 0.25) / 12)


def test_the_front_is_of_those_that_nobody_beats_in_both():
    rights = {"baseline": 12, "ablation": 11, "flip": 10, "nullspace": 12, "actadd:c=-1": 9}
    refused = {"baseline": 0.6, "ablation": 0.1, "flip": 0.2, "nullspace": 0.3}
    found = {row["panel"]: row["on_front"] for row in made(rights, refused)["panels"]}
    # Nullspace knows as much as the baseline and refuses less; flip is beaten by ablation.
    assert found == {
        "baseline": False,
        "ablation": True,
        "flip": False,
        "nullspace": True,
        "actadd:c=-1": None,
    }


def test_equal_panels_are_on_the_front_together():
    found = made({"baseline": 5, "flip": 5}, {"baseline": 0.5, "flip": 0.5})
    assert [row["on_front"] for row in found["panels"]] == [True, True]


def test_refusals_are_those_of_the_stored_comparison_however_a_panel_is_written(fitted):
    stored = {
        "panels": [
            {"panel": "flip:k=2", "harmful": {"n": 10, "refusal_rate": interval(0.2)}},
            {"panel": "ablation"},
        ]
    }
    panels = [parse("flip"), parse("ablation"), parse("flip:k=1")]
    found = refusals(stored, panels, fitted)
    assert {str(panel): each["estimate"] for panel, each in found.items()} == {"flip": 0.2}
    assert refusals(None, panels, fitted) == {}
    assert refusals(stored, panels, replace(fitted, default_k=1)) == {}


def test_the_table_says_every_number_with_its_interval():
    lines = markdown(made({"baseline": 10, "flip": 4}, {"flip": 0.25})).splitlines()
    assert lines[0] == f"| {' | '.join(HEAD)} |"
    assert len({line.count("|") for line in lines}) == 1
    assert lines[2].startswith("| `baseline` | 0.83 [0.55, 0.95] |  | 0.00 [0.00, 0.66] |  |")
    assert lines[3].endswith("| 0.25 [0.25, 0.25] | yes |")
