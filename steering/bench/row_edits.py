"""Rows that differ in request and edit, so that none is spared as a copy of another."""

import copy
from collections.abc import Callable
from dataclasses import fields
from typing import Final

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize
from transformers import ContinuousBatchingConfig

from steering.bench.rounds import Contender
from steering.interventions.edits import Edit, Site
from steering.models.chat_model import ChatModel

PROMPT_TOKENS: Final = 32
"""Length of every row's request (chosen: a sentence in a chat template)."""
RowEdits = Callable[[ChatModel, int], list[Edit | None]]
"""Edits of a number of rows, each another one."""


class EndlessModel(ChatModel):
    """A chat model whose rows never end by themselves, so that every contender does the same."""

    @property
    def end_ids(self) -> frozenset[int]:
        """No token ends a text."""
        return frozenset()


def endless(model: ChatModel) -> EndlessModel:
    """Return the same model without tokens that end a text."""
    return EndlessModel(**{each.name: getattr(model, each.name) for each in fields(model)})


def requests(model: ChatModel, count: int) -> list[list[int]]:
    """Return rows of random tokens."""
    chosen = torch.Generator().manual_seed(0)
    size = min(model.network.get_input_embeddings().num_embeddings, len(model.tokenizer))
    shape = (count, min(PROMPT_TOKENS, model.context_length // 2))
    return [list(map(int, row)) for row in torch.randint(size, shape, generator=chosen)]


def vectors(model: ChatModel, count: int) -> Float[Tensor, "row d_model"]:
    """Return a random direction of length 1 for every row."""
    chosen = torch.Generator().manual_seed(0)
    return normalize(torch.randn(count, model.d_model, generator=chosen))


def at_one_layer(model: ChatModel, count: int) -> list[Edit | None]:
    """Return the ablation of another direction for every row, at the middle layer."""
    return _ablations(model, count, ((middle(model), "input"),))


def at_all_layers(model: ChatModel, count: int) -> list[Edit | None]:
    """Return the same at the input of every block."""
    return _ablations(model, count, tuple((layer, "input") for layer in range(model.n_layers)))


def additions(model: ChatModel, count: int) -> list[Edit | None]:
    """Return the addition of another vector for every row, at the middle layer."""
    zero = torch.zeros(model.d_model)
    site: Site = (middle(model), "input")
    return [
        Edit(basis=each[None][:0], alpha=0.0, center=zero, shift=each, sites=(site,))
        for each in vectors(model, count)
    ]


def middle(model: ChatModel) -> int:
    """Return the layer in the middle."""
    return model.n_layers // 2


def plain_generate(model: ChatModel, rows: list[list[int]], tokens: int) -> Contender:
    """Return what transformers' own `generate` does with rows of one length, unedited."""
    ids = torch.tensor(rows, device=model.device)

    @torch.inference_mode()
    def run() -> None:
        model.network.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=tokens,
            min_new_tokens=tokens,
            do_sample=False,
            pad_token_id=0,
        )

    return run


def continuous_batching(model: ChatModel, rows: list[list[int]], tokens: int) -> Contender:
    """Return what transformers' loop for a server does with rows, unedited: each its own request.

    It starts a thread of its own every time, as a server does once, and would take nearly all
    memory for its pages: here it gets as many as the rows need.
    """
    network = model.network
    pages = ContinuousBatchingConfig(
        num_blocks=len(rows) * (2 + (len(rows[0]) + tokens) // 256),
        max_batch_tokens=max(256, sum(map(len, rows))),
    )
    config = copy.deepcopy(network.generation_config)
    config.update(max_new_tokens=tokens, do_sample=False, eos_token_id=-1, pad_token_id=0)

    def run() -> None:
        found = network.generate_batch(
            rows, generation_config=config, continuous_batching_config=pages, progress_bar=False
        )
        written = [len(each.generated_tokens) for each in found.values()]
        if written != [tokens] * len(rows):
            raise RuntimeError(f"continuous batching wrote {written} tokens, not {tokens} a row")

    return run


def _ablations(model: ChatModel, count: int, sites: tuple[Site, ...]) -> list[Edit | None]:
    zero = torch.zeros(model.d_model)
    return [
        Edit(basis=each[None], alpha=1.0, center=zero, shift=zero, sites=sites)
        for each in vectors(model, count)
    ]
