"""Rows that differ, and edits that do."""

import pytest
import torch

from steering.bench import row_edits
from steering.inference.decode_request import DecodeRequest
from steering.inference.generation import generate
from steering.inference.sampling import Sampling
from tests.helpers.tiny_models import without_end

MAKERS = (row_edits.at_one_layer, row_edits.at_all_layers, row_edits.additions)


@pytest.mark.parametrize("make", MAKERS)
def test_no_row_is_spared_as_a_copy_of_another(tiny, make):
    same = [tiny.render("Hi")] * 5
    assert DecodeRequest(same, make(tiny, 5), Sampling(2)).same == [0, 1, 2, 3, 4]
    assert DecodeRequest(same, [None] * 5, Sampling(2)).same == [0] * 5
    unlike = row_edits.requests(tiny, 5)
    assert DecodeRequest(unlike, [None] * 5, Sampling(2)).same == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("make", MAKERS)
def test_the_edits_act_at_inputs_of_blocks_and_do_something(tiny, make):
    for edit in make(tiny, 3):
        assert not edit.is_identity
        assert {part for _, part in edit.sites} == {"input"}
        assert len(edit.sites) == (tiny.n_layers if make is row_edits.at_all_layers else 1)


def test_rows_of_an_endless_model_do_not_end(tiny):
    rows = row_edits.requests(tiny, 2)
    (first, *_) = generate(tiny, rows, [None] * 2, Sampling(1))
    ending = without_end(tiny, ends=[token for token in first.tokens if token is not None])
    assert len(list(generate(ending, rows, [None] * 2, Sampling(6)))) == 1
    assert len(list(generate(row_edits.endless(ending), rows, [None] * 2, Sampling(6)))) == 6


def test_requests_are_tokens_of_the_model_and_vectors_have_length_one(tiny):
    rows = torch.tensor(row_edits.requests(tiny, 4))
    assert rows.shape == (4, row_edits.PROMPT_TOKENS)
    assert 0 <= rows.min() <= rows.max() < len(tiny.tokenizer)
    torch.testing.assert_close(row_edits.vectors(tiny, 4).norm(dim=1), torch.ones(4))


def test_plain_generate_writes_as_many_tokens_as_it_says(tiny):
    passes = []
    handle = tiny.blocks[0].register_forward_pre_hook(lambda _m, args: passes.append(len(args[0])))
    row_edits.plain_generate(tiny, row_edits.requests(tiny, 3), 5)()
    handle.remove()
    assert passes == [3] * 5


def test_continuous_batching_writes_as_many_tokens_and_leaves_the_model_as_it_was(tiny):
    before = tiny.network.config._attn_implementation
    rows = row_edits.requests(tiny, 3)
    row_edits.continuous_batching(tiny, rows, 5)()
    assert tiny.network.config._attn_implementation == before
    row_edits.plain_generate(tiny, rows, 5)()
