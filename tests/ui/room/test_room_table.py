import csv
import io

from steering.serving.room import Tried
from steering.ui.room import room_table
from tests.helpers.built_page import text_of

EVIL = "<img src=x onerror=alert(1)>"


def row(number, request="Hi", **marks):
    return Tried(number, 12.4, request, (("flip:k=3", "refused"), ("baseline", "")), **marks)


def test_pinned_rows_come_first_then_the_latest_and_hidden_ones_last():
    rows = [row(1, "a", pinned=True), row(2, "b"), row(3, "c", hidden=True), row(4, "d")]
    shown = room_table.table(rows, led=True)
    places = [shown.index(f'data-row="{number}"') for number in (1, 4, 2, 3)]
    assert places == sorted(places)


def test_only_the_presenter_has_buttons_and_hidden_rows():
    rows = [row(1, "seen", pinned=True), row(2, "unseen", hidden=True)]
    others = room_table.table(rows, led=False)
    assert "seen" in text_of(others)
    assert "unseen" not in others
    assert "data-mark" not in others
    own = room_table.table(rows, led=True)
    assert {name for name in ("pin", "unpin", "hide", "show") if f'data-mark="{name}"' in own} == {
        "unpin",
        "hide",
        "show",
    }


def test_what_somebody_typed_is_text():
    shown = room_table.table([row(1, EVIL)], led=True)
    assert "<img" not in shown
    assert EVIL in text_of(shown)


def test_a_row_tells_panels_and_verdicts():
    shown = text_of(room_table.table([row(1)], led=False))
    assert "flip:k=3" in shown
    assert "Refused" in shown
    assert "No verdict" in shown


def test_the_file_has_a_line_a_panel_and_no_formula():
    told = room_table.as_csv([row(1, '=HYPERLINK("x")'), row(2, "Hi,\nyou", pinned=True)])
    lines = list(csv.DictReader(io.StringIO(told)))
    assert [line["panel"] for line in lines] == ["flip:k=3", "baseline"] * 2
    assert lines[0]["request"] == '\'=HYPERLINK("x")'
    assert lines[2] | {} == {
        "run": "2",
        "seconds": "12",
        "request": "Hi,\nyou",
        "panel": "flip:k=3",
        "verdict": "refused",
        "pinned": "True",
    }
