"""Documents beside directions; each kind's own faults: its own test."""

import json
from typing import Any, NotRequired

import pytest
from typing_extensions import TypedDict

from steering.artifacts.measured_document import DocumentKind, of_directions
from steering.errors import SteeringError


class Weighed(TypedDict):
    """A document."""

    schema: int
    model: str
    weights: list[float]
    note: NotRequired[str]


KIND = DocumentKind(
    "weighed.json", 3, Weighed, "weigh", lambda each: "" if each["weights"] else "no weights"
)
WHOLE: dict[str, Any] = {"schema": 3, "model": "tiny", "weights": [1, 2.5]}


def test_a_document_is_read_and_what_it_has_besides_is_left(tmp_path):
    assert KIND.read("tiny", tmp_path) is None
    (tmp_path / "weighed.json").write_text(json.dumps({**WHOLE, "old": 1}))
    assert KIND.read("tiny", tmp_path) == WHOLE
    (tmp_path / "weighed.json").write_text(json.dumps({**WHOLE, "note": "light"}))
    assert KIND.read("tiny", tmp_path) == {**WHOLE, "note": "light"}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"schema": 2}, "schema 2, this version reads schema 3"),
        ({"schema": None}, "schema None"),
        ({"weights": None}, "weights: "),
        ({"weights": [1, "heavy"]}, "weights.1: "),
        ({"weights": []}, "no weights"),
        ({"note": 4}, "note: "),
    ],
)
def test_a_broken_one_says_where_and_what_measures_it_again(tmp_path, change, told):
    (tmp_path / "weighed.json").write_text(json.dumps({**WHOLE, **change}))
    with pytest.raises(SteeringError) as error:
        KIND.read("tiny", tmp_path)
    assert told in str(error.value)
    assert "measure it again with `python -m steering weigh --model tiny`" in str(error.value)


def test_what_other_directions_did_is_not_shown_of_these(tmp_path):
    """Whoever fits anew leaves documents of the old directions beside the new ones."""
    manifest = tmp_path / "manifest.json"
    assert of_directions(WHOLE, tmp_path) == WHOLE
    manifest.write_text(json.dumps({"model": "tiny", "directions_sha256": "a"}))
    written = of_directions(WHOLE, tmp_path)
    assert written["directions"] == "a"
    (tmp_path / "weighed.json").write_text(json.dumps(written))
    assert KIND.read("tiny", tmp_path) == WHOLE
    manifest.write_text(json.dumps({"model": "tiny", "directions_sha256": "b"}))
    with pytest.raises(SteeringError, match="other directions; measure it again"):
        KIND.read("tiny", tmp_path)
    (tmp_path / "weighed.json").write_text(json.dumps(WHOLE))
    assert KIND.read("tiny", tmp_path) == WHOLE, "older documents do not say it"


def test_a_list_is_no_document(tmp_path):
    (tmp_path / "weighed.json").write_text("[]")
    with pytest.raises(SteeringError, match="an object with keys"):
        KIND.read("tiny", tmp_path)
