"""The tab: every section that it names is there, under the id that its link goes to."""

from dataclasses import fields

from steering.ui.anatomy import anatomy_section


def test_every_named_section_is_laid_out_under_its_id(made):
    sections = [each.name for each in fields(made.anatomy)]
    assert sections == list(anatomy_section.SECTIONS)
    for name in sections:
        assert getattr(made.anatomy, name).board.elem_id == name
