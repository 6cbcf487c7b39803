"""The probe finds what is added to the stream, whatever it is called, and nothing else."""

import pytest
import torch
from torch import nn

from steering.errors import SteeringError
from steering.interventions.edits import compile_edits, intervene
from steering.interventions.panel import parse
from steering.models.inspection import inspect
from steering.models.residual_writers import find_writers
from tests.helpers.tiny_models_2026 import build_2026, make, shared_tokenizer


class Block(nn.Module):
    """A block that adds up its parts by a rule of the test's own."""

    def __init__(self, rule, n: int = 3) -> None:
        super().__init__()
        self.rule = rule
        for place in range(n):
            self.add_module(f"part{place}", nn.Linear(16, 16))

    def forward(self, hidden_states):
        return self.rule(hidden_states, *self.children())


def found(rule, *, dtype=torch.float32, n: int = 3) -> list[str]:
    blocks = nn.ModuleList([Block(rule, n)]).to(dtype)
    stream = torch.ones(2, 5, 16, dtype=dtype)
    with torch.inference_mode():
        (writers,) = find_writers(blocks, lambda: blocks[0](stream))
    assert not any(
        module._forward_hooks or module._forward_pre_hooks for module in blocks.modules()
    )
    return list(writers.modules)


RULES = {
    "one after another": (
        lambda h, a, b, c: (lambda m: m + c(b(m)))(h + a(h)),
        ["part0", "part2"],
    ),
    "side by side": (lambda h, a, b, c: h + a(h) + b(h) + c(h), ["part0", "part1", "part2"]),
    "times constants": (
        lambda h, a, b, c: 0.6 * (h + 0.22 * a(h) - 3 * c(b(h))),
        ["part0", "part2"],
    ),
    "one part": (lambda h, a, b, c: h + c(b(a(h))), ["part2"]),
    "in one line": (lambda h, a, b, c: h + a(h.view(-1, 16)).view(h.shape), ["part0"]),
    "called twice": (lambda h, a, b, c: h + a(h) + a(b(h)), ["part0"]),
    "in a tuple": (lambda h, a, b, c: (h + a(h), None), ["part0"]),
}
NO_SUMS = {
    "normed": lambda h, a, b, c: c(h + a(h)),
    "gated": lambda h, a, b, c: h + torch.sigmoid(a(h)) * b(h),
    "per token": lambda h, a, b, c: h * torch.arange(1, 6)[:, None] + a(h),
    "through a norm outside": lambda h, a, b, c: torch.relu(h + a(h)),
    "of another width": lambda h, a, b, c: torch.cat([h, a(h)], dim=-1),
    "broken": lambda h, a, b, c: h + a(h) * float("nan"),
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("rule", RULES)
def test_the_parts_that_are_added_are_found_in_every_number_format(rule, dtype):
    made, expected = RULES[rule]
    assert found(made, dtype=dtype) == expected


@pytest.mark.parametrize("rule", NO_SUMS)
def test_a_block_that_is_no_sum_of_its_parts_has_no_writers(rule):
    assert found(NO_SUMS[rule]) == []


def test_a_dropout_does_not_hide_the_part_before_it():
    block = Block(lambda h, a, b, c: h + c(a(h)))
    block.part2 = nn.Dropout(0.1)
    with torch.inference_mode():
        (writers,) = find_writers(
            nn.ModuleList([block.eval()]), lambda: block(torch.ones(1, 4, 16))
        )
    assert list(writers.modules) == ["part0"]


def test_noise_leaves_no_hook_behind_an_error():
    block = Block(lambda h, a, b, c: h + a(h))

    def stopped():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        find_writers(nn.ModuleList([block]), stopped)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in block.modules())


def test_a_site_that_is_missing_is_refused_by_name_and_block_inputs_still_work(fitted):
    """Post-norm blocks, as MiniMax has: the stream is normed before parts are added to it."""
    network = make("qwen3")
    block = network.model.layers[2]
    forward = block.forward
    block.forward = lambda hidden, *args, **options: torch.tanh(forward(hidden, *args, **options))
    model = inspect("odd", network, shared_tokenizer())
    ids = model.render("Why")
    before = model.next_token_logits([ids])
    everywhere = compile_edits([parse("ablation").edit(fitted)])
    with (
        pytest.raises(
            SteeringError,
            match=r"attention of block 2 writes cannot be edited in odd.*side=harmful",
        ),
        intervene(model, everywhere),
    ):
        pass
    assert torch.equal(model.next_token_logits([ids]), before)
    with intervene(model, compile_edits([parse("flip").edit(fitted)])):
        assert not torch.equal(model.next_token_logits([ids]), before)


def test_a_block_of_one_part_is_edited_where_it_writes():
    """Nemotron-H: a block mixes tokens or is an MLP, never both."""
    model = build_2026("nemotron_h")
    for layer, block in enumerate(model.blocks):
        assert [*model.modules(layer, "attention"), *model.modules(layer, "mlp")] == [block.mixer]
