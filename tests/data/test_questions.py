import ast
import json
from collections import Counter

import pytest

from steering.data import questions as module
from steering.data.questions import COMPLETION, Question, questions, read
from steering.errors import SteeringError


def test_there_are_two_hundred_questions_and_no_letter_is_right_more_often():
    asked = [each for each in questions() if not each.is_completion]
    assert len(asked) == 200
    assert Counter(each.right for each in asked) == dict.fromkeys(range(4), 50)
    # Areas are reported, too, and an edit that always says one letter must not look learned there.
    for area in {each.area for each in asked}:
        of_area = Counter(each.right for each in asked if each.area == area)
        assert max(of_area.values()) - min(of_area.values()) <= 1, area
    ends = [each for each in questions() if each.is_completion]
    assert Counter(each.right for each in ends) == dict.fromkeys(range(4), 6)
    assert {each.area for each in asked} == {"general", "arithmetic", "reading", "code"}
    assert len({each.text for each in questions()}) == len(questions()) == 224


def test_the_right_choice_is_not_told_by_its_length():
    """Of four choices one is the longest by chance in a quarter of the questions or so."""
    asked = [each for each in questions() if not each.is_completion]
    longest = [
        each.right == max(range(4), key=lambda i, each=each: len(each.choices[i])) for each in asked
    ]
    assert 0.1 < sum(longest) / len(longest) < 0.45


def test_arithmetic_that_can_be_computed_is_right():
    for each in questions():
        text = each.text.removeprefix("What is ").rstrip("?").replace(" times ", " * ")
        text = text.replace(" minus ", " - ").replace(" divided by ", " / ").replace(", plus", " +")
        if each.area == "arithmetic" and set(text) <= set("0123456789 +-*/"):
            value = eval(compile(ast.parse(text, mode="eval"), "question", "eval"))
            assert float(each.choices[each.right]) == value, each


def test_every_end_of_a_function_is_python_and_only_the_right_one_does_what_is_said():
    """Our own lines, not a model's: these may be run."""
    cases = {
        "add": ((2, 3), 5),
        "is_even": ((4,), True),
        "first": (([7, 8, 9],), 7),
        "last": (([7, 8, 9],), 9),
        "square": ((5,), 25),
        "maximum": ((9, 3), 9),
        "reverse": (("abc",), "cba"),
        "count_vowels": (("apples",), 2),
        "mean": (([2, 4, 9],), 5),
        "positives": (([-1, 0, 1, 2],), [1, 2]),
        "contains": (([1, 2], 2), True),
        "words": ((" a bc ",), ["a", "bc"]),
        "shout": (("aB",), "AB"),
        "clamp": ((3, 1, 5), 3),
        "to_celsius": ((50,), 10),
        "is_palindrome": (("aab",), False),
        "unique": (([1, 1, 5],), 2),
        "swap": (((1, 2),), (2, 1)),
        "total": (([10, 20], 0.5), 45),
        "by_length": ((["bbb", "aa", "c"],), ["c", "aa", "bbb"]),
        "index_of": ((["a", "b"], "b"), 1),
        "invert": (({"a": 1},), {1: "a"}),
        "factorial": ((4,), 24),
        "fibonacci": ((7,), 13),
    }

    again = {
        "is_palindrome": (("abba",), True),
        "is_even": ((3,), False),
        "index_of": ((["a"], "b"), -1),
    }

    def does(beginning: str, end: str) -> object:
        found: dict = {}
        exec(compile(beginning + end, "question", "exec"), found)
        name = beginning.partition("(")[0].removeprefix("def ")
        try:
            return all(
                found[name](*given) == expected
                for given, expected in (cases[name], again.get(name, cases[name]))
            )
        except (RecursionError, TypeError, ValueError, AttributeError, IndexError):
            return False

    ends = [each for each in questions() if each.is_completion]
    assert len(ends) == len(cases)
    for each in ends:
        right = [does(each.text, choice) for choice in each.choices]
        assert right.index(True) == each.right, each
        assert right.count(True) == 1, each


def test_a_file_of_ones_own_is_read(tmp_path):
    path = tmp_path / "mine.jsonl"
    rows = [
        {"question": "2 + 2?", "choices": ["3", "4"], "answer": "B"},
        {"question": "x = ", "choices": ["1", "?"], "answer": "A", "area": COMPLETION},
    ]
    path.write_text("\n".join(map(json.dumps, rows)))
    assert read(path) == (
        Question("own", "2 + 2?", ("3", "4"), 1),
        Question(COMPLETION, "x = ", ("1", "?"), 0),
    )


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("what?", "no object with question"),
        ({"question": 1, "choices": ["a", "b"], "answer": "A"}, "question and area are texts"),
        ({"question": "q", "choices": "ab", "answer": "A"}, "choices is a list"),
        ({"question": "q", "choices": ["a", "b"], "answer": "C"}, "answer=C is no letter"),
        ({"question": "q", "choices": ["a", "b"], "answer": 1}, "answer=1 is no letter"),
        ({"question": "q", "choices": ["a", "a"], "answer": "A"}, "choices that differ"),
        ({"question": " ", "choices": ["a", "b"], "answer": "A"}, "needs a text"),
        ({"question": "q", "choices": ["a", " "], "answer": "A"}, "a choice is empty"),
    ],
)
def test_what_is_no_question_is_refused_with_its_line(tmp_path, entry, message):
    path = tmp_path / "mine.jsonl"
    path.write_text(json.dumps(entry))
    with pytest.raises(SteeringError, match=rf"line 1: .*{message}.*write"):
        read(path)


def test_other_files_and_empty_ones_are_refused(tmp_path):
    with pytest.raises(SteeringError, match=r"\.jsonl or \.json file, not from mine\.csv"):
        read(tmp_path / "mine.csv")
    (tmp_path / "mine.jsonl").write_text("")
    with pytest.raises(SteeringError, match="questions"):
        read(tmp_path / "mine.jsonl")
    assert module.source().startswith("steering/questions.jsonl sha256:")
