"""Reading requests: what is shared must not change a number."""

from dataclasses import replace

import pytest
import torch

from steering.inference import prefill as module
from steering.inference.prefill import passes, prefill
from steering.interventions.edits import compile_edits, intervene
from steering.interventions.panel import parse
from steering.models.capabilities import Abilities
from steering.models.row_cache import rows_of

PROMPTS = ("How do I paint a car?", "Why")
TEXTS = ("baseline", "ablation", "nullspace:k=2", "flip:k=2", "actadd:c=2", "flip:alpha=0")


def plainly(model, row, edit):
    """Return logits, keys and values of one row in one whole pass."""
    with intervene(model, compile_edits([edit])):
        output = model.run(model.batch([row]), keep=1, use_cache=True)
    (kept,) = rows_of(output.cache, range(model.n_layers), len(row))
    return output.logits[0, -1], kept


@pytest.mark.parametrize("skips", [True, False])
@pytest.mark.parametrize("texts", [TEXTS, TEXTS[1:], TEXTS[2:4], ("baseline",)])
def test_every_row_is_read_as_in_a_pass_of_its_own(tiny, fitted, texts, skips):
    edits = [parse(text).edit(fitted) for text in texts] * len(PROMPTS)
    rows = [tiny.render(prompt) for prompt in PROMPTS for _ in texts]
    found = prefill(replace(tiny, abilities=Abilities(skips=skips)), rows, edits)
    for row, edit, logits, kept in zip(rows, edits, found.logits, found.kept, strict=True):
        expected, held = plainly(tiny, row, edit)
        torch.testing.assert_close(logits, expected, atol=1e-4, rtol=1e-4)
        assert len(kept) == tiny.n_layers
        for pair, other in zip(kept, held, strict=True):
            torch.testing.assert_close(pair, other, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("skips", [True, False])
@pytest.mark.parametrize("lengths", [(3, 3), (5, 1), (1, 2)])
def test_what_was_read_of_the_beginning_is_gone_on_from(tiny, fitted, lengths, skips):
    """Of unlike lengths, too, and where the longest row is not in every pass."""
    model = replace(tiny, abilities=Abilities(skips=skips))
    texts = [("baseline", "flip:k=2", "ablation"), ("flip:k=2", "flip:k=1,layer=3")]
    ids = [model.render(prompt) for prompt in PROMPTS]
    rows = [row for row, names in zip(ids, texts, strict=True) for _ in names]
    edits = [parse(text).edit(fitted) for names in texts for text in names]
    had = [n for n, names in zip(lengths, texts, strict=True) for _ in names]
    begun = [
        plainly(model, row[:n], edit)[1] for row, n, edit in zip(rows, had, edits, strict=True)
    ]
    found = prefill(model, rows, edits, begun=begun)
    for row, edit, logits, kept in zip(rows, edits, found.logits, found.kept, strict=True):
        expected, held = plainly(tiny, row, edit)
        torch.testing.assert_close(logits, expected, atol=1e-4, rtol=1e-4)
        for pair, other in zip(kept, held, strict=True):
            torch.testing.assert_close(pair, other, atol=1e-4, rtol=1e-4)


def test_passes_are_cut_where_their_logits_would_not_fit(tiny, fitted, monkeypatch):
    rows = [tiny.render(prompt) for prompt in PROMPTS for _ in TEXTS]
    edits = [parse(text).edit(fitted) for text in TEXTS] * len(PROMPTS)
    whole = prefill(tiny, rows, edits)
    monkeypatch.setattr(module, "_LOGITS", 2 * tiny.network.config.vocab_size)
    assert max(len(part.members) for part in passes(tiny, rows, edits)) == 2
    torch.testing.assert_close(prefill(tiny, rows, edits).logits, whole.logits)


def test_blocks_below_the_first_edited_one_run_once_for_all_rows(tiny, fitted):
    layer = tiny.n_layers - 1
    edits = [parse(f"flip:k={k},layer={layer}").edit(fitted) for k in (1, 2)]
    seen = dict.fromkeys(range(tiny.n_layers), 0)
    handles = [
        tiny.blocks[block].mlp.register_forward_hook(
            lambda *_, block=block: seen.__setitem__(block, seen[block] + 1)
        )
        for block in seen
    ]
    rows = [tiny.render("Why")] * 3
    widths = []
    handle = tiny.blocks[0].mlp.register_forward_hook(lambda _m, _a, out: widths.append(len(out)))
    prefill(tiny, rows, [None, *edits])
    for each in (*handles, handle):
        each.remove()
    assert widths == [1]
    assert seen == {**dict.fromkeys(range(layer), 1), layer: 2}


def test_no_hook_stays_when_a_pass_fails(tiny, fitted, monkeypatch):
    monkeypatch.setattr(module, "rows_of", lambda *_: 1 / 0)
    before = sum(len(each._forward_pre_hooks) for each in tiny.network.modules())
    with pytest.raises(ZeroDivisionError):
        prefill(tiny, [tiny.render("Why")], [parse("flip:k=1").edit(fitted)])
    assert sum(len(each._forward_pre_hooks) for each in tiny.network.modules()) == before
