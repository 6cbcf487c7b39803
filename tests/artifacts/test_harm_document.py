import json

import pytest

from steering.artifacts import harm_document
from steering.artifacts.harm_document import HARM_FILE, HARM_SCHEMA
from steering.errors import SteeringError


def test_what_was_not_measured_is_none_and_what_was_is_read(tmp_path):
    assert harm_document.read("tiny", tmp_path) is None
    document = {"schema": HARM_SCHEMA, "model": "tiny", "points": []}
    (tmp_path / HARM_FILE).write_text(json.dumps(document))
    assert harm_document.read("tiny", tmp_path) == document


@pytest.mark.parametrize("content", [{"schema": 99, "points": []}, {"schema": HARM_SCHEMA}])
def test_other_forms_say_how_to_measure_again(tmp_path, content):
    (tmp_path / HARM_FILE).write_text(json.dumps(content))
    with pytest.raises(SteeringError, match="harm --model tiny"):
        harm_document.read("tiny", tmp_path)
