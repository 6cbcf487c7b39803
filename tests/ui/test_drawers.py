from steering.ui import drawers


def test_a_button_names_its_drawer_and_is_shut_at_first():
    made = drawers.opener("numbers", "Numbers & more", "What was <measured>")
    assert 'data-drawer="numbers"' in made
    assert 'aria-expanded="false"' in made
    assert "Numbers &amp; more" in made
    assert "&lt;measured&gt;" in made
    assert "title=" not in drawers.opener("numbers", "Numbers")


def test_the_baseline_has_no_settings_to_open():
    edit, baseline = (drawers.card_openers(has_settings=each) for each in (True, False))
    assert 'data-drawer="settings"' in edit
    assert 'data-drawer="settings"' not in baseline
    assert 'data-drawer="numbers"' in edit
    assert 'data-drawer="numbers"' in baseline


def test_a_drawer_of_the_page_has_a_name_and_can_be_closed():
    made = drawers.head("How it works")
    assert "<h2>How it works</h2>" in made
    assert 'aria-label="Close"' in made
