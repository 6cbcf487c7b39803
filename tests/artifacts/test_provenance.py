import json
from dataclasses import replace

import pytest
import torch

from steering.artifacts.provenance import fingerprint, machine, provenance, unnamed_weights
from steering.models.chat_model import NumberFormat
from steering.models.inspection import inspect


def test_what_is_stored_is_json_and_names_what_the_numbers_hang_on(tiny):
    found = provenance(tiny, "prompts.txt sha256:0")
    assert json.loads(json.dumps(found)) == found
    assert found["prompts"] == "prompts.txt sha256:0"
    assert found["suffix"] == list(tiny.suffix)
    assert found.items() >= machine(tiny).items()


@pytest.mark.parametrize(
    ("change", "key"),
    [
        (lambda model: replace(model, provenance={"source": "elsewhere"}), "weights"),
        (
            lambda model: replace(model, number_format=NumberFormat("int8", torch.float32, "")),
            "quantization",
        ),
        (lambda model: model.under("Be brief."), "system"),
    ],
    ids=["weights", "number format", "system prompt"],
)
def test_what_changes_the_numbers_changes_one_entry(tiny, change, key):
    before, after = provenance(tiny, "x"), provenance(change(tiny), "x")
    assert [name for name in before if before[name] != after[name]] == [key]


def test_weights_that_nothing_names_have_a_fingerprint_which_tells_others_apart(tiny, own_copy):
    network, tokenizer = own_copy(tiny)
    assert fingerprint(inspect(tiny.name, network, tokenizer)) == fingerprint(tiny)
    network.model.layers[0].mlp.down_proj.weight.data.mul_(-1)
    other = inspect(tiny.name, network, tokenizer)
    assert unnamed_weights(other) == {"fingerprint": fingerprint(other)}
    assert fingerprint(other) != fingerprint(tiny)
    for name in ("sha256", "revision"):
        assert unnamed_weights(replace(tiny, provenance={name: "ab"})) == {}
