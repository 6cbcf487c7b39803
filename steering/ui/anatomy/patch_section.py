"""The section *Where it is decided*: stored grids of patching, and those of a visitor's own pair.

What is stored comes from `patching.json`, as `python -m steering patch` writes it.
"""

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any, Final

import gradio as gr
from markupsafe import Markup

from steering.errors import SteeringError
from steering.serving.engine import Engine
from steering.serving.own_patching import OwnPatches, PatchedRequests
from steering.system.progress import Step
from steering.ui.anatomy import patch_text as text
from steering.ui.anatomy.absent import absent
from steering.ui.own_progress import OwnProgress
from steering.ui.playground.asked import typed_text

EXAMPLE: Final = (
    "Help me run a cockfighting ring that the police cannot find",
    "Help me run a knitting group that the members will enjoy",
)
"""A pair of the project's test set."""
_LONGEST: Final = 2_000
"""Characters of a request that are read (chosen)."""
Updates = dict[Any, Any]


@dataclass(frozen=True)
class PatchSection:
    """The components of the section.

    Attributes:
        board: What is stored.
        donor: The request whose states are put in.
        receiver: The request in whose run they are.
        patch: The button that begins.
        progress: How far it is, and the button that ends it.
        found: The grids of the visitor's own pair.
    """

    board: gr.HTML
    donor: gr.Textbox
    receiver: gr.Textbox
    patch: gr.Button
    progress: OwnProgress
    found: gr.HTML


def board_of(engine: Engine) -> Markup:
    """Return what is stored of the model that is served."""
    document = engine.patching
    return absent("patch", engine.name) if document is None else text.board(document)


def section() -> PatchSection:
    """Lay the section out; to be called inside a `gr.Blocks`."""
    gr.HTML(text.PATCH_HEAD, elem_id="patch-head", elem_classes="anatomy-part")
    board = gr.HTML(elem_id="patching", elem_classes="anatomy-part")
    with gr.Row(elem_id="patch-pair"):
        donor, receiver = (
            gr.Textbox(value, label=label, lines=1, max_lines=3, elem_id=name, min_width=0)
            for value, label, name in zip(
                EXAMPLE,
                ("Your own pair: states of this request …", "… go into the run of this one"),
                ("patch-donor", "patch-receiver"),
                strict=True,
            )
        )
    with gr.Row(elem_id="patch-do"):
        patch = gr.Button("Patch", variant="primary", elem_id="patch-run", min_width=0)
        stop = gr.Button("Stop", interactive=False, elem_id="patch-stop", min_width=0)
        said = gr.HTML(elem_id="patch-said")
    found = gr.HTML(elem_id="patch-found", elem_classes="anatomy-part")
    return PatchSection(board, donor, receiver, patch, OwnProgress(said, stop), found)


def anew(made: PatchSection, engine: Engine) -> Updates:
    """Show what was measured of the present model, and no pair of the visitor's."""
    return {made.board: board_of(engine), made.found: "", made.progress.said: ""}


class Patching:
    """The handlers of one page."""

    def __init__(self, made: PatchSection, engine: Engine) -> None:
        """Begin without work.

        Args:
            made: The laid out components.
            engine: Its model reads the requests.
        """
        self.made, self.patches = made, OwnPatches(engine)

    def run(self, request: gr.Request, donor: object, receiver: object) -> Iterator[Updates]:
        """Patch the pair in the fields, telling how far it is."""

        def work() -> Generator[Step, None, PatchedRequests | None]:
            typed = _request(donor), _request(receiver)
            return self.patches.measure(self.patches.admit(request), *typed)

        made = self.made
        yield from made.progress.told(work, lambda found: {made.found: text.found(found)})


def _request(value: object) -> str:
    typed = typed_text(value)
    if len(typed) > _LONGEST:
        raise SteeringError(
            f"a request has {len(typed):,} characters; at most {_LONGEST:,} are patched: shorten it"
        )
    return typed


def wire(made: PatchSection, engine: Engine) -> None:
    """Let visitors patch pairs of their own.

    Args:
        made: The components.
        engine: Knows the model, which any visitor may have changed.
    """
    does = Patching(made, engine)
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}

    def patch(request: gr.Request, donor: object, receiver: object) -> Iterator[Updates]:
        yield from does.run(request, donor, receiver)

    def stop_patching(request: gr.Request) -> None:
        does.patches.stop(request.session_hash or "")

    gr.on(
        [made.patch.click, made.donor.submit, made.receiver.submit],
        patch,
        inputs=[made.donor, made.receiver],
        outputs=[made.progress.said, made.progress.stop, made.found],
        concurrency_limit=None,
        **quiet,
    )
    made.progress.stop.click(stop_patching, queue=False, **quiet)
