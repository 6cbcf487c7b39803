"""Where the app listens, and what it needs to reach itself there.

Gradio reads its settings when it is imported, makes a connection pool at the same time, and asks
its own address once after the start. A setting that it cannot read, a proxy that it cannot use,
or one between the app and itself ends in a traceback. So all this is looked at before.
"""

import errno
import os
import socket
import urllib.request
from collections.abc import MutableMapping
from typing import Final

from steering.errors import SteeringError

NAME: Final = "GRADIO_SERVER_NAME"
PORT: Final = "GRADIO_SERVER_PORT"
_NUMBERS: Final = {PORT: 65535, "GRADIO_NUM_PORTS": 65535}
"""Settings that Gradio takes for whole numbers, and the greatest that can be meant."""
_OWN: Final = ("localhost", "127.0.0.1", "::1", "0.0.0.0")
"""Names under which a machine reaches itself, never by way of a proxy."""
_PROXIES: Final = ("http_proxy", "https_proxy", "all_proxy")


def prepare(environment: MutableMapping[str, str] = os.environ) -> str | None:
    """Check what Gradio will read, and take this machine's own addresses off the proxy.

    To be called before Gradio is imported. What is fetched from elsewhere keeps the proxy.

    Returns:
        The address to hand to `launch`, where Gradio cannot read it from the environment (IPv6).

    Raises:
        SteeringError: If a setting cannot be used.
    """
    for name, most in _NUMBERS.items():
        given = environment.get(name, "1")
        if not given.isdecimal() or not 1 <= int(given[:9]) <= most:
            raise SteeringError(
                f"{name}={given[:40]} is not a whole number from 1 to {most}; leave it out for "
                "Gradio's own choice"
            )
    bypass(environment)
    _check_pool(environment)
    host = _host(environment)
    if ":" not in host:
        return None
    # Gradio tries ports on this name with an IPv4 socket, but serves IPv6 addresses in brackets.
    environment.pop(NAME, None)
    return f"[{host}]"


def bypass(environment: MutableMapping[str, str] = os.environ) -> None:
    """Add this machine's own addresses to `no_proxy` and `NO_PROXY`, where there is a proxy.

    A proxy of the system's settings (macOS, Windows) is written out: with `no_proxy` alone in the
    environment Python would no longer look there, and what is fetched would lose it.
    """
    named = {name.lower() for name, value in environment.items() if value}
    if not named & set(_PROXIES):
        system = urllib.request.getproxies()
        found = {f"{scheme}_proxy": address for scheme, address in system.items()}
        wanted = {name: address for name, address in found.items() if name in _PROXIES}
        if not wanted:
            return
        environment.update(wanted)
    for name in ("no_proxy", "NO_PROXY"):
        # Python reads the lower case first; who wrote only one of them means both.
        both = environment.get(name) or environment.get(name.swapcase()) or ""
        given = [each.strip() for each in both.split(",") if each.strip()]
        if "*" not in given:
            own = (*_OWN, _host(environment))
            environment[name] = ",".join(dict.fromkeys([*given, *own]))


def check_address(server_name: str | None = None) -> None:
    """Refuse an address that cannot be listened on.

    Without GRADIO_SERVER_PORT Gradio looks for a free port itself.

    Args:
        server_name: What `prepare` has returned.

    Raises:
        SteeringError: If the address is not of this machine, or its port is taken or not allowed.
    """
    host = (server_name or _host(os.environ)).strip("[]")
    port = int(os.environ.get(PORT, "0"))
    where = f"{NAME}={host}"
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        with socket.socket(family, kind, protocol) as probe:
            if os.name == "posix":  # elsewhere this would allow a port that is in use
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen(1)
    except (socket.gaierror, UnicodeError) as error:
        raise SteeringError(
            f"{where} is no address of this machine; give one that it has, for example 127.0.0.1"
        ) from error
    except OSError as error:
        raise SteeringError(_refusal(error, where, port)) from error


def _refusal(error: OSError, where: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} is in use ({PORT}, --port); end what uses it, or choose another port"
    if error.errno == errno.EACCES:
        return f"port {port} may not be used by this user ({PORT}, --port); choose one from 1024"
    if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
        return f"{where} is no address of this machine; give one that it has, such as 127.0.0.1"
    return f"the app cannot listen on {where}, port {port}: {error}"


def _host(environment: MutableMapping[str, str]) -> str:
    return (environment.get(NAME) or "127.0.0.1").strip("[] ")


def _check_pool(environment: MutableMapping[str, str]) -> None:
    """Make a connection pool as Gradio will, and say what keeps it from being made."""
    import httpx

    try:
        httpx.Client().close()
    except (ImportError, ValueError, OSError, httpx.InvalidURL) as error:
        names = (*_PROXIES, "ssl_cert_file", "ssl_cert_dir")
        said = sorted(
            name for name, value in environment.items() if value and name.lower() in names
        )
        raise SteeringError(
            f"the network settings of this machine cannot be used ({', '.join(said)}): {error}; "
            "correct them or leave them out"
        ) from error
