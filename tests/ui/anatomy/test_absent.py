from steering.ui.anatomy.absent import absent


def test_the_command_is_named_and_a_model_s_name_is_text_not_markup():
    found = absent("harm", "<img src=x>")
    assert "python -m steering harm --model &lt;img src=x&gt;" in found
    assert "<img" not in found
