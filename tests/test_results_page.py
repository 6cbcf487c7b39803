"""What the page of results says was measured is what is shipped."""

import json
import re
from pathlib import Path

import pytest

from steering.adaptation import transfer_table
from steering.artifacts import folders, store
from steering.evaluation import report
from steering.sources.catalog import DEFAULT_MODEL

RESULTS = (Path(__file__).parents[1] / "docs" / "results.md").read_text("utf-8")
SHIPPED = json.loads((folders.ROOT / DEFAULT_MODEL / "evaluation.json").read_text("utf-8"))


def test_the_table_is_the_output_of_results():
    assert report.table(SHIPPED["panels"]) in RESULTS


@pytest.mark.parametrize("place", range(len(SHIPPED["claims"])))
def test_each_claim_is_told_as_it_was_weighed(place):
    claim = SHIPPED["claims"][place]
    number, sentence = claim.get("number", str(place + 1)), claim["sentence"]
    verdict, _, rest = sentence.partition(": ")
    told = f"{number}. **{verdict}.** {rest}"
    assert told in re.sub(r"\s+", " ", RESULTS)


def test_where_prompts_land_is_what_was_measured():
    geometry = SHIPPED["geometry"]
    layers = [str(geometry["layers"][0]), str(geometry["layers"][-1])]
    found = 0
    for entry in geometry["panels"]:
        cells = [f"`{entry['panel']}`"]
        for group in ("harmful", "harmless"):
            first, last = (entry[group][layer] for layer in layers)
            cells += [
                f"{first['t_mean']:.2f} ± {first['t_sd']:.2f}".replace("-0.00", "0.00"),
                f"{first['nearest_harmless']['estimate']:.2f}",
                f"{last['t_mean']:.2f}",
            ]
        shown = re.findall(rf"^\| {re.escape(cells[0])} \|.*±.*$", RESULTS, re.MULTILINE)
        assert shown in ([], [f"| {' | '.join(cells)} |"])
        found += len(shown)
    assert found >= 5


def test_the_table_of_number_formats_is_what_transfer_wrote():
    document = store.transfer(DEFAULT_MODEL)
    assert document is not None
    assert transfer_table.markdown(document) in RESULTS
    assert f"{document['n']} harmful" in RESULTS
    # What is said below the table: the largest change, in prompts, and what is beyond chance.
    changes = [
        found["difference"]
        for pair in document["pairs"]
        for found in pair["refused"].values()
        if pair["fit"] != pair["run"]
    ]
    said = re.sub(r"\s+", " ", RESULTS)
    assert round(max(abs(each["estimate"]) for each in changes) * document["n"]) == 5
    assert sum(each["low"] > 0 or each["high"] < 0 for each in changes) == 7
    assert len(changes) == 24
    assert min(each["p_value"] for each in changes) == 0.0625
    assert "Seven of 24 bootstrap intervals exclude 0, by five prompts at most" in said
    assert "beyond chance (p = .06 at least, uncorrected)" in said
    left = {
        fit: sorted(
            round(pair["refused"]["flip"]["estimate"] * document["n"])
            for pair in document["pairs"]
            if pair["fit"].startswith(fit)
        )
        for fit in ("float32", "bfloat16", "int8", "nf4")
    }
    assert left == {
        "float32": [3, 3, 3, 3],
        "bfloat16": [6, 6, 7, 7],
        "int8": [4, 4, 5, 6],
        "nf4": [6, 7, 8, 8],
    }
