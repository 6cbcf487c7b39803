import json

import pytest

from steering.contrasts import contrast_document as form
from steering.errors import SteeringError
from steering.system import strict_json


@pytest.fixture
def document(contrast):
    """As it comes out of a file."""
    return json.loads(strict_json.dumps(form.document(contrast)))


def test_what_is_written_is_read_back_to_the_last_digit(contrast, document):
    assert form.read_lists(document) == contrast.texts
    assert form.read_findings(document) == contrast.findings
    assert form.read_shortcuts(document) == contrast.shortcuts


def test_it_says_what_it_comes_to_by_which_rule_and_of_how_many_texts(contrast, document):
    assert document["separates"] is True
    assert document["verdict"] == contrast.verdict
    assert document["rule"].startswith("a contrast separates where")
    assert document["held_out"].startswith("five splits: every text once")
    assert document["layers"][0]["dim_accuracy"]["n"] == 48
    assert document["layers"][0]["dim_shuffled"]["n"] == 999
    assert document["layers"][0]["inlp_shuffled"]["n"] == 5
    assert (document["layer"], document["position"]) == contrast.directions.inlp_point[::-1]
    assert [each["works"] for each in document["shortcuts"]] == [True, True]


def test_another_schema_and_changed_texts_are_refused(document):
    with pytest.raises(SteeringError, match="schema 2, this version reads schema 1"):
        form.read_lists({**document, "schema": 2})
    document["texts"][0][0] = "Something else"
    with pytest.raises(SteeringError, match="texts of the contrast were changed"):
        form.read_lists(document)
