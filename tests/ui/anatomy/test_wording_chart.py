import re

from steering.ui.anatomy.wording_chart import EDITS, chart
from tests.helpers.wordings import made


def test_every_edit_has_a_table_with_a_row_each_wording():
    shown = chart(made())
    for arm, (name, _) in EDITS.items():
        assert f'data-arm="{arm}"' in shown
        assert f">{name}</span>" in shown
    assert shown.count('<tr><th scope="row">') == 3 * 10


def test_what_a_plot_shows_stands_there_in_words():
    shown = chart(made())
    told = (
        "German: untouched 0.74 [0.64, 0.84]; English directions 0.54 [0.44, 0.64]; random "
        "directions 0.72 [0.62, 0.82]"
    )
    assert f'aria-label="{told}"' in shown
    assert "German: AUC 0.91 [0.81, 1.00]; random directions 0.60, from 0.50 to 0.70" in shown
    assert "(1 not judged)" in shown
    assert "(2 repeat the request)" in shown


def test_a_mark_stands_at_its_share_within_its_interval():
    shown = chart(made())
    found = re.findall(
        r'<i class="\w+" style="left: ([\d.]+)%; right: ([\d.]+)%"></i>'
        r'<b class="\w+" style="left: ([\d.]+)%">',
        shown,
    )
    assert len(found) == 3 * 10 * (3 + 2)
    for left, right, at in (map(float, each) for each in found):
        assert left <= at <= 100 - right


def test_an_edit_that_was_not_asked_has_no_switch():
    document = made()
    for row in document["wordings"]:
        row["arms"] = [each for each in row["arms"] if "flip" not in each["arm"]]
        row["axes"] = []
    shown = chart(document)
    assert 'data-arm="flip"' not in shown
    assert "not measured" in shown
