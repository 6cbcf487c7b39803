"""Who starts a room, as far as a server can tell, and how many rooms may be theirs at a time.

A server knows the address of whoever speaks with it. Behind a proxy that is the proxy's, unless the
server trusts it: uvicorn takes the visitor's from the header that a proxy on the same machine, or
one in FORWARDED_ALLOW_IPS, has written. What another one wrote may be made up, for nobody knows
that it is a proxy. So then what it names has a share, and all that comes from there a larger one.
"""

from typing import Final

ADDRESS_SHARE: Final = 3
"""Rooms of an address (chosen: one that is used, and two that were left open)."""
PROXY_SHARE: Final = 10
"""Rooms of an address that names others as their origin (chosen: half of all)."""


def shares(address: str, forwarded: str = "") -> dict[str, int]:
    """Return who starts a room, each with the number of rooms that may be theirs at a time.

    Args:
        address: Of whoever speaks with the server; empty where it is not known.
        forwarded: The header X-Forwarded-For: addresses, of which the nearest proxy has added the
            last.
    """
    named = [each.strip() for each in forwarded.split(",") if each.strip()]
    if not named or address in named:  # nobody stands between, or the server has looked behind
        return {address: ADDRESS_SHARE}
    return {address: PROXY_SHARE, f"{named[-1][:64]} by way of {address}": ADDRESS_SHARE}
