import json

import pytest

from steering.artifacts.wording_document import (
    WORDING_FILE,
    WordingDocument,
    arm_of,
    axis_of,
    read,
)
from steering.errors import SteeringError
from tests.helpers.typed_documents import faults
from tests.helpers.wordings import made


def test_a_key_that_the_type_does_not_know_is_found():
    document = made()
    assert faults(document, WordingDocument) == []
    document["wordings"][3]["arms"][1]["refuses"] = document["wordings"][3]["arms"][1].pop(
        "refused"
    )
    assert len(faults(document, WordingDocument)) == 2


def test_it_is_read_from_beside_the_directions_and_may_be_missing(tmp_path):
    assert read("tiny", tmp_path) is None
    path = tmp_path / WORDING_FILE
    path.write_text(json.dumps(made()))
    assert read("tiny", tmp_path) == made()


def _broken(what: str) -> object:
    document = made()
    rows = document["wordings"]
    match what:
        case "schema":
            document["schema"] = 7
        case "nothing":
            return {"schema": 1}
        case "no English":
            rows.pop(0)
        case "an arm less":
            rows[2]["arms"].pop()
        case "a point less":
            rows[2]["points"]["harmful"].pop()
        case "no points":
            rows[2].pop("points")
        case "no rate":
            rows[2]["arms"][0].pop("refused")
    return document


@pytest.mark.parametrize(
    "what",
    [
        *("schema", "nothing", "no English", "an arm less"),
        *("a point less", "no points", "no rate"),
    ],
)
def test_what_is_broken_names_the_command(tmp_path, what):
    (tmp_path / WORDING_FILE).write_text(json.dumps(_broken(what)))
    with pytest.raises(SteeringError, match="wordings --model tiny"):
        read("tiny", tmp_path)


def test_arms_and_axes_are_found_by_name():
    entry = made()["wordings"][1]
    assert arm_of(entry, "actadd", "harmless")["arm"] == "actadd"
    assert arm_of(entry, "actadd", "harmful") is None
    assert axis_of(entry, "inlp")["axis"] == "inlp"
    assert axis_of(entry, "leace") is None
