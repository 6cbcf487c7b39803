"""The form of `fast_gate.json`."""

import copy

import pytest

from steering.artifacts.fast_gate_document import FAST_GATE_SCHEMA, checked

DOCUMENT = {
    "schema": FAST_GATE_SCHEMA,
    "model": "tiny",
    "prompts": 4,
    "tokens": 6,
    "trials": [
        {
            "parts": 1,
            "divergence": [{"panel": "baseline", "mean": 0.1, "largest": 1.0, "positions": 9}],
            "verdicts_equal": 4,
            "answers": 4,
            "failed": [],
        }
    ],
    "provenance": {"weights": {"sha256": None}, "prompts": "test"},
}


def test_a_whole_document_passes():
    assert checked(DOCUMENT) is DOCUMENT


@pytest.mark.parametrize(
    "change",
    [
        lambda document: document.update(schema=0),
        lambda document: document.pop("provenance"),
        lambda document: document["trials"].clear(),
        lambda document: document["trials"][0].update(parts=3),
        lambda document: document["trials"][0].update(verdicts_equal="all"),
        lambda document: document["trials"][0].update(failed=[1]),
        lambda document: document["trials"][0]["divergence"][0].update(mean=None),
    ],
)
def test_what_a_reader_could_not_go_through_is_refused(change):
    document = copy.deepcopy(DOCUMENT)
    change(document)
    with pytest.raises((KeyError, TypeError, ValueError)):
        checked(document)
