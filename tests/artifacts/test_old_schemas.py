import copy

import pytest

from steering.artifacts import old_schemas
from steering.evaluation import report
from tests.helpers import tiny_evaluations, transfers
from tests.helpers.old_evaluations import older, older_transfer


def judged() -> dict:
    """An evaluation with every part that a document may have."""

    def rate(estimate: float, n: int) -> dict:
        return {"estimate": estimate, "low": estimate - 0.1, "high": estimate + 0.1, "n": n}

    landing = {"n": 80, "t_mean": 0.1, "t_sd": 0.2, "nearest_harmless": rate(0.3, 80), "outside": 0}
    sets = {name: {"12": landing, "18": landing} for name in ("harmful", "harmless")}
    return tiny_evaluations.document() | {
        "geometry": {"position": -2, "layers": [12, 18], "panels": [{"panel": "flip", **sets}]},
        "judge": {
            "judge": "a friend",
            "n": 9,
            "judged": 8,
            "verdict": {"raw": rate(0.9, 8), "kappa": rate(0.8, 8)},
            "refused": {"raw": rate(0.7, 8), "kappa": None},
            "counts": [["refused", "refused", 8]],
            "panels": {"flip": {"harmful": {"n": 4, "refusal_rate": rate(0.25, 4)}}},
        },
    }


@pytest.mark.parametrize("document", [tiny_evaluations.document(), judged()])
def test_an_evaluation_of_the_last_schema_comes_out_in_the_form_of_this_one(document):
    document |= {"judge_version": 1}
    old = older(document)
    kept = copy.deepcopy(old)
    assert old_schemas.evaluation(old) == document
    assert old == kept
    assert report.markdown(old_schemas.evaluation(old)) == report.markdown(document)


def test_verdicts_of_the_first_rules_get_the_names_of_today_and_the_report_says_whose_they_are():
    old = judged()
    del old["judge_version"]
    counts = {"broken": 3, "complied": 30, "hedged": 1, "refused": 46}
    old["panels"][0]["harmful"] |= {"verdicts": counts}
    old["judge"]["counts"] = [["broken", "complied", 2], ["refused", "refused", 6]]
    found = old_schemas.evaluation(old)
    assert found["judge_version"] == 1
    renamed = found["panels"][0]["harmful"]["verdicts"]
    assert renamed == {"answered": 30, "hedged": 1, "not_judged": 3, "refused": 46}
    assert found["judge"]["counts"][0] == ["not_judged", "answered", 2]
    assert old["panels"][0]["harmful"]["verdicts"] == counts
    assert "Judged by version 1 of the rules" in report.measured(found)
    today = old_schemas.evaluation(judged())
    assert "Judged by version" not in report.measured(today)


def test_a_transfer_table_of_the_last_schema_says_over_how_many_prompts_rates_are():
    document = transfers.document()
    assert old_schemas.transfer(older_transfer(document)) == document


def test_a_kappa_that_came_without_its_interval_is_not_shown_as_one():
    old = older(judged())
    del old["judge"]["verdict"]["kappa_ci"]
    found = old_schemas.evaluation(old)["judge"]["verdict"]
    assert found["kappa"] is None
    assert found["raw"]["estimate"] == 0.9


@pytest.mark.parametrize(
    "document", [{}, {"schema": 3, "judge_version": 2, "panels": [1]}, {"schema": 99}, [], None]
)
def test_what_is_of_no_earlier_schema_stays_as_it_is(document):
    assert old_schemas.evaluation(document) is document
    assert old_schemas.transfer(document) is document
