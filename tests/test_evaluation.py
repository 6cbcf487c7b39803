import json
from dataclasses import asdict
from statistics import fmean

import pytest

from steering.errors import SteeringError
from steering.evaluation import Row, answer_all, as_rows, markdown, table
from steering.generation import Sampling
from steering.judge import contains_refusal_phrase
from steering.panel import parse
from steering.statistics import wilson

SIX = Sampling(max_new_tokens=6)
REFUSED = "I'm sorry, but I can't assist with that."
COMPLIED = "Sure, here is how to paint the fence: clean it, sand it, and put on two thin coats."
LOOPING = "I cannot help with that. " * 12
EMPTY = ""


@pytest.fixture
def sets(prompts) -> dict[str, list[str]]:
    return {"harmful": prompts["harmful"][:2], "harmless": [prompts["harmless"][0], "How?"]}


def answers(model, fitted, sets, *panels: str, rows_per_batch: int = 32) -> list[Row]:
    batches = answer_all(
        model,
        fitted,
        sets,
        [parse(panel) for panel in panels],
        sampling=SIX,
        rows_per_batch=rows_per_batch,
    )
    return [row for batch in batches for row in batch]


def row(text: str, *, group: str = "harmful", panel: str = "baseline", **settings) -> Row:
    facts = {"refusal_score": 0.0, "kl": 0.0, "perplexity": 2.0, **settings}
    return Row(group, "a request", panel, text, True, **facts)


# Answers


def test_every_prompt_is_answered_under_every_panel_once_panels_in_order(tiny, fitted, sets):
    panels = ["baseline", "flip:k=2", "ablation"]
    rows = answers(tiny, fitted, sets, *panels, rows_per_batch=6)
    asked = {(group, text) for group, texts in sets.items() for text in texts}
    assert len(rows) == 3 * len(asked)
    assert {(each.group, each.prompt) for each in rows} == asked
    for start in range(0, len(rows), 3):
        trio = rows[start : start + 3]
        assert [each.panel for each in trio] == panels
        assert len({(each.group, each.prompt) for each in trio}) == 1


def test_the_baselines_row_differs_from_itself_by_nothing_and_an_edit_by_something(
    tiny, fitted, sets
):
    rows = answers(tiny, fitted, sets, "baseline", "flip:alpha=0", "flip:k=2")
    for baseline, nothing, flipped in zip(rows[::3], rows[1::3], rows[2::3], strict=True):
        assert baseline.kl == 0.0
        assert nothing.text == baseline.text
        assert nothing.refusal_score == baseline.refusal_score
        assert nothing.kl == 0.0
        assert nothing.perplexity == baseline.perplexity
        assert flipped.kl > 0
    assert any(
        flipped.text != baseline.text
        for baseline, flipped in zip(rows[::3], rows[2::3], strict=True)
    )


@pytest.mark.parametrize("panels", [[], ["flip"], ["ablation", "baseline"]])
def test_the_baseline_must_come_first(tiny, fitted, sets, panels):
    with pytest.raises(SteeringError, match="first panel must be `baseline`"):
        answers(tiny, fitted, sets, *panels)


def test_rows_do_not_depend_on_the_size_of_the_batch(tiny, fitted, sets):
    panels = ("baseline", "nullspace:k=2", "actadd:c=1")

    def found(rows_per_batch: int) -> dict[tuple[str, str, str], Row]:
        rows = answers(tiny, fitted, sets, *panels, rows_per_batch=rows_per_batch)
        return {(each.group, each.prompt, each.panel): each for each in rows}

    whole = found(32)
    # 1 is less than a prompt's panels, which stay together all the same.
    for rows_per_batch in (1, 7):
        split = found(rows_per_batch)
        assert split.keys() == whole.keys()
        for key, expected in whole.items():
            assert split[key].text == expected.text
            assert split[key].ended == expected.ended
            assert split[key].refusal_score == pytest.approx(expected.refusal_score, abs=1e-3)
            assert split[key].kl == pytest.approx(expected.kl, rel=1e-3, abs=1e-5)
            assert split[key].perplexity == pytest.approx(expected.perplexity, rel=1e-3)


def test_directions_of_another_model_are_refused(wide, fitted, sets):
    with pytest.raises(SteeringError, match="do not fit"):
        answers(wide, fitted, sets, "baseline")


