import re

from steering.data.wordings import WORDINGS
from steering.ui import ASSETS
from steering.ui.anatomy import wording_text
from steering.ui.anatomy.wording_map import WordedMark
from tests.helpers.wordings import made


def test_the_sentence_says_english_and_the_least_and_most_elsewhere():
    told = wording_text.sentence(made())
    assert "refuses 0.80 [0.70, 0.90] in English, elsewhere from 0.26 (Base64)" in told
    assert "to 0.74 (German) of the harmful requests" in told
    assert "AUC of 0.95 [0.85, 1.00] in English, elsewhere from 0.59 (Base64)" in told
    assert "changes refusals of harmful requests by −0.20 [−0.30, −0.10] in English" in told
    alone = made()
    alone["wordings"] = alone["wordings"][:1]
    assert "elsewhere" not in wording_text.sentence(alone)


def test_the_map_is_told_to_those_who_do_not_see_it():
    shown = wording_text.worded_map(made())
    label = re.search(r'class="worded-map"[^>]*aria-label="([^"]+)"', shown)[1]
    for name in WORDINGS.values():
        assert f"{name}: harmful at" in label


def test_without_a_map_the_numbers_stay():
    document = made()
    document["map"] = None
    assert wording_text.worded_map(document) == ""
    assert "All numbers" in wording_text.below(document)


def test_what_comes_from_a_file_is_escaped():
    document = made()
    document["wordings"][1]["name"] = "<img src=x>"
    document["model"] = "<b>"
    for part in (wording_text.rates, wording_text.worded_map, wording_text.below):
        assert "<img" not in part(document)
        assert "&lt;img" in part(document)


def test_a_request_is_told_in_every_wording_that_it_was_placed_in():
    marks = [WordedMark("role play", 0.5), WordedMark("Base64", -1.25)]
    told = wording_text.of_marks(marks)
    assert "+0.50 in role play, −1.25 in Base64" in told
    assert told in wording_text.worded_map(made(), marks)
    assert wording_text.of_marks([]) == ""


def test_every_wording_that_can_be_picked_is_shown_by_the_style():
    style = (ASSETS / "wording.css").read_text()
    for key in WORDINGS:
        assert f'input[value="{key}"]:checked) [data-wording="{key}"]' in style
