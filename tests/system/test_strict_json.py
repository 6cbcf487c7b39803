import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steering.system import strict_json, whole_files


@given(
    document=st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(st.characters()),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    ),
    escaped=st.booleans(),
)
def test_json_holds_no_nan_and_every_finite_number_to_the_last_bit(document, escaped):
    text = strict_json.dumps(document, ensure_ascii=escaped)
    text.encode("ascii" if escaped else "utf-8")
    found = json.loads(text, parse_constant=pytest.fail)
    assert found == json.loads(json.dumps(strict_json.finite(document)))


def test_nan_and_infinity_become_null_at_every_depth():
    nan, inf = float("nan"), float("inf")
    assert strict_json.finite({"a": [1.5, (nan, {"b": -inf})]}) == {"a": [1.5, [None, {"b": None}]]}


def test_files_hold_null_for_nan_and_names_that_are_not_utf_8(tmp_path):
    document = {"kl": float("nan"), "source": "caf\udce9.txt"}
    whole_files.write_json(tmp_path / "a.json", document)
    whole_files.write_lines(tmp_path / "a.jsonl", [document])
    for text in ((tmp_path / "a.json").read_text("utf-8"), (tmp_path / "a.jsonl").read_text()):
        assert json.loads(text) == {"kl": None, "source": "caf\udce9.txt"}
