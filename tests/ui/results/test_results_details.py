from steering.ui.results.results_table import table
from tests.helpers import tiny_evaluations
from tests.helpers.results_page import DOCUMENT, plain, row_of


def test_details_tell_the_paired_difference_and_the_verdicts():
    shown = plain(row_of("flip:k=2", table(DOCUMENT)))
    assert "−0.38 [−0.49, −0.26]" in shown
    assert "31 no longer refused, 1 newly refused; exact McNemar p < 0.001" in shown
    assert "17 refused, 1 hedged, 62 answered" in shown
    assert "this is the baseline" in plain(row_of("baseline", table(DOCUMENT)))


def test_net_effects_and_corrected_p_values_are_told_where_they_are_known():
    document = tiny_evaluations.document()
    entry = next(each for each in document["panels"] if each["panel"] == "flip:k=2")
    net = {"estimate": -0.25, "low": -0.5, "high": -0.125, "n": 80}
    entry["net"] = {"control": "flip:k=2,basis=random", "seeds": 5, "harmful": net}
    entry["harmful"]["difference"]["p_holm"] = 0.25
    shown = plain(row_of("flip:k=2", table(document)))
    assert "along random directions −0.25 [−0.50, −0.12], mean of 5 seeds" in shown
    assert shown.count("Net:") == 1
    assert "after Holm's correction within the paper's arms" in shown
    assert "p = 0.25" in shown
    assert "Net:" not in plain(row_of("flip:k=2", table(DOCUMENT)))
