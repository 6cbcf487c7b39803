import json

import pytest

from steering.artifacts.patching_document import PATCHING_FILE, PatchingDocument, read
from steering.errors import SteeringError
from tests.helpers.patching import made
from tests.helpers.typed_documents import faults


def test_a_key_that_the_type_does_not_know_is_found():
    document = made()
    assert faults(document, PatchingDocument) == []
    document["look_at"] = document.pop("looked_at")
    assert len(faults(document, PatchingDocument)) == 2


def test_it_is_read_from_beside_the_directions_and_may_be_missing(tmp_path):
    assert read("tiny", tmp_path) is None
    path = tmp_path / PATCHING_FILE
    path.write_text(json.dumps(made()))
    assert read("tiny", tmp_path) == made()
    short, without, other = made(), made(), made()
    short["restored"]["refusal"]["whole"]["low"].pop()
    del without["restored"]["refusal"]["random"]
    other["basis"] = "pca"
    lacking = {key: value for key, value in made().items() if key != "over_whole"}
    broken_ones = [{**made(), "schema": 7}, {"schema": 1}, {**made(), "restored": {}}]
    broken_ones += [short, without, other, lacking, {**made(), "point": [-1]}]
    for broken in broken_ones:
        path.write_text(json.dumps(broken))
        with pytest.raises(SteeringError, match="patch --model tiny"):
            read("tiny", tmp_path)
