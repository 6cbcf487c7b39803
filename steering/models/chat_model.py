"""A loaded chat model: its blocks, its chat template, its refusal openers; see `inspection`.

Layer l always means the residual stream at the INPUT of decoder block l, and position -1 the last
token that the chat template appends after the user's text (a post-instruction token, Arditi et al.
2024, sec. 2.3).
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any, Literal, cast

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from steering.chat_templates.chat_template import ChatTemplate, open_template
from steering.chat_templates.turns import Exchange, size_of, too_long
from steering.errors import SteeringError
from steering.models.blocks import SitePart, find_blocks, find_decoder
from steering.models.capabilities import Abilities
from steering.models.forward import TokenBatch, forward, padded
from steering.models.residual_writers import Writers

Quantization = Literal["none", "nf4", "int8"]
_UNLIMITED = 2**20
"""Tokens that a model without a limit is taken to read at most (chosen)."""
DEFAULT_OPENERS = ("I", "As")
"""First words of a refusal for models that the catalog does not know (Arditi et al. for Qwen)."""


@dataclass(frozen=True)
class NumberFormat:
    """How the weights are held.

    Attributes:
        quantization: `none`, `nf4` or `int8`.
        dtype: Of the computation, and of the residual stream.
        reason: One sentence for the visitor: what was taken, and why.
        packed: Whether the weights lie as the CPU's matrix library reads them.
        parts: Integers that stand for a number of the states in fast products (`int8_linear`);
            0 where products are exact.
    """

    quantization: Quantization
    dtype: torch.dtype
    reason: str
    packed: bool = False
    parts: Literal[0, 1, 2] = 0


@dataclass(frozen=True, eq=False)
class ChatModel:
    """A chat model that has passed the checks of `inspection.inspect`.

    Attributes:
        name: Catalog name, hub id or path, as the visitor gave it.
        network: The transformers model, in evaluation mode; nobody changes it but through hooks.
        tokenizer: Its tokenizer, with a chat template.
        number_format: Quantization and dtype, and why they were taken.
        openers: First words of a refusal, text to token id.
        template: Its chat template, in one mode.
        provenance: Source, SHA-256 or revision of the weights.
        turn: Entered by every forward pass; background work has one that lets visitors go first.
        writers: Of each block, the modules that write into the residual stream.
        abilities: What may be done with the network without changing its numbers.
        warnings: Sentences to show beside this model's numbers.
    """

    name: str
    network: Any
    tokenizer: Any
    number_format: NumberFormat
    openers: Mapping[str, int]
    template: ChatTemplate
    provenance: Mapping[str, str | None]
    turn: Callable[[], AbstractContextManager[object]] = nullcontext
    writers: tuple[Writers, ...] = ()
    abilities: Abilities = field(default_factory=Abilities)
    warnings: tuple[str, ...] = ()

    @property
    def suffix(self) -> tuple[str, ...]:
        """The post-instruction tokens, as text, first to last; position -1 is the last one."""
        return self.template.suffix

    @cached_property
    def blocks(self) -> nn.ModuleList:
        """The decoder blocks, in order."""
        return find_blocks(self.network)

    @cached_property
    def body(self) -> Any:  # noqa: ANN401
        """What runs the blocks without the output head; takes what the network takes."""
        base = self.network.base_model
        return base if base is not self.network else find_decoder(self.network)

    @property
    def n_layers(self) -> int:
        """Number of decoder blocks."""
        return len(self.blocks)

    @cached_property
    def d_model(self) -> int:
        """Width of the residual stream."""
        return int(self.network.config.get_text_config().hidden_size)

    @property
    def device(self) -> torch.device:
        """Where the token ids have to be."""
        return cast(torch.device, self.network.device)

    @property
    def dtype(self) -> torch.dtype:
        """Number format of the residual stream."""
        return cast(torch.dtype, self.network.dtype)

    @cached_property
    def opener_ids(self) -> Int[Tensor, " openers"]:
        """Token ids of the refusal openers, on the CPU."""
        return torch.tensor(list(self.openers.values()))

    @cached_property
    def end_ids(self) -> frozenset[int]:
        """Tokens that end an answer."""
        ids: set[int] = set()
        for value in (self.network.generation_config.eos_token_id, self.tokenizer.eos_token_id):
            if value is not None:
                ids.update([value] if isinstance(value, int) else value)
        return frozenset(ids)

    @property
    def context_length(self) -> int:
        """Most tokens that prompt and answer may have together."""
        limit = getattr(self.network.config.get_text_config(), "max_position_embeddings", None)
        # Models without positions name no limit; their tokenizers may.
        return int(limit or min(self.tokenizer.model_max_length, _UNLIMITED))

    def render(self, prompt: str, *, system: str = "", turns: Sequence[Exchange] = ()) -> list[int]:
        """Return the token ids of `prompt` in the chat template, up to where the answer begins.

        Args:
            prompt: The request; control tokens in it stay text.
            system: A system prompt; blank leaves the template's own.
            turns: What was said before.

        Raises:
            SteeringError: If the prompt is empty, or longer with all before it than the model can
                read, or the template refuses it.
        """
        if not prompt.strip():
            raise SteeringError("the request is empty; write a sentence for the model to answer")
        # Hardly a token holds 64 characters, so this bound spares the tokenizer megabytes of text.
        size = len(prompt) + len(system) + size_of(turns)
        if size > 64 * self.context_length:
            raise too_long(self.name, f"{size:,} characters", self.context_length, turns)
        ids = self.template.ids(prompt, system, turns)
        if len(ids) >= self.context_length:
            raise too_long(self.name, f"{len(ids):,} tokens", self.context_length, turns)
        return ids

    def in_mode(self, thinking: str) -> "ChatModel":
        """Return the same model with its template in another mode: `on`, `off` or `auto`.

        Raises:
            SteeringError: If the template has no such mode.
        """
        template = open_template(self.name, self.tokenizer, thinking=thinking)
        return replace(self, template=replace(template, system=self.template.system))

    def under(self, system: str) -> "ChatModel":
        """Return the same model with a system prompt for every request that brings none."""
        return replace(self, template=replace(self.template, system=system))

    def render_all(self, prompts: Sequence[str], *, what: str = "prompt") -> list[list[int]]:
        """Return the token ids of many prompts.

        Args:
            prompts: The requests.
            what: What an error calls them.

        Raises:
            SteeringError: Names the prompt that cannot be rendered, by its number and first words.
        """
        rows = []
        for number, prompt in enumerate(prompts, 1):
            try:
                rows.append(self.render(prompt))
            except SteeringError as error:
                words = " ".join(prompt[:200].split())
                words = words if len(words) <= 60 else f"{words[:60]} …"
                raise SteeringError(f"{what} {number} (“{words}”): {error}") from error
        return rows

    def together(self, rows: int) -> int:
        """Return how many of `rows` requests of any lengths may share a batch."""
        return rows if self.abilities.pads else 1

    def batch(self, rows: Sequence[Sequence[int]]) -> TokenBatch:
        """Pad token ids on the left, on the model's device.

        Raises:
            SteeringError: If rows differ in length and padding changes what this model computes.
        """
        if not self.abilities.pads and len({len(row) for row in rows}) > 1:
            raise SteeringError(
                f"{self.name} reads padding as text, so only requests of equal length can share a "
                "batch; give them one at a time"
            )
        pad = self.tokenizer.pad_token_id
        if pad is None:
            pad = min(self.end_ids, default=0)
        return padded(rows, fill=pad, device=self.device)

    def modules(self, layer: int, part: SitePart) -> tuple[nn.Module, ...]:
        """Return the modules whose input (`input`) or output (the others) is that site.

        None where a block has no such part, as one that only mixes tokens has no MLP: it writes
        nothing, so there is nothing to edit.

        Raises:
            SteeringError: If it is not known what the block writes into the residual stream.
        """
        if part == "input":
            return (self.blocks[layer],)
        if not self.writers[layer].modules:
            raise SteeringError(
                f"what the {part} of block {layer} writes cannot be edited in {self.name}: the "
                f"output of a {type(self.blocks[layer]).__name__} is no sum of its input and its "
                "parts; take a panel that acts at block inputs only (flip, actadd, side=harmful)"
            )
        return self.writers[layer].of(part)

    @torch.inference_mode()
    def run_blocks(self, batch: TokenBatch, *, cache: Any = None, use_cache: bool = False) -> Any:  # noqa: ANN401
        """Run the blocks and not the output head, for hooks to see, and return their output.

        Without logits: a model that is asked for one token's may run its last blocks on it alone.
        """
        return forward(self.body, batch, cache=cache, use_cache=use_cache)

    @torch.inference_mode()
    def run(
        self,
        batch: TokenBatch,
        *,
        keep: int | None = None,
        cache: Any = None,  # noqa: ANN401
        use_cache: bool = False,
    ) -> Any:  # noqa: ANN401
        """Run the whole network and return its output; the arguments are those of `forward`."""
        return forward(self.network, batch, keep=keep, cache=cache, use_cache=use_cache)

    def next_token_logits(self, rows: Sequence[Sequence[int]]) -> Float[Tensor, "batch vocab"]:
        """Return each prompt's next-token logits, float32, on the CPU."""
        with self.turn():
            output = self.run(self.batch(rows), keep=1)
        return cast(Tensor, output.logits[:, -1].float().cpu())


