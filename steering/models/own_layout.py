"""Linear layers that keep their weights in another form than a matrix of numbers."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator

from jaxtyping import Float
from torch import Tensor, nn


class OwnLayout(nn.Module, ABC):
    """Stands for a plain linear layer, whose weights it holds in a form of its own.

    Attributes:
        in_features: Width of the states.
        out_features: Width of what it returns.
        bias: Added to the product; None where there is none.
    """

    def __init__(self, linear: nn.Linear) -> None:
        """Take over a layer's widths and bias."""
        super().__init__()
        self.in_features, self.out_features = linear.in_features, linear.out_features
        self.bias = linear.bias

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
        own = module.named_parameters(recurse=False, remove_duplicate=False)
        yield from ((f"{prefix}{each}", values) for each, values in own)
        for each, buffer in module.named_buffers(recurse=False, remove_duplicate=False):
            if each not in module._non_persistent_buffers_set:
                yield f"{prefix}{each}", buffer
