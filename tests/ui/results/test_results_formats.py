import pytest

from steering.ui.results.results_formats import formats
from tests.helpers.answers import EVIL
from tests.helpers.transfers import document


@pytest.mark.parametrize("absent", [None, {}, document() | {"schema": 99}])
def test_without_a_table_of_this_form_there_is_no_section(absent):
    assert formats(absent, "tiny") == ""


def test_every_pair_is_a_row_with_the_command_that_measures_it_again():
    shown = formats(document(), "tiny")
    assert shown.count("<tr>") == 1 + 4
    assert "-0.05 [-0.20, +0.10]" in shown
    assert "python -m steering transfer --model tiny" in shown


def test_no_text_of_the_document_becomes_html():
    shown = formats(document(run=EVIL), EVIL)
    assert "<img" not in shown
    assert shown.count("&lt;img") > 4
