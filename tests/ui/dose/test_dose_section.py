from steering.errors import SteeringError
from steering.ui.dose import dose_section


def test_what_a_click_did_is_said_and_nothing_foreign_becomes_html():
    said = dose_section.refused(SteeringError("<img src=x> is no panel"))
    assert "&lt;img" in said
    assert "<img" not in said
