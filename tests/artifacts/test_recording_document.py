from dataclasses import fields
from typing import get_type_hints

import pytest

from steering.artifacts import folders, store
from steering.artifacts.recording_document import RecordedAnswer, Recording
from steering.inference.comparison import Answer
from tests.helpers.typed_documents import faults


@pytest.mark.parametrize("model", folders.available())
def test_the_shipped_recordings_are_what_the_type_says(model):
    found = store.recordings(model)
    assert found
    assert [fault for each in found for fault in faults(each, Recording)] == []


def test_a_recorded_answer_has_the_fields_of_an_answer():
    assert list(get_type_hints(RecordedAnswer)) == [each.name for each in fields(Answer)]
