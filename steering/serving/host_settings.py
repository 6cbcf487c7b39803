"""What a host says in the environment about visitors, frames and the log."""

import logging
import os
from importlib.util import find_spec
from typing import Final

from steering.errors import SteeringError
from steering.serving.allowance import Allowance
from steering.serving.replica_range import ReplicaRange, parse_range
from steering.system import json_log

NO_MODEL: Final = "none"
"""What STEERING_MODEL says where the page is to play recorded answers, and load nothing."""
_PER_MINUTE: Final = 60
"""Runs that one address may begin in a minute on a public host; a class may share one (chosen)."""
EVERYBODY: Final = "*"
SPACES: Final = "'self' https://huggingface.co https://*.huggingface.co https://*.hf.space"
"""Who may frame a public page unless the host says otherwise: itself, and what shows Spaces."""


def is_public() -> bool:
    """Whether visitors are strangers (`STEERING_PUBLIC=1`)."""
    return os.environ.get("STEERING_PUBLIC") == "1"


def whole_number(name: str, default: int, *, least: int = 1) -> int:
    """Return a variable that is a whole number.

    Raises:
        SteeringError: If it is none, or below `least`.
    """
    given = os.environ.get(name, str(default))
    if not (given.isascii() and given.isdecimal()) or int(given[:18]) < least:
        raise SteeringError(
            f"{name}={given[:40]} is not a whole number from {least}; leave it out for {default}"
        )
    return int(given[:18])


def allowance() -> Allowance:
    """Return how often a visitor may begin a run (`STEERING_RATE`, `STEERING_PROXIES`).

    Raises:
        SteeringError: If one of them is no whole number.
    """
    rate = whole_number("STEERING_RATE", _PER_MINUTE if is_public() else 0, least=0)
    if rate:
        # The server below Gradio believes whatever a proxy on this machine says of a visitor's
        # address. Here it is told by the number of proxies whom to believe, or nobody.
        os.environ.setdefault("FORWARDED_ALLOW_IPS", "")
    return Allowance(rate, proxies())


def proxies() -> int:
    """Return how many proxies in front are known (`STEERING_PROXIES`).

    Raises:
        SteeringError: If it is no whole number.
    """
    return whole_number("STEERING_PROXIES", 0, least=0)


def replicas() -> tuple[ReplicaRange, str | None] | None:
    """Return how many replicas answer (`STEERING_REPLICAS`), and of which cluster.

    None where this process answers by itself: one replica, and no `STEERING_ADDRESS`.

    Raises:
        SteeringError: If it is no number of replicas.
    """
    address = os.environ.get("STEERING_ADDRESS") or None
    count = parse_range(os.environ.get("STEERING_REPLICAS") or "1")
    return None if count.most == 1 and address is None else (count, address)


def frames() -> str:
    """Return whose pages may show this one in a frame (`STEERING_FRAMES`).

    Raises:
        SteeringError: If it would end the policy that it is a part of.
    """
    given = os.environ.get("STEERING_FRAMES") or (SPACES if is_public() else EVERYBODY)
    if not given.isascii() or not given.isprintable() or any(sign in given for sign in ";,"):
        raise SteeringError(
            f"STEERING_FRAMES={given[:60]!r} cannot be sent to a browser; allowed: * for every "
            "page, 'none', or addresses such as https://example.org, with spaces between them"
        )
    return given


def has_tool() -> bool:
    """Whether programs may have answers by MCP (`STEERING_MCP=1`).

    Raises:
        SteeringError: If that is asked for, and the package that it needs is not installed.
    """
    asked = os.environ.get("STEERING_MCP") == "1"
    if asked and find_spec("mcp") is None:
        raise SteeringError(
            "STEERING_MCP=1 needs the package mcp, which is not installed; run "
            "`pip install 'refusal-steering-playground[mcp]'`, or leave STEERING_MCP out"
        )
    return asked


def start_log() -> None:
    """Keep the log as `STEERING_LOG` asks for.

    Raises:
        SteeringError: If it is not one that can be kept.
    """
    given = os.environ.get("STEERING_LOG", "info")
    levels = {"info": logging.INFO, "debug": logging.DEBUG, "json": logging.INFO}
    if given not in levels:
        raise SteeringError(f"STEERING_LOG={given} is unknown; allowed: {', '.join(levels)}")
    handler = logging.StreamHandler()
    handler.setFormatter(
        json_log.Lines()
        if given == "json"
        else logging.Formatter("%(levelname)s %(name)s: %(message)s")
    )
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.getLogger("steering").setLevel(levels[given])
    logging.getLogger("httpx").setLevel(logging.WARNING)
