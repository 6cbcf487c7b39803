import pytest

from steering.artifacts import folders, store
from steering.artifacts.manifest_document import Manifest
from tests.helpers.typed_documents import faults


@pytest.mark.parametrize("model", folders.available())
def test_the_shipped_manifests_are_what_the_type_says(model):
    assert faults(store.manifest(model), Manifest) == []


def test_directions_that_were_written_have_a_manifest_of_this_form(folder):
    assert faults(store.manifest("tiny-qwen2", folder), Manifest) == []
