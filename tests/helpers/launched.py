"""The page of an engine, as it is really served."""

import asyncio
import gc
import socket
from contextlib import contextmanager

import httpx

from steering.ui import build, launch_options
from steering.ui.layout import HostLimits


@contextmanager
def launched(engine, limits=None):
    """Serve the page of an engine, and yield a client of it."""
    limits = limits or HostLimits(max_new_tokens=16)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = launch_options(engine, limits) | {"prevent_thread_lock": True, "quiet": True}

    async def inside():  # outside an event loop Gradio makes one and never closes it
        demo = build(engine, limits)
        demo.launch(server_name="127.0.0.1", server_port=port, **options)
        return demo

    demo = asyncio.run(inside())
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=120, trust_env=False) as client:
        yield client
    demo.close()
    del demo
    gc.collect()
