import pytest

from steering.artifacts import folders, store
from steering.artifacts.transfer_document import TransferDocument
from tests.helpers import transfers
from tests.helpers.typed_documents import faults

SHIPPED = [name for name in folders.available() if store.transfer(name)]


@pytest.mark.parametrize("model", SHIPPED)
def test_the_shipped_table_is_what_the_type_says(model):
    assert faults(store.transfer(model), TransferDocument) == []


def test_a_key_that_the_type_does_not_know_is_found():
    document = transfers.document()
    assert faults(document, TransferDocument) == []
    document["pairs"][0]["verdit"] = document["pairs"][0].pop("verdict")
    assert faults(document, TransferDocument) == [
        ".pairs[0] lacks verdict",
        ".pairs[0] has verdit",
    ]
