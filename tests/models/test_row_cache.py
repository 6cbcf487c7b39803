"""Keys and values of rows that come and go."""

import pytest
import torch
from transformers.cache_utils import DynamicCache, DynamicSlidingWindowLayer

from steering.models.row_cache import RowCache, cache_of, rows_of

HEADS, WIDTH, LAYERS = 2, 4, 3


def row(length, value):
    """Return a row whose keys tell it, its layer and its column."""
    columns = torch.arange(length, dtype=torch.float32)
    return [
        (
            (value + 10 * layer + columns[None, :, None] / 100).expand(HEADS, length, WIDTH),
            torch.full((HEADS, length, WIDTH), float(-value)),
        )
        for layer in range(LAYERS)
    ]


def step(cache, values):
    """Add a token a row; return the mask and what each layer may see."""
    mask = cache.begin_step(torch.float32)
    new = torch.tensor(values).view(-1, 1, 1, 1).expand(-1, HEADS, 1, WIDTH)
    seen = [cache.update(new + 10 * layer, -new, layer) for layer in range(LAYERS)]
    cache.end_step()
    return mask, seen


def visible(mask, keys, index):
    return keys[index, 0, mask[index, 0, 0] == 0, 0]


def test_each_row_sees_its_own_tokens_and_no_others():
    cache = RowCache()
    cache.append([row(3, 1.0), row(70, 2.0)])
    mask, seen = step(cache, [5.0, 6.0])
    assert cache.lengths == [4, 71]
    for layer, (keys, _) in enumerate(seen):
        expected = [1, 1.01, 1.02, 5]
        found = visible(mask, keys, 0) - 10 * layer
        torch.testing.assert_close(found, torch.tensor(expected), atol=1e-4, rtol=0)
        assert len(visible(mask, keys, 1)) == 71
    assert seen[0][1][1, 0, 70, 0] == -6


def test_a_row_that_leaves_moves_the_last_one_and_nobody_else():
    cache = RowCache()
    cache.append([row(3, 1.0), row(5, 2.0), row(4, 3.0)])
    cache.remove(0)
    cache.append([row(2, 4.0)])
    assert cache.lengths == [4, 5, 2]
    mask, seen = step(cache, [7.0, 8.0, 9.0])
    firsts = [float(visible(mask, seen[0][0], index)[0]) for index in range(3)]
    assert firsts == [3, 2, 4]
    assert [len(visible(mask, seen[0][0], index)) for index in range(3)] == [5, 6, 3]


def test_numbers_of_a_row_that_is_gone_reach_nobody():
    """What is masked is multiplied by zero, and zero times NaN is NaN."""
    cache = RowCache()
    cache.append([row(3, 1.0), row(60, float("nan"))])
    cache.remove(1)
    cache.append([row(2, 2.0)])
    _, seen = step(cache, [3.0, 4.0])
    assert all(bool(each.isfinite().all()) for pair in seen for each in pair)


def test_what_attention_sees_is_as_wide_for_a_row_alone_as_beside_a_longer_one():
    cache = RowCache()
    cache.append([row(3, 1.0)])
    alone, _ = step(cache, [2.0])
    cache.append([row(9, 2.0)])
    beside, _ = step(cache, [2.0, 3.0])
    assert alone.shape[-1] == beside.shape[-1] == 16


def test_memory_grows_with_rows_and_columns_and_keeps_what_is_there():
    cache = RowCache()
    for value in range(1, 9):
        cache.append([row(10 * value, float(value))])
    for _ in range(60):
        mask, seen = step(cache, [0.5] * 8)
    for index in range(8):
        found = visible(mask, seen[0][0], index)
        assert len(found) == 10 * (index + 1) + 60
        assert float(found[0]) == index + 1


def test_all_rows_may_leave_and_others_come():
    cache = RowCache()
    cache.append([row(3, 1.0)])
    cache.remove(0)
    assert cache.lengths == []
    cache.append([row(4, 2.0)])
    mask, seen = step(cache, [3.0])
    assert len(visible(mask, seen[0][0], 0)) == 5


def filled(width, kinds=()):
    cache = DynamicCache()
    for layer in range(LAYERS):
        if layer in kinds:
            cache.layers.append(DynamicSlidingWindowLayer(sliding_window=4))
        cache.update(torch.ones(2, HEADS, width, WIDTH), torch.ones(2, HEADS, width, WIDTH), layer)
    return cache


def test_rows_are_taken_from_the_cache_of_a_whole_pass():
    found = rows_of(filled(5), range(1, LAYERS), 5)
    assert len(found) == 2
    assert len(found[0]) == LAYERS - 1
    assert found[0][0][0].shape == (HEADS, 5, WIDTH)


@pytest.mark.parametrize(
    ("cache", "width"),
    [
        (filled(5, kinds=[1]), 5),  # a window
        (filled(5), 6),  # not what was read
        (None, 5),
        (DynamicCache(), 5),
    ],
    ids=["window", "other width", "none", "empty"],
)
def test_rows_of_which_more_is_kept_cannot_join(cache, width):
    assert rows_of(cache, range(LAYERS), width) is None


def test_rows_are_given_to_a_network_with_zeros_to_the_left_of_shorter_ones():
    rows = [row(3, 1.0), row(5, 2.0)]
    cache = cache_of(rows)
    short, long = rows_of(cache, range(LAYERS), 5)
    for layer in range(LAYERS):
        for which in (0, 1):
            assert torch.equal(short[layer][which][:, 2:], rows[0][layer][which])
            assert not short[layer][which][:, :2].any()
            assert torch.equal(long[layer][which], rows[1][layer][which])
