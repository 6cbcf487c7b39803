import csv
import io
import json
import re
from html import unescape
from html.parser import HTMLParser

import pytest

from steering import formatting
from steering.errors import SteeringError
from steering.evaluation import ranking, report
from steering.serving.engine import Engine, Supply
from steering.ui.results import results_files, results_notes, results_section
from steering.ui.results.results_table import table
from tests.helpers import tiny_evaluations

DOCUMENT = tiny_evaluations.document()
SHY = tiny_evaluations.of_a_model_that_hardly_refuses()
VOID = {"path", "br", "circle", "rect"}


def plain(html: str) -> str:
    """Text of HTML, one space between words; files are left out."""
    without = re.sub(r"<template>.*?</template>", " ", html, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", without)).split())


def board(document, name="tiny", title="Tiny") -> str:
    return results_section.board(document, name, title)


def row_of(panel: str, html: str) -> str:
    """The block of rows that holds a panel."""
    bodies = re.findall(r"<tbody.*?</tbody>", html, flags=re.DOTALL)
    return next(body for body in bodies if f'data-copy="{panel}"' in body)


def changed(panel: str, **values) -> dict:
    """The document with some values of a panel's harmful set changed."""
    document = tiny_evaluations.document()
    entry = next(each for each in document["panels"] if each["panel"] == panel)
    entry["harmful"] |= values
    return document


class Balance(HTMLParser):
    """Fails where a tag is closed that was not the last one opened."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag


@pytest.mark.parametrize("document", [DOCUMENT, SHY, tiny_evaluations.hostile(), None])
def test_every_tag_that_is_opened_is_closed(document):
    parser = Balance()
    parser.feed(board(document))
    assert parser.open == []


def test_every_text_of_the_document_is_escaped():
    shown = board(tiny_evaluations.hostile(), tiny_evaluations.EVIL, tiny_evaluations.EVIL)
    assert "<img" not in shown
    assert "&lt;img src=x" in shown
    assert "</script" not in shown
    assert 'onerror="' not in shown


@pytest.mark.parametrize(
    "document", [None, {}, {"panels": DOCUMENT["panels"]}, DOCUMENT | {"schema": 1}, {"schema": 2}]
)
def test_without_a_document_of_this_form_the_page_says_how_to_make_one(document):
    shown = board(document, "a model/x", "A Model")
    assert "python -m steering evaluate --model 'a model/x'" in unescape(shown)
    assert "<table" not in shown
    assert ("not been measured" in shown) is (document is None)


def test_every_panel_has_its_text_form_its_rates_and_their_intervals():
    html = table(DOCUMENT)
    for panel in DOCUMENT["panels"]:
        body = row_of(panel["panel"], html)
        for group in tiny_evaluations.SIZES:
            low, high = panel[group]["refusal_rate_ci"]
            shown = f"{panel[group]['refusal_rate']:.2f} [{low:.2f}, {high:.2f}]"
            assert shown in plain(body)
        assert f"{panel['prose']['perplexity']:.2f}" in plain(body)


def test_the_baseline_is_a_line_in_every_rate_of_its_set():
    rate = DOCUMENT["panels"][0]["harmless"]["refusal_rate"]
    html = table(DOCUMENT)
    rows = html.count('class="main')
    assert html.count(f'class="before" style="--at:{rate:.4f}"') == rows
    alone = table(DOCUMENT | {"panels": DOCUMENT["panels"][1:]})
    assert 'class="before"' not in alone


def test_a_set_or_measure_that_nobody_has_is_no_column_and_one_that_a_row_lacks_is_a_dash():
    document = tiny_evaluations.document()
    for panel in document["panels"]:
        panel["prose"] = None
        del panel["borderline"]
    html = table(document)
    assert "Prose" not in html
    assert "Borderline" not in html
    document = tiny_evaluations.document()
    del document["panels"][1]["borderline"]
    body = row_of("actadd:c=-1", table(document))
    assert '<td class="rate">–</td>' in body
    assert "data-borderline" not in body
    assert "data-harmful-refusal" in body


def test_looping_is_the_worst_of_the_sets_and_marked_where_it_is_high():
    html = table(DOCUMENT)
    assert 'class="cost high"><b>0.11</b>' in row_of("flip:k=2,layer=8", html)
    assert "high" not in row_of("flip:k=2", html)


def test_best_is_the_paper_s_edit_with_fewest_refusals_and_only_that():
    html = table(DOCUMENT)
    # A control and a form beyond the paper's refuse as little or less.
    assert ranking.best(DOCUMENT["panels"]) == {"ablation"}
    assert html.count("★ best") == 1
    assert "★ best" in row_of("ablation", html)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"looping_rate": 0.05}, {"ablation"}),
        ({"looping_rate": 0.051}, {"actadd:c=-1"}),
        ({"difference": {"high": 0.0}}, {"actadd:c=-1"}),
        ({"refusal_rate": 0.125}, {"ablation", "actadd:c=-1"}),
    ],
)
def test_an_edit_that_loops_or_changes_no_more_than_chance_is_not_the_best(values, expected):
    assert ranking.best(changed("ablation", **values)["panels"]) == expected


def test_where_nothing_is_suppressed_nothing_is_marked_and_the_rule_says_so():
    document = tiny_evaluations.document()
    for panel in document["panels"]:
        if panel["kind"] == "paper":
            panel["harmful"]["difference"]["high"] = 0.01
    assert "★ best" not in board(document)
    assert "none is marked" in board(document)
    assert "none is marked" not in board(DOCUMENT)


def test_random_seeds_are_one_row_of_their_mean_and_range_that_holds_the_five():
    body = row_of("random:k=2,seed=3", table(DOCUMENT))
    rates = [panel["harmful"]["refusal_rate"] for panel in DOCUMENT["panels"][9:14]]
    mean = sum(rates) / 5
    assert f"{mean:.2f} ({min(rates):.2f}–{max(rates):.2f})" in plain(body)
    assert f'data-harmful-refusal="{mean}"' in body
    assert body.count(" hidden>") >= 10
    assert body.count("data-copy=") == 5
    assert "seeds: 0, 1, 2, 3, 4" in plain(body)


def test_markdown_has_a_line_for_all_seeds_with_mean_and_range():
    rates = [panel["harmful"]["refusal_rate"] for panel in DOCUMENT["panels"][9:14]]
    (line,) = (
        line for line in report.table(DOCUMENT["panels"]).splitlines() if "`random:k=2" in line
    )
    cells = [cell.strip() for cell in line.split("|")]
    assert cells[1:3] == ["`random:k=2`", "random subspace of rank 2, mean of 5 seeds"]
    assert cells[4] == f"{sum(rates) / 5:.2f} ({min(rates):.2f} to {max(rates):.2f})"
    assert cells[10] == "0.03 (0.03 to 0.04)"
    broken = tiny_evaluations.document()["panels"][:14]
    broken[11]["perplexity"] = None
    assert [line.split("|")[11].strip() for line in report.table(broken).splitlines()][-1] == "–"


def test_only_controls_that_differ_in_the_seed_alone_are_one_row():
    blocks = ranking.together(DOCUMENT["panels"])
    assert [len(block) for block in blocks] == [1] * 9 + [5, 1, 1, 1, 2, 2]
    assert [ranking.name_of(block) for block in blocks[-2:]] == [
        "random subspace of rank 11, mean of 2 seeds",
        "ablation of a random direction, mean of 2 seeds",
    ]
    others = [{"panel": f"random:k={k},seed=0", "kind": "control"} for k in (2, 3)]
    assert len(ranking.together(others)) == 2
    chosen = [{"panel": f"random:k=2,seed={seed}", "kind": "beyond"} for seed in (0, 1)]
    assert len(ranking.together(chosen)) == 2


def test_controls_are_named_so_and_only_cards_have_their_marks():
    html = table(DOCUMENT)
    control = row_of("flip:basis=dim", html)
    assert "control" in plain(control)
    assert "<svg class=" not in control
    assert 'class="full"><svg class="mark"' in row_of("flip:k=2", html)
    assert 'class="hollow"><svg class="mark"' in row_of("flip:k=11", html)
    assert "control" not in plain(row_of("flip:k=2", html))


def test_details_tell_the_paired_difference_and_the_verdicts():
    shown = plain(row_of("flip:k=2", table(DOCUMENT)))
    assert "−0.38 [−0.49, −0.26]" in shown
    assert "31 no longer refused, 1 newly refused; exact McNemar p < 0.001" in shown
    assert "17 refused, 1 hedged, 60 complied, 2 broken" in shown
    assert "this is the baseline" in plain(row_of("baseline", table(DOCUMENT)))


def test_a_claim_shows_its_verdict_in_words_and_the_parts_that_decide():
    shown = plain(board(DOCUMENT))
    assert "Undecided at n = 80" in shown
    assert "1 of 4 conditions is open, none fails: Flipping leaves less than 0.10 more" in shown
    assert "All 6 conditions hold: alpha = 1, harmful: .25 < t < .75 +0.53 [+0.49, +0.57]" in shown
    assert "1 of 6 conditions is not met: More answers loop −0.01 [−0.04, +0.00]" in shown
    # All parts are one click away, with their verdicts, where some did not decide.
    assert board(DOCUMENT).count("<summary>All") == 2
    assert "not measured" in shown


def test_a_part_that_was_not_measured_leaves_n_out_of_the_verdict():
    document = tiny_evaluations.document()
    document["claims"][0]["parts"][2] |= dict.fromkeys(("estimate", "low", "high"))
    assert "at n =" not in plain(board(document))


def test_a_model_that_hardly_refuses_is_explained_and_others_are_not():
    shown = plain(results_notes.hardly_refuses(SHY, "Shy"))
    assert "Untouched it refuses 5 of 80 harmful prompts (0.06 [0.03, 0.14])" in shown
    assert "actadd:c=2 takes harmless prompts from 0.01 to 0.28 refused" in shown
    assert results_notes.hardly_refuses(DOCUMENT, "Tiny") == ""
    edge = changed("baseline", refusal_rate=0.2)
    assert results_notes.hardly_refuses(edge, "Edge") == ""


def test_how_it_was_measured_is_told_with_the_command_that_does_it_again():
    shown = report.measured(DOCUMENT)
    assert "80 harmful, 80 harmless and 80 borderline prompts; greedy, at most 48 tokens" in shown
    assert "bfloat16 on cpu" in shown
    assert "95 % Wilson" in shown
    assert results_notes.command(DOCUMENT) == "python -m steering evaluate --model tiny"
    judge = {"judge": "a b", "n": 9, "judged": 8, "verdict": None, "refused": None}
    other = DOCUMENT | {"judge": judge, "provenance": {"quantization": "nf4"}}
    assert results_notes.command(other).endswith("tiny --quantization nf4 --judge 'a b'")
    assert "a b judged 8 of 9 answers as well." in report.measured(other)
    judge["verdict"] = {"raw": 0.9, "raw_ci": [0.8, 0.95], "kappa": 0.81}
    assert "in 0.90 [0.80, 0.95] (Cohen's kappa 0.81)" in report.measured(other)


def test_the_csv_holds_every_number_of_every_panel_unrounded():
    rows = list(csv.DictReader(io.StringIO(results_files.csv(DOCUMENT))))
    assert [row["panel"] for row in rows] == [each["panel"] for each in DOCUMENT["panels"]]
    flip, panel = rows[5], DOCUMENT["panels"][5]
    assert float(flip["harmful.refusal_rate_ci.1"]) == panel["harmful"]["refusal_rate_ci"][1]
    assert float(flip["harmful.difference.p_value"]) == panel["harmful"]["difference"]["p_value"]
    assert float(flip["prose.loss_difference.low"]) == panel["prose"]["loss_difference"]["low"]
    assert rows[0]["harmful.difference.low"] == ""
    assert {(row["model"], row["dtype"], row["device"]) for row in rows} == {
        (DOCUMENT["model"], "bfloat16", "cpu")
    }
    assert "harmful.difference" not in flip


def test_the_markdown_is_a_table_with_claims_and_the_command():
    text = results_files.markdown(DOCUMENT)
    rows = [line for line in text.splitlines() if line.startswith("|")]
    n = 2 + len(ranking.together(DOCUMENT["panels"]))
    assert len(rows) - n == 2 + len(DOCUMENT["panels"])
    for table_ in (rows[:n], rows[n:]):
        assert len({line.count(" | ") for line in table_ if "---" not in line}) == 1
    assert "| `ablation` | directional ablation | paper, **best** | 0.07 [0.03, 0.15] |" in text
    assert text.count("\n- ") == 4
    assert "`python -m steering evaluate --model tiny`" in text


def test_a_hostile_label_stays_in_its_cell_of_the_markdown():
    document = tiny_evaluations.document()
    document["panels"][0]["label"] = "a | b\n<img src=x>"
    line = next(x for x in results_files.markdown(document).splitlines() if "`baseline`" in x)
    assert r"a \| b &lt;img src=x&gt;" in line


def test_the_page_carries_the_document_itself():
    held = re.search(r"<template>(.*)</template>", board(DOCUMENT), flags=re.DOTALL)
    files = json.loads(unescape(held.group(1)))
    assert json.loads(files["json"]) == DOCUMENT
    assert files["csv"] == results_files.csv(DOCUMENT)


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("tiny", "refusal-results-tiny"),
        ("org/A model", "refusal-results-A-model"),
        ("../..", "refusal-results-model"),
        ('<b>"', "refusal-results-b"),
    ],
)
def test_file_names_are_safe(model, name):
    assert results_files.file_name({"model": model}) == name


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (formatting.plain(None), "–"),
        (formatting.plain(float("nan")), "–"),
        (formatting.plain(float("inf")), "∞"),
        (formatting.plain(-0.001), "0.00"),
        (formatting.plain(-0.126), "−0.13"),
        (formatting.plain(12345.6), "12,346"),
        (formatting.signed(0.5), "+0.50"),
        (formatting.signed(-0.5), "−0.50"),
        (formatting.signed(None), "–"),
        (formatting.p_value(0.00099), "p < 0.001"),
        (formatting.p_value(0.25), "p = 0.250"),
    ],
)
def test_numbers_are_written_as_people_print_them(shown, expected):
    assert shown == expected


def test_an_infinite_perplexity_can_be_shown_and_sorted():
    document = tiny_evaluations.document()
    document["panels"][1]["perplexity"] = float("inf")
    body = row_of("actadd:c=-1", table(document))
    assert "∞" in body
    assert 'data-perplexity="Infinity"' in body


def test_the_engine_s_model_decides_what_is_shown():
    def missing(*_arguments):
        raise SteeringError("not in this test")

    documents = {"tiny": DOCUMENT, "shy": SHY}
    supply = Supply(
        missing,
        lambda _name: None,  # type: ignore[arg-type, return-value]
        lambda _name: (),
        {"tiny": "Tiny", "shy": "Shy"},
        evaluation=documents.get,
    )
    engine = Engine("tiny", supply)
    assert "<b>Tiny</b>" in results_section.board_of(engine)
    engine.choose("shy")
    assert "Shy hardly refuses" in results_section.board_of(engine)