def test_a_panel_that_has_no_directions_is_refused_before_any_answer(tiny, fitted, sets):
    with pytest.raises(SteeringError):
        answers(tiny, fitted, sets, "baseline", "flip:k=999")


# The table


def test_rates_verdicts_and_intervals_of_rows_made_by_hand():
    texts = [REFUSED] * 5 + [COMPLIED] * 3 + [LOOPING, EMPTY]
    (entry,) = table([row(text, refusal_score=float(i)) for i, text in enumerate(texts)])
    rates = entry["harmful"]
    assert rates["n"] == 10
    assert rates["refusal_rate"] == 0.5
    # 5 of 10, computed by hand from Wilson's formula with z = 1.95996.
    assert rates["refusal_rate_ci"] == pytest.approx([0.23659, 0.76341], abs=1e-5)
    assert rates["verdicts"] == {"broken": 1, "complied": 3, "empty": 1, "refused": 5}
    # The substring rule counts the loop as a refusal, which is why looping stands beside it.
    assert contains_refusal_phrase(LOOPING)
    assert rates["substring_rate"] == 0.6
    assert rates["looping_rate"] == 0.1
    assert rates["refusal_score"] == 4.5


def test_no_refusal_among_ten_still_has_an_upper_bound():
    (entry,) = table([row(COMPLIED)] * 10)
    assert entry["harmful"]["refusal_rate"] == 0.0
    assert entry["harmful"]["refusal_rate_ci"] == pytest.approx([0.0, 0.27753], abs=1e-5)
    assert wilson(0, 10).high == entry["harmful"]["refusal_rate_ci"][1]


def test_perplexity_is_the_median_and_kl_the_mean_of_harmless_prompts_only():
    harmless = [
        row(COMPLIED, group="harmless", kl=kl, perplexity=perplexity)
        for kl, perplexity in ((0.1, 2.0), (0.2, 4.0), (0.6, 999.0), (0.3, None))
    ]
    (entry,) = table([row(REFUSED, kl=50.0, perplexity=50.0), *harmless])
    assert entry["perplexity"] == 4.0
    assert entry["kl"] == pytest.approx(fmean([0.1, 0.2, 0.6, 0.3]))


def test_without_harmless_prompts_there_is_no_perplexity_and_no_kl():
    (entry,) = table([row(REFUSED)])
    assert (entry["perplexity"], entry["kl"]) == (None, None)


def test_panels_and_sets_keep_their_order_of_first_appearance():
    rows = [
        row(REFUSED, group=group, panel=panel)
        for group in ("harmless", "harmful")
        for panel in ("baseline", "flip:k=2", "ablation")
    ]
    entries = table([*rows, row(REFUSED, group="borderline", panel="ablation")])
    assert [entry["panel"] for entry in entries] == ["baseline", "flip:k=2", "ablation"]
    assert [key for key in entries[2] if key in ("harmless", "harmful", "borderline")] == [
        "harmless",
        "harmful",
        "borderline",
    ]
    assert "borderline" not in entries[0]


def test_the_table_of_real_answers_counts_every_row(tiny, fitted, sets):
    entries = table(answers(tiny, fitted, sets, "baseline", "flip:k=2"))
    assert [entry["panel"] for entry in entries] == ["baseline", "flip:k=2"]
    for entry in entries:
        for group, texts in sets.items():
            rates = entry[group]
            assert rates["n"] == len(texts) == sum(rates["verdicts"].values())
            low, high = rates["refusal_rate_ci"]
            assert 0 <= low <= rates["refusal_rate"] <= high <= 1
    assert entries[0]["kl"] == 0.0
    assert entries[1]["kl"] > 0
    assert json.loads(json.dumps(entries)) == entries


def test_rows_are_saved_with_what_the_rules_say_of_them():
    (saved,) = as_rows([row(LOOPING)])
    assert saved["verdict"] == "broken"
    assert saved["looping"] is True
    assert saved["reason"].startswith("stuck")
    assert asdict(row(LOOPING)).items() <= saved.items()


def test_the_text_table_has_a_line_for_every_panel(tiny, fitted, sets):
    lines = markdown(table(answers(tiny, fitted, sets, "baseline", "flip:k=2"))).splitlines()
    assert len({line.count("|") for line in lines if line.startswith("|")}) == 1
    assert sum("baseline" in line for line in lines) == 1
    assert sum("flip:k=2" in line for line in lines) == 1
