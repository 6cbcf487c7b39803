import json

import pytest

from steering.artifacts.capability_document import CAPABILITY_FILE, CapabilityDocument, read
from steering.errors import SteeringError
from tests.helpers.typed_documents import faults

RATE = {"estimate": 0.5, "low": 0.2, "high": 0.8, "n": 4}


def made() -> dict:
    rate = {**RATE, "share": RATE, "difference": None}
    row = {"panel": "baseline", "questions": rate, "completions": None, "areas": {"code": rate}}
    row |= {"refused": None, "on_front": None}
    return {"schema": 1, "model": "tiny", "source": "test", "panels": [row]}


def test_a_key_that_the_type_does_not_know_is_found():
    document = made()
    assert faults(document, CapabilityDocument) == []
    document["panels"][0]["refuse"] = document["panels"][0].pop("refused")
    assert faults(document, CapabilityDocument) == [
        ".panels[0] lacks refused",
        ".panels[0] has refuse",
    ]


def test_it_is_read_from_beside_the_directions_and_may_be_missing(tmp_path):
    assert read("tiny", tmp_path) is None
    path = tmp_path / CAPABILITY_FILE
    path.write_text(json.dumps(made()))
    assert read("tiny", tmp_path) == made()
    for broken in ({**made(), "schema": 7}, {"schema": 1}, {"schema": 1, "panels": {}}):
        path.write_text(json.dumps(broken))
        with pytest.raises(SteeringError, match="capability --model tiny"):
            read("tiny", tmp_path)
