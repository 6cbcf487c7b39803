"""What is spared must not show: the numbers are those of plain whole passes, to the last bit."""

import pytest
import torch

from steering.errors import SteeringError
from steering.inference.metrics import perplexity
from steering.inference.next_token import (
    ReadRows,
    answer_losses,
    answer_perplexities,
    by_first_layer,
    logits_under,
)
from steering.interventions.edits import compile_edits, intervene
from steering.interventions.panel import parse

TEXTS = ("How?", "How do I paint a car?", "How do I steal a car?")
PANELS = ("flip:layer=2,k=1", "actadd:c=1,layer=3", "nullspace:k=2,layer=2")


def plain(model, rows, edits, keep=0):
    """Logits of whole passes through all blocks, by a bare call of the network."""
    batch = model.batch(rows)
    with torch.inference_mode(), intervene(model, compile_edits(edits)):
        return model.network(
            input_ids=batch.tokens,
            attention_mask=batch.mask,
            position_ids=batch.positions,
            logits_to_keep=keep,
            use_cache=False,
        ).logits


@pytest.mark.parametrize("layer", [0, 1, 2])
@pytest.mark.parametrize("keep", [None, 3])
def test_rows_under_edits_have_the_bits_of_whole_passes(tiny, fitted, layer, keep):
    rows = [tiny.render(text) for text in TEXTS]
    edits = [None, *(parse(text).edit(fitted) for text in PANELS)]
    read, unedited = ReadRows.unedited(tiny, rows, [layer], keep=keep)
    whole = plain(tiny, [row for row in rows for _ in edits], edits * len(rows), keep or 0)
    assert torch.equal(unedited, plain(tiny, rows, [None] * len(rows), keep or 0))
    found = read.under(edits, layer)
    assert torch.equal(found, whole)
    # The edits do something.
    assert (found[1] - found[0]).abs().max() > 0.01


@pytest.mark.parametrize("panel", ["baseline", "ablation", "flip:k=2"])
def test_logits_without_a_common_beginning_have_the_bits_of_a_whole_pass(tiny, fitted, panel):
    rows = [tiny.render(text) for text in TEXTS]
    rows = [row[skipped:] for skipped, row in enumerate(rows)]
    edit = parse(panel).edit(fitted)
    whole = plain(tiny, rows, [edit] * len(rows), 1)[:, -1]
    found = logits_under(tiny, rows[::-1], edit, batch_size=len(rows))
    order = sorted(range(len(rows)), key=lambda index: len(rows[::-1][index]))
    batch = plain(tiny, [rows[::-1][index] for index in order], [edit] * len(rows), 1)[:, -1]
    assert torch.equal(found[order], batch)
    torch.testing.assert_close(found, whole.flip(0), rtol=1e-4, atol=1e-4)


def test_edits_are_grouped_by_the_block_where_they_begin(fitted):
    texts = ["baseline", "flip:layer=3", "ablation", "flip:layer=3,alpha=0", "flip:layer=1"]
    edits = [parse(text).edit(fitted) for text in [*texts, "actadd:layer=3"]]
    assert by_first_layer(edits) == {0: [2], 1: [4], 3: [1, 5]}
    assert list(by_first_layer(edits)) == [0, 1, 3]


def test_the_perplexity_of_answers_is_that_of_their_own_tokens(tiny):
    answers = [[5, 6, 7], [], [8]]
    rows = [[1, 2, 3, *answer] for answer in answers]
    logits = plain(tiny, rows, [None] * 3)[:, -4:]
    found = answer_perplexities(logits, answers)
    for row, answer in enumerate(answers):
        n = len(answer)
        tokens = torch.tensor([answer], dtype=torch.long)
        own = perplexity(logits[row : row + 1, -1 - n : -1], tokens, torch.ones(1, n).bool())
        assert bool(found[row].isnan()) == (not answer)
        if answer:
            torch.testing.assert_close(found[row], own[0])
    assert answer_perplexities(logits[:, -1:], [[], [], []]).isnan().all()
    lengths = torch.tensor(list(map(len, answers)))
    losses = answer_losses(logits[:, :-1], answers)
    torch.testing.assert_close((losses / lengths).exp(), found, equal_nan=True)
    # Positions before the longest answer are not looked at.
    assert torch.equal(answer_losses(logits[[0, 2], 1:-1], [[6, 7], [8]])[1], losses[2])


@pytest.mark.parametrize("panel", [None, "what is tried"])
def test_numbers_that_overflow_are_refused_where_the_edit_has_a_name(tiny, fitted, panel):
    edit = parse("actadd:c=1").edit(fitted)
    edit.shift.fill_(float("inf"))
    layer = edit.first_layer
    read, _ = ReadRows.unedited(tiny, [tiny.render("How?")], [layer])
    if panel is None:
        assert read.under([edit], layer).isnan().any()
    else:
        with pytest.raises(SteeringError, match="under what is tried is not finite"):
            read.under([edit], layer, panel=panel)
