"""What crosses to another process comes out as it went in, and is plain."""

from dataclasses import fields

import pytest
import torch

from steering.inference import generation
from steering.inference.decode_request import Column
from steering.inference.sampling import Sampling
from steering.interventions.edits import Edit, alike, compile_edits
from steering.interventions.panel import parse
from steering.serving import plain_forms

TEXTS = (
    "ablation",
    "nullspace:k=2",
    "flip:k=2",
    "actadd:c=2",
    "flip:side=harmful",
    "alterrep:c=-1",
)


def is_plain(value) -> bool:
    if isinstance(value, dict):
        return all(isinstance(key, str) and is_plain(each) for key, each in value.items())
    if isinstance(value, list):
        return all(map(is_plain, value))
    return value is None or type(value) in (str, int, float, bool, bytes)


@pytest.mark.parametrize("text", TEXTS)
def test_an_edit_comes_back_as_it_was(fitted, text):
    edit = parse(text).edit(fitted)
    plain = plain_forms.of_edit(edit)
    assert is_plain(plain)
    assert alike(plain_forms.edit(plain), edit)
    other = parse("flip:k=1").edit(fitted)
    assert not alike(plain_forms.edit(plain), other)


def test_no_part_of_an_edit_stays_behind(controlled):
    edits = [
        parse(text).edit(controlled) for text in ("leace", "alterrep:c=1", "flip:side=harmful")
    ]
    usual = Edit(torch.zeros(0, 1), 0.0, torch.zeros(1), torch.zeros(1), ())
    for part in fields(Edit):
        # One of these edits has something there, and it arrives.
        assert any(_differs(getattr(each, part.name), getattr(usual, part.name)) for each in edits)
    for each in edits:
        found = plain_forms.edit(plain_forms.of_edit(each))
        assert alike(found, each)
        states = torch.randn(1, 3, each.center.shape[0])
        one, other = (compile_edits([edit])[each.sites[0]](states) for edit in (found, each))
        assert torch.equal(one, other)


def _differs(one, other):
    if isinstance(one, torch.Tensor):
        return (
            not isinstance(other, torch.Tensor)
            or one.shape != other.shape
            or bool((one != other).any())
        )
    return one != other


def test_columns_come_back_as_they_were(tiny, fitted):
    edits = [None, parse("flip:k=2").edit(fitted)]
    rows = [tiny.render("How do I paint a car?")] * 2
    for column in generation.generate(tiny, rows, edits, Sampling(3)):
        plain = plain_forms.of_column(column)
        assert is_plain(plain)
        found = plain_forms.column(plain)
        assert (found.tokens, found.ended) == (column.tokens, column.ended)
        assert (found.logits is None) == (column.logits is None)
        if column.logits is not None:
            assert torch.equal(found.logits, column.logits)
    ended = Column((None, 3), None, (True, False), (True, False))
    assert plain_forms.column(plain_forms.of_column(ended)).overflowed == (True, False)
