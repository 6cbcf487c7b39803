"""Passes of many rows, and of one request."""

import pytest
import torch

from steering.inference.decode_request import DecodeRequest
from steering.inference.row_readers import JoinedRows, RowsApart
from steering.inference.sampling import Sampling
from steering.interventions.panel import parse

TEXTS = ("baseline", "ablation", "flip:k=2")


@pytest.fixture
def asked(tiny, fitted):
    rows = [tiny.render(text) for text in ("Why", "How do I paint a car?", "Why")]
    edits = [parse(text).edit(fitted) for text in TEXTS]
    return DecodeRequest(rows, edits, Sampling(max_new_tokens=6))


def logits_of(reader, request):
    """Read a request and go on with the likeliest tokens; return the logits of all steps."""
    found = [reader.take(request)]
    for _ in range(5):
        for row, token in enumerate(found[-1].argmax(-1).tolist()):
            request.written[row].append(token)
        found.append(reader.advance())
    return torch.stack(found)


def test_rows_that_share_slots_get_the_numbers_of_the_networks_own_cache(tiny, asked):
    joined = logits_of(JoinedRows(tiny), asked)
    again = DecodeRequest(asked.rows, asked.edits, asked.sampling)
    apart = logits_of(RowsApart(tiny), again)
    torch.testing.assert_close(joined, apart, atol=1e-3, rtol=1e-3)
    assert torch.equal(joined.argmax(-1), apart.argmax(-1))


def test_members_are_told_by_request_after_some_have_gone(tiny, asked, fitted):
    other = DecodeRequest([tiny.render("Who")] * 2, [None, asked.edits[2]], Sampling(6))
    reader = JoinedRows(tiny)
    for each in (asked, other):
        reader.take(each)
    asked.ended[0] = True
    reader.drop_ended()
    assert reader.members == [(other, 1), (asked, 1), (asked, 2), (other, 0)]
    assert reader.by_request() == {other: [0, 3], asked: [1, 2]}
    assert len(reader.cache.lengths) == 4
    other.over = True
    reader.drop_ended()
    assert {request for request, _ in reader.members} == {asked}


def test_rows_apart_go_together(tiny, asked):
    reader = RowsApart(tiny)
    reader.take(asked)
    asked.ended[1] = True
    reader.drop_ended()
    assert len(reader.members) == 3
    asked.over = True
    reader.drop_ended()
    assert reader.members == []
