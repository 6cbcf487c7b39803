"""What stands in the section before anything was measured."""

from steering.ui.anatomy import harm_section


def test_where_nothing_was_measured_the_command_is_named(engine):
    assert f"anatomy harm --model {engine.name}" in harm_section.board_of(engine)
