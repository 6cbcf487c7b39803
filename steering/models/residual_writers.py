"""Which modules of a decoder block write into the residual stream, found by a probe.

Names do not tell: a block writes what `self_attn` returns, or what the norm after it returns; it
mixes tokens by `linear_attn`, `conv` or `mamba`; it adds two, three or more parts, each times a
constant of the model (Granite's residual multiplier, Gemma 4's layer scalar).

So one forward pass is run in which the block's input h and what each direct child m returns are
replaced by noise of unit variance, all independent. A block of the form

    output = a h + sum over the writers w of c_w w(...)

then gives back that sum of known noises, and least squares finds a and every c_w, to the rounding
of the number format; c is 0 for a child that is only on the way to another. A block that the sum
does not explain keeps its input as the only site.
"""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

Share = Literal["attention", "mlp"]

_SMALLEST: Final = 0.005
"""A coefficient below this share of the largest is none (chosen; noise gives 1e-3 in bfloat16)."""

_MLP_NAMES: Final = ("mlp", "feed_forward", "feedforward", "ffn", "moe", "expert", "per_layer")
"""What names of a writer that mixes no tokens have in them; any other writer counts as attention.
Edits act on both, so this decides a word in a message, not a number."""


@dataclass(frozen=True, eq=False)
class Writers:
    """What one block adds to the residual stream.

    Attributes:
        modules: The modules whose output is added, by name, in the order they run; empty where the
            block is no sum of its parts.
        residual: Relative error of the sum that was found, for a message.
    """

    modules: dict[str, nn.Module]
    residual: float

    def of(self, share: Share) -> tuple[nn.Module, ...]:
        """Return the writers of one share; none where this block has only the other."""
        return tuple(module for name, module in self.modules.items() if _share_of(name) == share)


def find_writers(blocks: nn.ModuleList, forward: Callable[[], object]) -> tuple[Writers, ...]:
    """Probe every block once.

    Args:
        blocks: The decoder blocks.
        forward: Runs the model on any tokens; what it computes is of no use.
    """
    probes = [_Probe() for _ in blocks]
    with ExitStack() as hooks:
        for block, probe in zip(blocks, probes, strict=True):
            before = block.register_forward_pre_hook(
                partial(_replace_input, probe), with_kwargs=True
            )
            hooks.callback(before.remove)
            for name, child in block.named_children():
                if isinstance(child, nn.Dropout):
                    continue  # does nothing outside training: the part before it is the writer
                handle = child.register_forward_hook(partial(_replace_output, probe, name))
                hooks.callback(handle.remove)
            hooks.callback(block.register_forward_hook(partial(_solve, probe)).remove)
        forward()
    return tuple(
        Writers({name: block.get_submodule(name) for name in probe.names}, probe.residual)
        for block, probe in zip(blocks, probes, strict=True)
    )


@dataclass(eq=False)
class _Probe:
    """The noises of one block, and in the end what was found.

    Attributes:
        noises: The input's first, then those of its children by name; on the CPU.
        names: The writers.
        residual: Relative error of the sum; 1 while nothing was found.
    """

    noises: list[tuple[str, Float[Tensor, "batch position d_model"]]] = field(default_factory=list)
    names: tuple[str, ...] = ()
    residual: float = 1.0

    def noise(self, name: str, like: Tensor, shape: torch.Size) -> Tensor:
        """Return noise in the shape and number format of `like`, and keep it."""
        generator = torch.Generator().manual_seed(len(self.noises))
        noise = torch.randn(shape, generator=generator).to(like.dtype)
        self.noises.append((name, noise))
        return noise.view(like.shape).to(like.device, copy=True)


def _replace_input(probe: _Probe, _block: nn.Module, args: Any, kwargs: Any) -> Any:  # noqa: ANN401
    stream = args[0] if args else kwargs["hidden_states"]
    probe.noises.clear()
    noise = probe.noise("", stream, stream.shape)
    return ((noise, *args[1:]), kwargs) if args else (args, {**kwargs, "hidden_states": noise})


def _replace_output(
    probe: _Probe,
    name: str,
    _module: nn.Module,
    _args: Any,  # noqa: ANN401
    output: Any,  # noqa: ANN401
) -> Any:  # noqa: ANN401
    first = output[0] if isinstance(output, tuple) and output else output
    shape = probe.noises[0][1].shape
    # Some mixtures of experts return their tokens in one row. Scores of routers pass unseen.
    fits = isinstance(first, Tensor) and first.is_floating_point()
    if not fits or first.shape[-1] != shape[-1] or first.numel() != shape.numel():
        return output
    noise = probe.noise(name, first, shape)
    return (noise, *output[1:]) if isinstance(output, tuple) else noise


def _solve(probe: _Probe, _block: nn.Module, _args: Any, output: Any) -> None:  # noqa: ANN401
    stream = output[0] if isinstance(output, tuple) else output
    names = [name for name, _ in probe.noises]
    known = torch.stack([noise.flatten() for _, noise in probe.noises], dim=1).double()
    found = stream.detach().cpu().double().flatten()
    if len(found) != len(known) or not bool(found.isfinite().all()):
        return
    shares = torch.linalg.lstsq(known, found[:, None]).solution[:, 0]
    shares[shares.abs() < _SMALLEST * shares.abs().max()] = 0
    probe.residual = float((found - known @ shares).norm() / found.norm())
    tolerance = max(4 * torch.finfo(stream.dtype).eps, 1e-4)
    if probe.residual <= tolerance and float(shares[0]) != 0:
        chosen = zip(names[1:], shares[1:].tolist(), strict=True)
        probe.names = tuple(dict.fromkeys(name for name, share in chosen if share))


def _share_of(name: str) -> Share:
    return "mlp" if any(word in name.lower() for word in _MLP_NAMES) else "attention"
