"""The page over the tiny model, really served on this machine."""

import gc
import socket
from dataclasses import dataclass

import pytest

from steering.inference import generation  # noqa: F401 - a hook on imports fails deep in threads
from steering.ui import build, launch_options
from steering.ui.layout import HostLimits
from tests.helpers.engines import ready, until
from tests.helpers.tiny_models import without_end


@dataclass(frozen=True)
class Served:
    url: str
    engine: object


@pytest.fixture(scope="module")
def served(tiny, fitted):
    engine = ready(without_end(tiny), fitted)
    limits = HostLimits(max_new_tokens=16)
    demo = build(engine, limits)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = launch_options(engine, limits) | {"prevent_thread_lock": True, "quiet": True}
    demo.launch(server_name="127.0.0.1", server_port=port, **options)
    yield Served(f"http://127.0.0.1:{port}/", engine)
    demo.close()
    # The network is shared: a pass for somebody who has left would meet the next module's hooks.
    until(lambda: not engine.busy and not engine.steps.working)
    # Gradio leaves sockets and loops to the garbage; whoever uses this ignores that.
    gc.collect()
