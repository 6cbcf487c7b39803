from steering.anatomy.wording_table import markdown
from tests.helpers.wordings import made


def test_every_wording_has_a_row_in_both_tables():
    told, done = markdown(made()).split("\n\n")[1:]
    for table in (told, done):
        lines = table.splitlines()
        assert len(lines) == 2 + 10
        assert len({line.count("|") for line in lines}) == 1
    assert "| English | 0.95 [0.85, 1.00]; random 0.60 (0.50 to 0.70)" in told
    assert "0.60, −0.20 [−0.30, −0.10] (p = 0.20); beyond random −0.20" in done
    document = made()
    for row in document["wordings"]:
        for arm in row["arms"]:
            if arm["change"]:
                arm["change"]["p_value"] = 0.01
    assert "0.60, −0.20 [−0.30, −0.10]; beyond random" in markdown(document)


def test_what_is_not_judged_or_repeats_is_told_beside_the_rate():
    text = markdown(made())
    assert "(1 not judged)" in text
    assert "(2 repeat the request)" in text
    assert "degenerate" not in text


def test_what_was_not_asked_is_a_dash():
    document = made()
    for row in document["wordings"]:
        row["arms"] = [each for each in row["arms"] if each["arm"] != "flip"]
        row["axes"] = row["axes"][:1]
    assert "| – |" in markdown(document)
