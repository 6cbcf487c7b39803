import json

import pytest

from steering.data.answer_files import ANSWER_COLUMNS, AnswerText, read
from steering.errors import SteeringError

TEXTS = ["I cannot help with that.", "Sure, here it is:\n\n1. Knead. ", ""]


def written(path, content):
    path.write_text(content, "utf-8")
    return path


@pytest.mark.parametrize("column", ANSWER_COLUMNS)
def test_a_column_of_any_of_these_names_holds_the_texts_to_the_letter(tmp_path, column):
    rows = [{"prompt": "p", column: text} for text in TEXTS]
    expected = tuple(AnswerText(text, ended=True) for text in TEXTS)
    lines = "\n".join(map(json.dumps, rows))
    assert read(written(tmp_path / "a.jsonl", lines)) == expected
    assert read(written(tmp_path / "a.json", json.dumps({"rows": rows}))) == expected
    quoted = "\n".join(f'p,"{text}"' for text in TEXTS)
    assert read(written(tmp_path / "a.csv", f"prompt,{column}\n{quoted}\n")) == expected


def test_bare_strings_and_lines_are_texts_even_where_they_begin_like_a_comment(tmp_path):
    assert [a.text for a in read(written(tmp_path / "a.json", json.dumps(TEXTS)))] == TEXTS
    found = read(written(tmp_path / "a.txt", "# A heading\n\nYes.\n"))
    assert [answer.text for answer in found] == ["# A heading", "Yes."]


@pytest.mark.parametrize(
    ("more", "ended"),
    [
        ({}, True),
        ({"ended": True}, True),
        ({"ended": False}, False),
        ({"ended": "False"}, False),
        ({"ended": None}, True),
        ({"finish_reason": "stop"}, True),
        ({"finish_reason": "length"}, False),
        ({"stop_reason": "max_tokens"}, False),
    ],
)
def test_a_file_may_say_whether_an_answer_was_cut(tmp_path, more, ended):
    path = written(tmp_path / "a.jsonl", json.dumps({"response": "I'm sorry, but", **more}))
    assert read(path) == (AnswerText("I'm sorry, but", ended),)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.jsonl", '{"reply": "x"}', r"line 1: no text column among 'reply'; name the one with"),
        ("a.jsonl", '{"response": 3}', r"line 1, 'response': the answer is 3, a int"),
        ("a.jsonl", '{"response": "x", "ended": "maybe"}', "'maybe' is neither true nor false"),
        ("a.jsonl", "{", "line 1: broken JSON"),
        ("a.csv", "reply\nx\n", "no text column among 'reply'"),
        ("a.json", "{}", "must hold one list of answers"),
        ("a.jsonl", "", "holds no answers"),
        ("a.yaml", "x", "not a known kind of answer file"),
    ],
)
def test_a_file_that_holds_no_answers_is_refused_with_its_place(tmp_path, name, content, said):
    with pytest.raises(SteeringError, match=said):
        read(written(tmp_path / name, content))


def test_a_file_that_is_not_there_is_said(tmp_path):
    with pytest.raises(SteeringError, match="there is no answer file"):
        read(tmp_path / "none.jsonl")
