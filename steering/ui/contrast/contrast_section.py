"""Lays out the tab of own contrasts: two lists, and what was found of them."""

from dataclasses import dataclass
from typing import Final

import gradio as gr

from steering.ui.contrast import contrast_text as text
from steering.ui.own_progress import OwnProgress

FILES: Final = [".txt", ".csv", ".json", ".jsonl"]
"""Endings of files with texts that can be read in."""


@dataclass(frozen=True)
class ListFields:
    """One of the two lists.

    Attributes:
        name: What a reader calls it.
        texts: One a line.
        upload: Takes a file with texts instead.
    """

    name: gr.Textbox
    texts: gr.Textbox
    upload: gr.UploadButton


@dataclass(frozen=True)
class ContrastSection:
    """The components of the tab.

    Attributes:
        lists: The two lists, first and second.
        example: Fills both with an example.
        layers: Which layers are tried; empty for a few.
        fit: Begins.
        progress: How far a fit is, mistakes, and the button that ends it.
        playing: With which directions the cards are.
        found: What was found.
        play: Gives the directions to all cards; None where visitors may not.
        back: Gives the model's own directions back; None as well.
        save: Takes the bundle away.
        load: Brings one.
        contrast: What was fitted or loaded last, of this visitor; forgotten after an hour.
        turned: Names the directions that this visitor has turned the cards to last.
    """

    lists: tuple[ListFields, ListFields]
    example: gr.Button
    layers: gr.Textbox
    fit: gr.Button
    progress: OwnProgress
    playing: gr.HTML
    found: gr.HTML
    play: gr.Button | None
    back: gr.Button | None
    save: gr.DownloadButton
    load: gr.UploadButton
    contrast: gr.State
    turned: gr.State


def section(*, chooser: bool) -> ContrastSection:
    """Lay the tab out; to be called inside a `gr.Blocks`.

    Args:
        chooser: Whether visitors may change for everybody what the cards do.
    """
    gr.HTML(text.INTRODUCTION, elem_classes="contrast-about")
    playing = gr.HTML(elem_id="contrast-playing")
    with gr.Row(elem_id="contrast-lists"):
        lists = (_list("first", "First list"), _list("second", "Second list"))
    with gr.Row(elem_id="contrast-do"):
        fit = gr.Button("Find directions", variant="primary", elem_id="contrast-fit", min_width=0)
        stop = gr.Button("Stop", interactive=False, elem_id="contrast-stop", min_width=0)
        example = gr.Button("Fill in an example", elem_id="contrast-example", min_width=0)
        load = gr.UploadButton(
            "Open a saved contrast", file_types=[".zip"], elem_id="contrast-load", min_width=0
        )
        layers = gr.Textbox(
            label="Layers (empty: six of them)",
            placeholder="8,12,16",
            max_lines=1,
            elem_id="contrast-layers",
            min_width=0,
        )
    said = gr.HTML(elem_id="contrast-said")
    found = gr.HTML(elem_id="contrast-found")
    with gr.Row(elem_id="contrast-then"):
        play = back = None
        if chooser:
            play = gr.Button(
                "Play with it on all cards",
                interactive=False,
                elem_id="contrast-play",
                min_width=0,
            )
        save = gr.DownloadButton(
            "Save as a file (.zip)", interactive=False, elem_id="contrast-save", min_width=0
        )
        if chooser:
            back = gr.Button(
                "Back to the refusal directions",
                interactive=False,
                elem_id="contrast-back",
                min_width=0,
            )
    return ContrastSection(
        lists=lists,
        example=example,
        layers=layers,
        fit=fit,
        progress=OwnProgress(said, stop),
        playing=playing,
        found=found,
        play=play,
        back=back,
        save=save,
        load=load,
        contrast=gr.State(time_to_live=3600),
        turned=gr.State(""),
    )


def _list(name: str, title: str) -> ListFields:
    with gr.Column(elem_classes="contrast-list", min_width=0):
        with gr.Row():
            named = gr.Textbox(
                name, label=f"Name of the {title.lower()}", max_lines=1, elem_id=f"{name}-name"
            )
            upload = gr.UploadButton(
                "Read a file",
                file_types=FILES,
                size="sm",
                elem_id=f"{name}-file",
                min_width=0,
            )
        texts = gr.Textbox(
            label=f"{title}: a text a line",
            lines=9,
            max_lines=9,
            placeholder="What a user would write to the model",
            elem_id=f"{name}-texts",
        )
    return ListFields(named, texts, upload)
