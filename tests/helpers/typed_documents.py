"""Compares a JSON value with the type that it is said to be of."""

import types
from typing import Any, Literal, Union, get_args, get_origin

from typing_extensions import get_type_hints, is_typeddict


def faults(value: Any, kind: Any, path: str = "") -> list[str]:
    """Return where a value is not of a type: keys that it lacks or has besides, other types."""
    if is_typeddict(kind):
        return _of_keys(value, kind, path)
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        found = [faults(value, each, path) for each in inner]
        return min(found, key=len)
    if origin is list or origin is tuple:
        kinds = [inner[0]] * len(value) if origin is list else inner
        return [
            fault
            for index, (each, one) in enumerate(zip(value, kinds, strict=True))
            for fault in faults(each, one, f"{path}[{index}]")
        ]
    if origin is dict:
        if not isinstance(value, dict):
            return [f"{path} is {value!r}, expected {kind}"]
        return [
            fault
            for key, each in value.items()
            for fault in faults(each, inner[1], f"{path}.{key}")
        ]
    if origin is Literal:
        return [] if value in inner else [f"{path} is {value!r}"]
    allowed = (int, float) if kind is float else kind
    return [] if isinstance(value, allowed) else [f"{path} is {value!r}, expected {kind}"]


def _of_keys(value: Any, kind: Any, path: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{path} is {value!r}, expected {kind.__name__}"]
    hints = get_type_hints(kind)
    found = [f"{path} lacks {key}" for key in sorted(kind.__required_keys__ - value.keys())]
    found += [f"{path} has {key}" for key in sorted(value.keys() - hints.keys())]
    for key in value.keys() & hints.keys():
        found += faults(value[key], hints[key], f"{path}.{key}")
    return found
