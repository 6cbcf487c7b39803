import re

import pytest

from steering.ui.anatomy.patch_grids import ShownGrid, column_names, grids

NAMES = [("−1", "the last token"), ("all", "all 3 tokens at once")]


def shown(*values: float) -> str:
    return grids("own", [ShownGrid("whole", "refusal", [list(values)])], [13], NAMES)


def test_a_cell_has_its_number_its_colour_and_its_interval():
    grid = ShownGrid("whole", "refusal", [[0.9, 0.1]], [[0.8, 0.0]], [[1.0, 0.2]])
    page = grids("own", [grid], [13], NAMES, marked=13)
    assert 'style="--share: 90%"' in page
    assert ">0.90</td>" in page
    assert "Layer 13, the last token: 0.90 [0.80, 1.00]" in page
    assert '<tr class="starts"><th scope="row">13</th>' in page


@pytest.mark.parametrize(
    ("value", "tone", "level"),
    [(0.2, "back", "low"), (0.5, "back", "mid"), (1.4, "back", "high"), (-3.0, "away", "mid")],
)
def test_the_colour_ends_at_one_and_is_another_below_zero(value, tone, level):
    found = re.search(r'<td class="(\w+) (\w+)" style="--share: (\d+)%"', shown(value, 0.0))
    assert found is not None
    assert found.groups()[:2] == (tone, level)
    assert int(found[3]) <= 100


def test_switches_name_what_there_is_and_the_first_is_chosen():
    both = [
        ShownGrid(part, towards, [[0.0, 0.0]])
        for part in ("whole", "inside")
        for towards in ("refusal", "answer")
    ]
    page = grids("own", both, [13], NAMES)
    assert re.findall(r'value="(\w+)"( checked)?', page) == [
        ("whole", " checked"),
        ("inside", ""),
        ("refusal", " checked"),
        ("answer", ""),
    ]
    assert 'value="refusal"' not in shown(0.0, 0.0)  # one direction needs no switch


def test_tokens_are_text_not_markup():
    names = column_names([[-2], [-1], [-2, -1]], ["<img src=x>", "", ""])
    assert names[0] == ("−2", "the template's <img␣src=x>")
    assert "<img" not in grids("own", [ShownGrid("whole", "refusal", [[0.0] * 3])], [1], names)
