"""Modules that come when they are first used, for what must be quick without them."""

import importlib
from collections.abc import Callable
from typing import Any


class Later:
    """Stands for a module: its functions can be named at once, and bring it when they are called.

    The command line names every command, and each needs torch for seconds but those that do not.
    """

    def __init__(self, module: str) -> None:
        self._module = module

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Return a function of the module that imports it first.

        Raises:
            AttributeError: For constants, which are needed at once; they belong in `defaults`.
        """
        if name.isupper():
            raise AttributeError(f"{name} of {self._module} is needed at once; move it to defaults")

        def call(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401
            return getattr(importlib.import_module(self._module), name)(*arguments, **options)

        return call
