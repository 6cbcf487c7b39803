"""The page: what a visitor sees and does. Only this package knows Gradio."""

import os
from typing import Any

# Gradio reads this when it is imported: nothing is to be sent to anybody.
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import gradio as gr
from starlette.middleware import Middleware

from steering.serving.engine import Engine
from steering.shipped import ASSETS
from steering.ui import hosting, program_tool, scripts, theme
from steering.ui.events import wire
from steering.ui.layout import HostLimits, page
from steering.ui.response_headers import ResponseHeaders


def build(engine: Engine, limits: HostLimits | None = None) -> gr.Blocks:
    """Return the app; works without the model and without its directions."""
    limits = limits or HostLimits()

    def leave(request: gr.Request) -> None:
        engine.abandon(request.session_hash or "")

    demo = gr.Blocks(title="Refusal Steering Playground", fill_width=True)
    with demo:
        wire(page(engine, limits), engine, demo.load)
        if limits.tool:
            program_tool.offer(engine, limits)
        # Gradio alone ends the run of a page that was closed two words later (measured).
        demo.unload(leave)
    demo.queue(default_concurrency_limit=None)
    return demo


def launch_options(
    engine: Engine | None = None, limits: HostLimits | None = None
) -> dict[str, Any]:
    """Return what `demo.launch()` needs: looks, privacy, and nothing from other hosts.

    Gradio itself honours GRADIO_SERVER_NAME and GRADIO_SERVER_PORT.

    Args:
        engine: Whom the routes for programs are about; without one there are none.
        limits: What a host sets for all visitors, programs included.
    """
    limits = limits or HostLimits()
    script = f"{scripts.joined('page/index.js')}.start();"
    # Inside an element of HTML, nothing in a script may look like its end.
    script = script.replace("</script", r"<\/script")
    return {
        "theme": theme.theme(),
        "css": _joined(
            "style.css",
            "tabs.css",
            "map.css",
            "explore.css",
            "stage.css",
            "dose.css",
            "results.css",
            "inspect.css",
            "tour.css",
            "forced.css",
            "room.css",
            "contrast.css",
            "anatomy.css",
            "wording.css",
        ),
        "head": f"<style>{_joined('frame.css')}</style><script>{script}</script>",
        # Prompts are the visitor's own: they are not kept, not even in the browser.
        "run_history": False,
        "ssr_mode": False,
        "share": False,
        # Else Gradio asks for its own page, and ends where that takes three seconds, as on a busy
        # machine. That the server is up it has asked before, without a limit.
        "_frontend": False,
        "mcp_server": limits.tool,
        # Lists and contrasts that visitors bring; the default model's take 9 MB.
        "max_file_size": "64mb",
        "footer_links": [],
        "app_kwargs": {
            "middleware": [Middleware(ResponseHeaders, frames=limits.frames)],
            **({"routes": hosting.routes(engine, limits)} if engine else {}),
        },
    }


def _joined(*names: str) -> str:
    return "\n".join((ASSETS / name).read_text("utf-8") for name in names)
