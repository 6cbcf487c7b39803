import json

import pytest

from steering.data.entry_files import FileKind, read_entries
from steering.errors import SteeringError


def first(names, _where):
    return names[0]


PLAIN = FileKind("thing", first, has_comments=False)
COMMENTED = FileKind("thing", first, has_comments=True)


def written(path, content):
    path.write_text(content, "utf-8")
    return path


def test_the_same_entries_come_out_of_every_format(tmp_path):
    rows = [{"a": "one"}, {"a": "two"}]
    files = {
        "x.json": json.dumps(rows),
        "x.jsonl": "\n".join(map(json.dumps, rows)),
        "x.csv": "a\none\ntwo\n",
    }
    for name, content in files.items():
        found = list(read_entries(written(tmp_path / name, content), PLAIN))
        assert [value for _, value in found] == rows
        assert all(str(tmp_path / name) in where for where, _ in found)
    lines = list(read_entries(written(tmp_path / "x.txt", "one\n\ntwo\n"), PLAIN))
    assert lines == [
        (f"{tmp_path / 'x.txt'}, line {n}", text) for n, text in ((1, "one"), (3, "two"))
    ]


def test_comments_are_left_out_only_where_the_kind_has_them(tmp_path):
    path = written(tmp_path / "x.txt", "# one\ntwo\n")
    assert [value for _, value in read_entries(path, PLAIN)] == ["# one", "two"]
    assert [value for _, value in read_entries(path, COMMENTED)] == ["two"]


def test_errors_name_the_kind(tmp_path):
    with pytest.raises(SteeringError, match="there is no thing file"):
        list(read_entries(tmp_path / "none.txt", PLAIN))
    with pytest.raises(SteeringError, match="not a known kind of thing file"):
        list(read_entries(written(tmp_path / "x.yaml", ""), PLAIN))
    with pytest.raises(SteeringError, match="must hold one list of things"):
        list(read_entries(written(tmp_path / "x.json", "{}"), PLAIN))
