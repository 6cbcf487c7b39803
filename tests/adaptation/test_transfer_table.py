from steering.adaptation import transfer_table
from tests.helpers.transfers import document


def test_the_table_has_a_row_a_pair_and_names_the_unedited_model():
    text = transfer_table.markdown(document())
    assert text.count("\n| ") == 1 + 4
    assert len({line.count("|") for line in text.splitlines() if line.startswith("|")}) == 1
    assert "Unedited, the model refuses of the same 40 prompts: float32 0.25 [0.10, 0.50], " in text


def test_only_pairs_of_two_formats_have_a_difference():
    rows = transfer_table.rows(document())
    assert {len(row) for row in rows} == {len(transfer_table.TRANSFER_COLUMNS)}
    for row in rows:
        same = row[0] == row[1]
        assert {row[8], row[10]} == ({"-"} if same else {"-0.05 [-0.20, +0.10]"})


def test_numbers_are_rounded_the_same_in_every_row():
    assert transfer_table.rows(document())[0][2:8] == (
        *("1.000", "0.988", "0.012", "0.040"),
        *("same", "0.25 [0.10, 0.50]"),
    )
