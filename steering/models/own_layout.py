"""Linear layers that keep their weights in another form than a matrix of numbers."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Final

from jaxtyping import Float
from torch import Tensor, nn

LEADING: Final = 8
"""Weights of a layer that are kept as they were, by which a model is known again."""


class OwnLayout(nn.Module, ABC):
    """Stands for a plain linear layer, whose weights it holds in a form of its own.

    Attributes:
        in_features: Width of the states.
        out_features: Width of what it returns.
        bias: Added to the product; None where there is none.
        leading: The first weights of the plain layer.
    """

    def __init__(self, linear: nn.Linear) -> None:
        """Take over a layer's widths and bias."""
        super().__init__()
        self.in_features, self.out_features = linear.in_features, linear.out_features
        self.bias = linear.bias
        self.leading = linear.weight.detach().flatten()[:LEADING].clone()

    @property
    @abstractmethod
    def weight(self) -> Float[Tensor, "out in"]:
        """The weights as a matrix; a copy."""


def replace(network: nn.Module, made: Callable[[nn.Linear], nn.Module]) -> None:
    """Replace every plain linear layer of a network.

    Each layer's own copy is let go as soon as it is replaced, so that the peak is one matrix above
    what the network needs. A head that shares the embedding's table gets a copy.

    Args:
        network: Whose linear layers are replaced in place.
        made: Makes what takes the place of a layer.
    """
    found = [
        (name, module) for name, module in network.named_modules() if type(module) is nn.Linear
    ]
    while found:
        name, linear = found.pop()
        parent, _, leaf = name.rpartition(".")
        setattr(network.get_submodule(parent), leaf, made(linear))


def leading_of(network: nn.Module) -> Iterator[tuple[str, tuple[int, ...], Tensor]]:
    """Yield name, shape and first numbers of every tensor of a network, as the plain one has them.

    No weights are brought back from a form of their own for that.
    """
    for name, module in network.named_modules():
        prefix = f"{name}." if name else ""
        if isinstance(module, OwnLayout):
            yield f"{prefix}weight", (module.out_features, module.in_features), module.leading
        for each, values in _own_tensors(module):
            yield f"{prefix}{each}", tuple(values.shape), values.flatten()[:LEADING]


def weights_of(network: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Yield every weight of a network with its name, in the order and form of a plain network's.

    Those in a form of their own are brought back one at a time: all would be as large as the model.
    """
    if not any(isinstance(module, OwnLayout) for module in network.modules()):
        yield from network.state_dict().items()
        return
    for name, module in network.named_modules():
        prefix = f"{name}." if name else ""
        if isinstance(module, OwnLayout):
            yield f"{prefix}weight", module.weight
        yield from ((f"{prefix}{each}", values) for each, values in _own_tensors(module))


def _own_tensors(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Yield what a module itself keeps, in the order of `state_dict`."""
    yield from module.named_parameters(recurse=False, remove_duplicate=False)
    for name, buffer in module.named_buffers(recurse=False, remove_duplicate=False):
        if name not in module._non_persistent_buffers_set:
            yield name, buffer
