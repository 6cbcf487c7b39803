import pytest

from steering.artifacts import folders, store
from steering.artifacts.run_conditions import recorded_conditions
from steering.artifacts.run_document import RunDocument
from steering.maps.steerable_model import SteerableModel
from steering.ui.playground import ended_runs
from tests.helpers.ended import asked_of, ended
from tests.helpers.typed_documents import faults


def test_a_run_that_is_saved_is_what_the_type_says(tiny, fitted):
    found = ended_runs.document(ended(SteerableModel(tiny, fitted)))
    # JSON has no tuples, and Python's are lists by then.
    kept = {**found, "conditions": dict(found["conditions"])}
    assert faults(kept, RunDocument) == []
    assert faults({**kept, "prompt": None}, RunDocument) != []


@pytest.mark.parametrize("model", folders.available())
def test_a_recording_that_is_saved_is_what_the_type_says(model):
    outline = store.load(model)
    for recording in store.recordings(model)[:2]:
        asked = asked_of(outline, prompt=recording["prompt"])
        manifest = store.manifest(model)
        run = ended_runs.recorded_run(asked, recording, outline, model, manifest)
        assert set(run.said) == {"baseline", "flip"}
        assert run.conditions == recorded_conditions(manifest)
        found = ended_runs.document(run)
        assert found["recorded"]
        assert found["ended"] is None
        assert faults(found, RunDocument) == []
