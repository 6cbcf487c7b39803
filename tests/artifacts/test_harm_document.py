import json
from copy import deepcopy

import pytest

from steering.artifacts.harm_document import HARM_FILE, read
from steering.errors import SteeringError
from tests.helpers.harm_documents import harm_document


def without(document, *path):
    """Return a document that lacks what a path of keys leads to."""
    found = deepcopy(document)
    inner = found
    for key in path[:-1]:
        inner = inner[key]
    del inner[path[-1]]
    return found


@pytest.fixture
def whole():
    return json.loads(json.dumps(harm_document()))


def test_what_was_not_measured_is_none_and_what_was_is_read(tmp_path, whole):
    assert read("tiny", tmp_path) is None
    (tmp_path / HARM_FILE).write_text(json.dumps(whole))
    assert read("tiny", tmp_path) == harm_document()


@pytest.mark.parametrize(
    ("path", "told"),
    [
        (("points",), "points"),
        (("points", 0, "refused"), "points.0.refused"),
        (("axes", "harm", "middle"), "axes.harm.middle"),
        (("axes", "harm"), "axes refusal"),
        (("inversion", "rows", 1, "judgement", "change"), "inversion.rows.1.judgement.change"),
        (("correlations",), "correlations"),
    ],
)
def test_a_document_that_lacks_something_is_broken(tmp_path, whole, path, told):
    (tmp_path / HARM_FILE).write_text(json.dumps(without(whole, *path)))
    with pytest.raises(SteeringError, match="harm --model tiny") as error:
        read("tiny", tmp_path)
    assert told in str(error.value)


def test_other_schemas_sets_and_numbers_are_broken(tmp_path, whole):
    foreign = deepcopy(whole)
    foreign["inversion"]["rows"][0]["set"] = "borderline"
    narrow = deepcopy(whole)
    narrow["axes"]["harm"]["direction"].pop()
    for broken in (foreign, narrow, {**whole, "schema": 99}, {**whole, "points": "none"}):
        (tmp_path / HARM_FILE).write_text(json.dumps(broken))
        with pytest.raises(SteeringError, match="harm --model tiny"):
            read("tiny", tmp_path)
    whole["points"][0]["harm"] = float("nan")
    (tmp_path / HARM_FILE).write_text(json.dumps(whole))
    with pytest.raises(SteeringError, match="not finite"):
        read("tiny", tmp_path)


def test_a_document_of_another_model_is_not_taken_for_its_own(tmp_path, whole):
    (tmp_path / HARM_FILE).write_text(json.dumps(whole))
    (tmp_path / "manifest.json").write_text(json.dumps({"model": "tiny"}))
    assert read("tiny", tmp_path) is not None
    (tmp_path / "manifest.json").write_text(json.dumps({"model": "big"}))
    with pytest.raises(SteeringError, match="has model tiny, not big"):
        read("big", tmp_path)
