"""What is asked of the decode loop."""

import pytest
import torch

from steering.errors import SteeringError
from steering.inference.decode_request import DecodeRequest, require_tokens
from steering.inference.prefill import prefill
from steering.inference.row_readers import JoinedRows
from steering.inference.sampling import Sampling
from steering.interventions.panel import parse


def test_edits_and_rows_must_be_as_many():
    with pytest.raises(ValueError, match="1 edits for 2 rows"):
        DecodeRequest([[1], [1]], [None], Sampling())


def test_rows_are_alike_if_prompt_and_edit_are(fitted):
    texts = ("flip:k=2", "flip:k=2", "flip:k=1", "flip:k=2,side=harmful", "flip:alpha=0")
    edits = [None, *(parse(text).edit(fitted) for text in texts)]
    asked = DecodeRequest([[1, 2]] * 6, edits, Sampling())
    assert asked.same == [0, 1, 1, 3, 4, 0]
    other = DecodeRequest([[1, 2], [1, 3], [1, 2]], [None] * 3, Sampling())
    assert other.same == [0, 1, 0]
    assert list(other.written) == [0, 1]


def test_what_was_read_is_told_of_every_row_those_that_are_alike_included(tiny, fitted):
    flip = parse("flip:k=2").edit(fitted)
    ids = tiny.render("Why")
    edits = [flip, None, flip, None]
    asked = DecodeRequest([ids] * 4, edits, Sampling(), keeps_read=True)
    assert asked.every_read is None
    JoinedRows(tiny).take(asked)
    found, expected = asked.every_read, prefill(tiny, [ids] * 4, edits)
    torch.testing.assert_close(found.logits, expected.logits, atol=1e-4, rtol=1e-4)
    assert [kept is found.kept[0] for kept in found.kept] == [True, False, True, False]
    other = DecodeRequest([ids] * 4, edits, Sampling())
    JoinedRows(tiny).take(other)
    assert other.every_read is None


def test_tokens_that_are_not_the_models_are_named(tiny):
    vocab = tiny.network.config.vocab_size
    require_tokens(tiny, range(vocab))
    for wrong in (-1, vocab):
        with pytest.raises(SteeringError, match=rf"^{wrong} is no token of .*: 0 to {vocab - 1};"):
            require_tokens(tiny, [0, wrong, 10**9])
