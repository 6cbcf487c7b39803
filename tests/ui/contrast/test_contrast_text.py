"""What the tab says: sentences, and the table of what was found."""

from steering.contrasts.contrast_document import document
from steering.ui.contrast import contrast_text as text

EVIL = "<img src=x onerror=alert(1)>"


def test_with_whose_directions_the_cards_are():
    assert text.playing(None) == ""
    shown = text.playing(("polite", EVIL))
    assert "polite against" in shown
    assert EVIL not in shown


def test_a_row_a_layer_and_the_layer_at_which_edits_start(asked_and_ordered):
    found = document(asked_and_ordered)
    shown = text.findings(found)
    assert shown.count("<tr") == 1 + len(found["layers"])
    assert shown.count("edits start here") == 1
    assert 'data-separates="yes"' in shown
    assert f">{found['layer']} <small>" in shown
    for each in found["layers"]:
        assert f"{each['dim_accuracy']['estimate']:.2f}".lstrip("0") in shown


def test_a_contrast_that_is_nothing_is_called_so(asked_and_ordered):
    found = document(asked_and_ordered) | {"separates": False, "verdict": "The contrast is nothing"}
    shown = text.findings(found)
    assert 'data-separates="no"' in shown
    assert "Nothing was found" in shown
    assert "They are told apart" not in shown


def test_what_a_visitor_wrote_is_text(asked_and_ordered):
    found = document(asked_and_ordered) | {"verdict": EVIL, "notes": [EVIL]}
    assert EVIL not in text.findings(found)
