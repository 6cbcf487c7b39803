from steering.evaluation import report
from steering.ui.results import results_notes
from tests.helpers import tiny_evaluations
from tests.helpers.results_page import DOCUMENT


def test_markdown_has_a_line_for_all_seeds_with_mean_and_range():
    rates = [panel["harmful"]["refusal_rate"]["estimate"] for panel in DOCUMENT["panels"][9:14]]
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


def test_how_it_was_measured_is_told_with_the_command_that_does_it_again():
    shown = report.measured(DOCUMENT)
    assert "80 harmful, 80 harmless and 80 borderline prompts; greedy, at most 48 tokens" in shown
    assert "bfloat16 on cpu" in shown
    assert "95 % Wilson" in shown
    assert results_notes.command(DOCUMENT).endswith("evaluate --model tiny --dtype bfloat16")
    judge = {"judge": "a b", "n": 9, "judged": 8, "verdict": None, "refused": None}
    other = DOCUMENT | {"judge": judge, "provenance": {"quantization": "nf4"}}
    assert results_notes.command(other).endswith("tiny --quantization nf4 --judge 'a b'")
    assert "a b judged 8 of 9 answers as well." in report.measured(other)
    raw = {"estimate": 0.9, "low": 0.8, "high": 0.95, "n": 8}
    judge["verdict"] = {"raw": raw, "kappa": {"estimate": 0.81, "low": 0.6, "high": 1.0, "n": 8}}
    assert "0.90 [0.80, 0.95] (Cohen's kappa 0.81 [0.60, 1.00])" in report.measured(other)
    judge["verdict"]["kappa"] = None
    assert "0.90 [0.80, 0.95] (Cohen's kappa –)" in report.measured(other)


TITLES = ("The paper's claims", "Where the test prompts land")
