import pytest

from steering import formatting

ESTIMATE = {"estimate": 0.5, "low": -0.25, "high": 1.0, "n": 4}
RANGE = {"mean": 0.1, "low": -0.2, "high": 0.3, "seeds": 3}


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (formatting.plain(None), "–"),
        (formatting.plain(float("nan")), "–"),
        (formatting.plain(float("inf")), "∞"),
        (formatting.plain(-0.001), "0.00"),
        (formatting.plain(-0.126), "−0.13"),
        (formatting.plain(12345.6), "12,346"),
        (formatting.signed(0.5), "+0.50"),
        (formatting.signed(-0.5), "−0.50"),
        (formatting.signed(None), "–"),
        (formatting.with_interval(ESTIMATE), "0.50 [−0.25, 1.00]"),
        (formatting.with_interval(ESTIMATE, formatting.signed), "+0.50 [−0.25, +1.00]"),
        (formatting.with_interval(None), "–"),
        (formatting.with_range(RANGE), "0.10 (−0.20 to 0.30)"),
        (formatting.with_range(RANGE, formatting.signed), "+0.10 (−0.20 to +0.30)"),
        (formatting.with_range(None), "–"),
        (formatting.table(["a", "b"], [["1", "2"]]), "| a | b |\n| --- | --- |\n| 1 | 2 |"),
        (formatting.p_value(0.00099), "p < 0.001"),
        (formatting.p_value(0.25), "p = 0.250"),
    ],
)
def test_numbers_are_written_as_people_print_them(shown, expected):
    assert shown == expected


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("k=9 is out of range", "k=9 is out of range."),
        ("no map", "No map."),
        ("Done.", "Done."),
        ("why?", "Why?"),
    ],
)
def test_an_errors_words_become_a_sentence(given, shown):
    assert formatting.sentence(given) == shown


@pytest.mark.parametrize(
    ("token", "shown"),
    [
        (" the", "␣the"),
        ("\n\t", "⏎⇥"),
        ("", "(nothing)"),
        ("\x1b[31m", "⟨1B⟩[31m"),
        ("\x85", "⟨85⟩"),
        ("猫", "猫"),
    ],
)
def test_what_is_not_seen_in_a_token_is_shown(token, shown):
    assert formatting.visible(token) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("no folder /home/ann/.cache/steering/mine; choose", "no folder …/mine; choose"),
        ("'/srv/models/x.gguf' is broken", "'…/x.gguf' is broken"),
        ("in C:\\Users\\ann\\model.json: wrong", "in …/model.json: wrong"),
        ("see ~/models/mine", "see …/mine"),
        ("Qwen/Qwen2 of https://example.org/a/b, 3/4 at /health", None),
        ("nothing", None),
    ],
)
def test_strangers_learn_no_folder_of_this_machine(text, shown):
    found = formatting.without_folders(text)
    assert found == (text if shown is None else shown)
