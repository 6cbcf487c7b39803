"""The tab: two lists alike, and what visitors of a public page may not do."""


def test_both_lists_have_a_name_a_field_and_a_file(tab):
    whole, _ = tab
    first, second = whole.lists
    assert first.name.value != second.name.value
    assert first.texts.label != second.texts.label
    assert first.upload.file_types == second.upload.file_types


def test_on_a_public_page_nobody_changes_what_all_cards_do(tab):
    whole, public = tab
    assert whole.play is not None
    assert whole.back is not None
    assert public.play is None
    assert public.back is None
    assert public.fit is not None


def test_what_there_is_nothing_to_do_with_yet_cannot_be_pressed(tab):
    whole, _ = tab
    for button in (whole.progress.stop, whole.play, whole.save, whole.back):
        assert not button.interactive
    assert whole.fit.interactive
