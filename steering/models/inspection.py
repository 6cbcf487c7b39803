"""Checks once, at load, that a network can be steered, and what may be done with it."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

import torch

from steering.chat_templates.chat_template import open_template
from steering.errors import SteeringError
from steering.models import constant_first_token, int8_linear
from steering.models.capabilities import measure
from steering.models.chat_model import DEFAULT_OPENERS, ChatModel, NumberFormat, reading
from steering.models.int8_linear import Parts
from steering.models.known_inspection import Inspected
from steering.models.residual_writers import find_writers


def inspect(  # noqa: PLR0913 - what was loaded, and how
    name: str,
    network: Any,  # noqa: ANN401 - transformers' classes have no common typed interface
    tokenizer: Any,  # noqa: ANN401
    *,
    openers: Sequence[str] = DEFAULT_OPENERS,
    number_format: NumberFormat | None = None,
    provenance: Mapping[str, str | None] | None = None,
    thinking: str = "auto",
    known: Inspected | None = None,
) -> ChatModel:
    """Check once that a model can be steered, and wrap it.

    Checked: the decoder blocks are found, a hook at a block's input sees
    [batch, position, d_model], the chat template ends in post-instruction tokens, every refusal
    opener is one token. What it is able to do is tried, unless it is `known`.

    Raises:
        SteeringError: Names the check that failed.
    """
    model = ChatModel(
        name=name,
        network=network.eval(),
        tokenizer=tokenizer,
        number_format=number_format
        or NumberFormat("none", network.dtype, f"{network.dtype} on {network.device}"),
        openers=_encode_openers(name, tokenizer, openers),
        template=open_template(name, tokenizer, thinking=thinking),
        provenance=dict(provenance or {}),
    )
    _ = model.suffix  # A template that appends nothing is told now, not at the first request.
    row = _check_hooks(model)
    abilities = known.abilities if known else measure(network, model.blocks, row)
    if not abilities.causal:
        raise SteeringError(
            f"in {name} a token sees those that come after it, so it cannot write a text from left "
            "to right; choose a chat model"
        )
    writers = find_writers(model.blocks, partial(model.run_blocks, model.batch([row])))
    warnings = known.warnings if known else _warnings(model)
    return replace(model, writers=writers, abilities=abilities, warnings=warnings)


def quantized(model: ChatModel, parts: Parts) -> ChatModel:
    """Give an inspected model fast products; the exact one has to be let go.

    What it is able to do was measured before: rounding would hide that two passes give the same.
    """
    int8_linear.quantize(model.network, parts, model.network.get_output_embeddings())
    # A new object, whose blocks have the modules that write now.
    fast = replace(model)
    pass_through = partial(fast.run_blocks, fast.batch([fast.render("Hello")]))
    return replace(fast, writers=find_writers(fast.blocks, pass_through))


def _encode_openers(name: str, tokenizer: Any, openers: Sequence[str]) -> dict[str, int]:  # noqa: ANN401
    encoded = {}
    for opener in openers:
        ids = tokenizer.encode(opener, add_special_tokens=False)
        if len(ids) != 1:
            raise SteeringError(
                f"the refusal opener {opener!r} is {len(ids)} tokens for {name}, but the refusal "
                "score reads one next token; give openers that are single tokens"
            )
        encoded[opener] = int(ids[0])
    return encoded


def _warnings(model: ChatModel) -> tuple[str, ...]:
    # One by one: it is not known yet whether they may share a batch.
    rows: list[list[int]] = []
    for text in constant_first_token.REQUESTS:
        with suppress(SteeringError):  # a template may refuse some requests
            rows.append(model.render(text))
    if len(rows) < 2:
        return ()
    logits = torch.cat([model.next_token_logits([row]) for row in rows])
    token = model.tokenizer.decode([int(logits[0].argmax())])
    return constant_first_token.remarks(model.name, logits, token)


def _check_hooks(model: ChatModel) -> list[int]:
    row = model.render("Hello")
    with reading(model, [0, model.n_layers - 1]) as states:
        model.run_blocks(model.batch([row]))
    expected = (1, len(row), model.d_model)
    for layer, state in states.items():
        if tuple(state.shape) != expected:
            raise SteeringError(
                f"a hook at block {layer} of {model.name} sees {tuple(state.shape)}, expected "
                f"[batch, position, d_model] = {expected}; this architecture cannot be steered"
            )
    if len(states) < min(2, model.n_layers):
        raise SteeringError(f"the blocks of {model.name} do not run; it cannot be steered")
    return row
