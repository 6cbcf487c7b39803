"""The page, built as Gradio builds it."""

import asyncio

from steering.ui import build


def built(engine, limits=None):
    """Build the app inside an event loop: outside one, Gradio makes one and never closes it."""

    async def inside():
        return build(engine, limits)

    return asyncio.run(inside())
