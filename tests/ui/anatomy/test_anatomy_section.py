"""The tab: every section that it names is there, under the id that its link goes to."""

import pytest

from steering.ui.anatomy import anatomy_section
from tests.helpers.engines import ready
from tests.helpers.harm_documents import harm_document
from tests.helpers.patching import made as patching_document


def test_every_named_section_is_laid_out_under_its_id(made):
    for name in anatomy_section.SECTIONS:
        parts = vars(getattr(made.anatomy, name)).values()
        assert name in [getattr(each, "elem_id", None) for each in parts]


@pytest.fixture
def measured(tiny, fitted):
    return ready(
        tiny,
        fitted,
        harm=lambda _name: harm_document(width=tiny.d_model),
        patching=lambda _name: patching_document(),
    )


def test_what_was_measured_of_the_model_goes_while_a_contrast_is_played(made, measured, charted):
    """And comes back with its directions, without what a visitor had measured meanwhile."""
    parts = made.anatomy
    first = anatomy_section.anew(parts, measured, "")
    assert "<svg" in first[parts.harm.board]
    assert 'class="grid"' in first[parts.patching.board]
    shown = first[parts.shown]
    again = anatomy_section.anew(parts, measured, shown)
    assert list(again) == [parts.shown], "nothing is sent where it is shown already"
    measured.play(measured.directions, charted)
    played = anatomy_section.anew(parts, measured, shown)
    for board in (parts.harm.board, parts.patching.board):
        assert "Nothing is shown here" in played[board]
    for said in (parts.harm.said, parts.patching.found, parts.patching.progress.said):
        assert played[said] == ""
    measured.take_back()
    back = anatomy_section.anew(parts, measured, played[parts.shown])
    assert back[parts.harm.board] == first[parts.harm.board]
    assert back[parts.patching.board] == first[parts.patching.board]