@contextmanager
def reading(
    model: ChatModel, layers: Sequence[int], positions: Sequence[int] | None = None
) -> Generator[dict[int, Float[Tensor, "batch position d_model"]]]:
    """Collect the residual stream at the inputs of `layers` in every forward pass inside.

    Each forward pass replaces what the one before it left. The hooks go when the block ends,
    also when it ends with an error.

    Args:
        model: A loaded chat model.
        layers: Block indices, from 0.
        positions: Only these tokens are kept, the others' memory is free at once; None: all.
    """
    states: dict[int, Tensor] = {}
    with ExitStack() as hooks:
        hooks.enter_context(model.turn())
        for layer in layers:
            handle = model.blocks[layer].register_forward_pre_hook(
                partial(_keep, states, layer, positions), with_kwargs=True
            )
            hooks.callback(handle.remove)
        yield states


def _keep(
    states: dict[int, Tensor],
    layer: int,
    positions: Sequence[int] | None,
    _module: nn.Module,
    args: Any,  # noqa: ANN401 - torch leaves hooks untyped
    kwargs: Any,  # noqa: ANN401
) -> None:
    state = args[0] if args else kwargs["hidden_states"]
    # A list as index copies, where a slice would be a view that holds the whole.
    states[layer] = state if positions is None else state[:, list(positions)]
