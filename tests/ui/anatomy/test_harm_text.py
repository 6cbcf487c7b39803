from steering.ui.anatomy import harm_text


def test_the_name_of_a_model_is_text_not_markup():
    assert "<img" not in harm_text.missing("<img src=x>")
