from steering.ui.results.results_table import table
from tests.helpers.results_page import DOCUMENT, plain, row_of


def test_details_tell_the_paired_difference_and_the_verdicts():
    shown = plain(row_of("flip:k=2", table(DOCUMENT)))
    assert "−0.38 [−0.49, −0.26]" in shown
    assert "31 no longer refused, 1 newly refused; exact McNemar p < 0.001" in shown
    assert "17 refused, 1 hedged, 62 answered" in shown
    assert "this is the baseline" in plain(row_of("baseline", table(DOCUMENT)))
