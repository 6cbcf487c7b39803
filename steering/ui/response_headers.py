"""What every response tells a browser that it may do with it.

The page's own scripts are written into it, and Gradio makes functions of texts (a component's
script) as WebGL drawings do, so scripts of the page and `eval` have to be allowed. What matters
more holds all the same: nothing is fetched from, sent to or framed from another host.
"""

import os
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_SOURCES: Final = {
    "default-src": "'self'",
    "script-src": "'self' 'unsafe-inline' 'unsafe-eval'",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "media-src": "'self' data: blob:",
    "connect-src": "'self'",
    "worker-src": "'self' blob:",
    "frame-src": "'none'",
    "object-src": "'none'",
    "base-uri": "'self'",
    "form-action": "'self'",
}
_HUB: Final = "https://huggingface.co"
"""What Gradio's own page asks on a Space, about the Space."""
_OTHERS: Final = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}


def headers(frames: str = "*") -> dict[str, str]:
    """Return the headers of every response.

    Args:
        frames: Whose pages may show this one in a frame, as `frame-ancestors` has it; `*` for all.
    """
    sources = dict(_SOURCES)
    if os.environ.get("SPACE_ID"):
        sources["connect-src"] += f" {_HUB}"
        sources["img-src"] += f" {_HUB}"
    if frames != "*":
        sources["frame-ancestors"] = frames
    policy = "; ".join(f"{name} {value}" for name, value in sources.items())
    return {**_OTHERS, "content-security-policy": policy}


class ResponseHeaders:
    """Adds headers to every response that does not have them already."""

    def __init__(self, app: ASGIApp, *, frames: str) -> None:
        """Wrap an app.

        Args:
            app: Whose responses they are.
            frames: As `headers` takes it.
        """
        self._app, self._headers = app, headers(frames)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                found = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    found.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, told)
