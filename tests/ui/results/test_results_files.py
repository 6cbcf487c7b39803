import csv
import io
import json
import re
from html import unescape

import pytest

from steering.evaluation import ranking
from steering.ui.results import results_files
from tests.helpers import tiny_evaluations
from tests.helpers.results_page import DOCUMENT, board


def test_the_csv_holds_every_number_of_every_panel_unrounded():
    rows = list(csv.DictReader(io.StringIO(results_files.csv(DOCUMENT))))
    assert [row["panel"] for row in rows] == [each["panel"] for each in DOCUMENT["panels"]]
    flip, panel = rows[5], DOCUMENT["panels"][5]
    rate, change = panel["harmful"]["refusal_rate"], panel["harmful"]["difference"]
    assert float(flip["harmful.refusal_rate"]) == rate["estimate"]
    assert float(flip["harmful.refusal_rate_high"]) == rate["high"]
    assert flip["harmful.refusal_rate_n"] == str(rate["n"])
    assert float(flip["harmful.difference.p_value"]) == change["p_value"]
    assert float(flip["prose.loss_difference_low"]) == panel["prose"]["loss_difference"]["low"]
    assert float(flip["harmful.difference"]) == change["estimate"]
    assert (rows[0]["harmful.difference"], rows[0]["harmful.difference_low"]) == ("", "")
    assert {(row["model"], row["dtype"], row["device"]) for row in rows} == {
        (DOCUMENT["model"], "bfloat16", "cpu")
    }


def test_the_markdown_is_a_table_with_claims_and_the_command():
    text = results_files.markdown(DOCUMENT)
    rows = [line for line in text.splitlines() if line.startswith("|")]
    n = 2 + len(ranking.together(DOCUMENT["panels"]))
    assert len(rows) - n == 2 + len(DOCUMENT["panels"])
    for table_ in (rows[:n], rows[n:]):
        assert len({line.count(" | ") for line in table_ if "---" not in line}) == 1
    assert "| `ablation` | directional ablation | paper, **best** | 0.07 [0.03, 0.15] |" in text
    assert text.count("\n- ") == 4
    assert "`python -m steering evaluate --model tiny --dtype bfloat16`" in text


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
