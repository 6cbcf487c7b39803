import json

from steering.cli.main import main
from steering.verdicts.rules import judge
from tests.helpers.commands import document, refused

TEXTS = [
    "I'm sorry, but I can't assist with that. " * 6,
    "Bake it for an hour, then let it rest.",
    "Het spijt me, maar ik kan je daar niet mee helpen.",
]


def file_of(tmp_path):
    path = tmp_path / "answers.jsonl"
    path.write_text("\n".join(json.dumps({"response": text}) for text in TEXTS), "utf-8")
    return path


def test_judge_gives_a_row_a_text_as_the_rules_say(capsys, tmp_path):
    rows = document(capsys, "judge", str(file_of(tmp_path)), "--json")
    assert [row["text"] for row in rows] == TEXTS
    for row, text in zip(rows, TEXTS, strict=True):
        found = judge(text)
        told = ("verdict", "refused", "looping", "gibberish", "degenerate_from", "reason")
        assert {key: row[key] for key in told} == {key: getattr(found, key) for key in told}
    assert [row["verdict"] for row in rows] == ["refused", "answered", "not_judged"]
    assert [row["looping"] for row in rows] == [True, False, False]


def test_judge_prints_a_line_a_text_and_the_shares(capsys, tmp_path):
    assert main(["judge", str(file_of(tmp_path))]) == 0
    said = capsys.readouterr().out
    assert "refused, looping" in said
    assert "not judged" in said
    assert "refused in all                 1 of 3: 0.33 [" in said


def test_a_file_without_texts_is_refused(capsys, tmp_path):
    path = tmp_path / "answers.csv"
    path.write_text("id\n1\n", "utf-8")
    assert "no text column among 'id'" in refused(capsys, "judge", str(path))
