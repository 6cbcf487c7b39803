"""Who starts a room, as far as a server can tell, and how many rooms may be theirs at a time.

A server knows the address of whoever speaks with it. Behind a proxy that is the proxy's, unless the
server trusts it: uvicorn takes the visitor's from the header that a proxy on the same machine, or
one in FORWARDED_ALLOW_IPS, has written. What another one wrote may be made up, for nobody knows
that it is a proxy. So then what it names has a share, and all that comes from there a larger one.
Where the host tells how many proxies there are, the visitor's own address counts, as for runs.
"""

from typing import Final

from steering.serving.allowance import Allowance, holder_of

ADDRESS_SHARE: Final = 3
"""Rooms of an address (chosen: one that is used, and two that were left open)."""
PROXY_SHARE: Final = 10
"""Rooms of an address that names others as their origin (chosen: half of all)."""


def shares(address: str, forwarded: str = "", proxies: int = 0) -> dict[str, int]:
    """Return who starts a room, each with the number of rooms that may be theirs at a time.

    Args:
        address: Of whoever speaks with the server; empty where it is not known.
        forwarded: The header X-Forwarded-For: addresses, of which the nearest proxy has added the
            last.
        proxies: How many proxies are known to stand in front (`STEERING_PROXIES`); 0 where nobody
            has told.
    """
    if proxies:
        return {Allowance(proxies=proxies).visitor(address, forwarded): ADDRESS_SHARE}
    named = [each.strip() for each in forwarded.split(",") if each.strip()]
    peer = holder_of(address)
    if not named or address in named:  # nobody stands between, or the server has looked behind
        return {peer: ADDRESS_SHARE}
    return {peer: PROXY_SHARE, f"{holder_of(named[-1])} by way of {peer}": ADDRESS_SHARE}
