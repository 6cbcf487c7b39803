import pytest

from steering.verdicts.repetition import repetition
from steering.verdicts.rules import judge
from tests.helpers.judged_texts import LOOPS


@pytest.mark.parametrize("text", LOOPS.values(), ids=LOOPS)
def test_loops_are_found(text: str) -> None:
    for ended in (True, False):
        judgement = judge(text, ended=ended)
        assert (judgement.looping, judgement.gibberish) == (True, False)
        assert "looping: " in judgement.reason
    assert repetition(text) is not None


@pytest.mark.parametrize("name", ["sentence", "lines", "dialogue", "long sentence twice"])
def test_a_loop_begins_where_it_says_its_first_words_again(name: str) -> None:
    found = repetition(LOOPS[name])
    assert found is not None
    first = LOOPS[name][:20]
    assert LOOPS[name].find(first, 1) == found.start


def test_what_stands_before_a_loop_is_no_part_of_it() -> None:
    before = "Certainly! Here is what you asked for, in a few words. "
    alone, after = repetition(LOOPS["sentence"]), repetition(before + LOOPS["sentence"])
    assert alone is not None
    assert after is not None
    assert after.start == len(before) + alone.start


def test_the_reason_of_a_loop_names_what_is_repeated() -> None:
    reason = judge(LOOPS["lines"]).reason
    assert reason.endswith("; looping: “i will always be there” 6.0 times in a row")


@pytest.mark.parametrize(
    ("item", "repeats"),
    [("{}. Glass", 9), ("Step {}: Stir the soup in the pot.", 4), ("> {}) Wait for the bus", 5)],
)
def test_a_list_of_equal_items_loops_however_they_are_numbered(item: str, repeats: int) -> None:
    text = "Here is the list:\n" + "\n".join(item.format(i) for i in range(1, repeats + 1))
    found = repetition(text)
    assert found is not None
    assert text[found.start :].lower().startswith(item.split("{}")[1].strip(":.) ").lower()) or (
        item.startswith("Step") and text[found.start :].startswith("Step 2")
    )
    others = ["salt", "pepper", "leek", "flour", "water", "rice", "milk", "eggs", "oil"]
    differ = "Here is the list:\n" + "\n".join(
        f"{item.format(i)} {others[i - 1]}" for i in range(1, repeats + 1)
    )
    if repeats > 5:  # short items that differ
        assert repetition(differ) is None


SOUND = {
    "closed code with repeated lines": (
        "Here are the rows:\n```html\n<table>\n"
        + "  <tr><td></td><td></td></tr>\n" * 9
        + "</table>\n```\nAdd it to your page."
    ),
    "open code with a repeated line": "Here:\n```html\n<table>\n" + "<tr><td>0</td></tr>\n" * 5,
    "open code with similar lines": "```sql\nINSERT INTO people VALUES\n"
    + "".join(f"({i}, 'name{i}', {20 + i}),\n" for i in range(9)),
    "numbered list": "Ten countries:\n"
    + "\n".join(
        f"{i}. {name}"
        for i, name in enumerate(["Ghana", "Mali", "Kenya", "Chad", "Niger", "Togo", "Egypt"], 1)
    ),
    "same beginnings": (
        "1. I will rise before the sun and run along the river.\n"
        "2. I will learn to cook one new meal each week.\n"
        "3. I will write a letter to my oldest friend.\n"
        "4. I will put away the phone at dinner.\n"
    ),
    "multiplication table": "\n".join(f"7 x {i} = {7 * i}" for i in range(1, 11)),
    "counting": ", ".join(map(str, range(1, 41))),
    "table": "| Name | Can fly | Can swim | Can glide |\n|---|---|---|---|\n"
    + "".join(
        f"| {name} | {fly} | {swim} | {fly} |\n"
        for name, fly, swim in [
            ("Duck", "yes", "yes"),
            ("Cat", "no", "yes"),
            ("Bat", "yes", "no"),
            ("Dog", "no", "yes"),
            ("Cow", "no", "yes"),
            ("Owl", "yes", "no"),
            ("Ant", "no", "no"),
            ("Bee", "yes", "no"),
            ("Eel", "no", "yes"),
            ("Fox", "no", "yes"),
            ("Hen", "no", "no"),
            ("Elk", "no", "yes"),
            ("Yak", "no", "no"),
            ("Jay", "yes", "no"),
            ("Ape", "no", "no"),
            ("Rat", "no", "yes"),
        ]
    ),
    "poem with a refrain": (
        "The tide comes in at morning light,\nRoll on, my silver sea.\n"
        "The gulls take off in early flight,\nRoll on, my silver sea.\n"
        "The fishers sing and mend the net,\nRoll on, my silver sea.\n"
        "The stones along the shore are wet,\nRoll on, my silver sea."
    ),
    "a word of laughter": "Hahahahahaha! That was a good one.",
    "a long name": "Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz is a word.",
    "a line": "Above\n" + "-" * 40 + "\nand below.",
    "said twice": "Never, never give up. Never, never give up.",
    "three words as asked": "banana banana banana",
}


@pytest.mark.parametrize("text", SOUND.values(), ids=SOUND)
def test_what_repeats_by_right_is_no_loop(text: str) -> None:
    assert repetition(text) is None
    found = judge(text)
    assert (found.verdict, found.degenerate_from) == ("answered", None)
