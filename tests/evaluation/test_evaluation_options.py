import pytest

from steering.evaluation.evaluation_options import measured_with


@pytest.mark.parametrize(
    ("panels", "rows", "words"),
    [
        (["baseline", "flip:k=2"], 9, ["--rows", "9"]),
        (["baseline", "alterrep:k=1,c=1"], 7, ["--erasers", "--rows", "7"]),
        (["baseline"], None, []),
    ],
)
def test_a_stored_evaluation_names_the_options_that_it_was_measured_with(panels, rows, words):
    document = {"panels": [{"panel": each} for each in panels], "rows_per_batch": rows}
    assert measured_with(document) == words
