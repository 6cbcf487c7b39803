import torch

from steering.models.forward import TokenBatch, forward, padded

ROWS = [[5, 6, 7], [8]]


def test_rows_are_padded_on_the_left_and_counted_from_their_own_first_token():
    batch = padded(ROWS, fill=9, device="cpu")
    assert batch.tokens.tolist() == [[5, 6, 7], [9, 9, 8]]
    assert batch.mask.tolist() == [[1, 1, 1], [0, 0, 1]]
    assert batch.positions.tolist() == [[0, 1, 2], [0, 0, 0]]
    assert padded(ROWS, fill=None, device="cpu").tokens.tolist() == [[5, 6, 7], [8, 8, 8]]


def test_token_by_token_is_what_a_whole_pass_reads(tiny):
    batch = padded(ROWS, fill=0, device="cpu")
    with torch.inference_mode():
        first = forward(tiny.network, batch, keep=1, use_cache=True)
        step = batch.followed_by([10, 11], cached=True)
        assert step.tokens.tolist() == [[10], [11]]
        by_cache = forward(tiny.network, step, keep=1, cache=first.cache, use_cache=True).logits
        anew = batch.followed_by([10, 11], cached=False)
        assert torch.equal(anew.mask, step.mask)
        assert anew.positions.tolist() == [[0, 1, 2, 3], [0, 0, 0, 1]]
        whole = forward(tiny.network, anew, keep=1).logits
    torch.testing.assert_close(by_cache, whole, atol=1e-4, rtol=1e-4)


def test_what_follows_a_shared_beginning_is_counted_from_its_end(tiny):
    shared = [3, 4]
    rows = [shared + row for row in ROWS]
    with torch.inference_mode():
        first = TokenBatch(torch.tensor([shared]))
        cache = forward(tiny.network, first, keep=1, use_cache=True).cache
        cache.batch_repeat_interleave(2)
        rest = padded(ROWS, fill=0, device="cpu").after([2, 2])
        found = forward(tiny.network, rest, keep=1, cache=cache, use_cache=True).logits
        whole = forward(tiny.network, padded(rows, fill=0, device="cpu"), keep=1).logits
    torch.testing.assert_close(found, whole, atol=1e-4, rtol=1e-4)
