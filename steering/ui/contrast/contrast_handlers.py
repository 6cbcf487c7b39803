"""What the tab of own contrasts does: read lists, fit, play, save, open."""

import json
import shutil
import tempfile
import weakref
from collections.abc import Generator, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import gradio as gr
from gradio.utils import get_upload_folder

from steering.contrasts import contrast_bundle
from steering.contrasts.layer_names import layers_named
from steering.contrasts.text_lists import MOST_TEXTS, TextLists, lines_of, text_lists
from steering.data import prompts
from steering.errors import SteeringError
from steering.serving.engine import Engine
from steering.serving.own_contrast import OwnContrasts
from steering.shipped import ASSETS
from steering.ui.contrast import contrast_text as text
from steering.ui.contrast.contrast_section import ContrastSection, ListFields
from steering.ui.own_progress import mistake, say
from steering.ui.playground.asked import typed_text

if TYPE_CHECKING:
    from steering.contrasts.contrast_fit import Contrast
    from steering.system.progress import Step

Updates = dict[Any, Any]
LARGEST_OPENED: Final = 256_000_000
"""Bytes that an opened contrast may unpack to (chosen: ten times those of the default model)."""
LONGEST: Final = 200_000
"""Characters of a pasted list that are read (chosen: 512 texts of 400)."""


class Handlers:
    """The handlers of one page."""

    def __init__(self, section: ContrastSection, engine: Engine) -> None:
        """Begin without a fit.

        Args:
            section: The laid out components.
            engine: Its model reads the texts, and plays.
        """
        self.section, self.engine = section, engine
        self.contrasts = OwnContrasts(engine)
        self._folder = cache(self._made_folder)

    def example(self) -> Updates:
        """Fill both lists in."""
        found = json.loads((ASSETS / "contrast.json").read_text("utf-8"))
        updates: Updates = {self.section.progress.said: ""}
        for fields, name, texts in zip(
            self.section.lists, found["names"], found["texts"], strict=True
        ):
            updates |= {fields.name: name, fields.texts: "\n".join(texts)}
        return updates

    def read(self, fields: ListFields, path: str | None) -> Updates:
        """Put the texts of a file into a list's field, one a line; None is no file."""
        if path is None:
            return {self.section.progress.said: gr.skip()}
        try:
            texts = prompts.read(Path(path), limit=MOST_TEXTS)
        except SteeringError as error:
            return self._refused(error)
        finally:
            _forget(path)
        lines = [" ".join(each.split()) for each in texts]
        return {
            fields.texts: "\n".join(lines),
            fields.name: Path(path).stem[:40],
            self.section.progress.said: say(f"{len(lines)} texts were read."),
        }

    def fit(self, request: gr.Request, *values: object) -> Iterator[Updates]:
        """Fit a contrast of what stands in the fields, telling how far it is."""
        section = self.section
        typed = tuple(map(typed_text, values))
        names, texts, layers = typed[0:4:2], typed[1:4:2], typed[4]

        def work() -> "Generator[Step, None, Contrast | None]":
            lists = _lists(texts, (names[0], names[1]))
            # First: where there is no model, torch may be missing as well.
            visitor = self.contrasts.admit(request)
            return self.contrasts.fit(visitor, lists, _settings(layers))

        yield from section.progress.told(work, lambda found: {section.contrast: found})

    def shown(self, contrast: "Contrast | None") -> Updates:
        """Show what was found, and let it be played with and saved."""
        if contrast is None:
            return {self.section.progress.said: gr.skip()}
        from steering.contrasts.contrast_document import document

        kept = self._kept(contrast)
        updates: Updates = {
            self.section.found: text.findings(document(contrast)),
            self.section.save: gr.update(value=kept, interactive=kept is not None),
        }
        if kept is None:
            updates[self.section.progress.said] = say(
                "The contrast cannot be saved: this server's disk refuses to write.", "error"
            )
        if self.section.play is not None:
            updates[self.section.play] = gr.update(interactive=True)
        return updates

    def open(self, path: str | None) -> Updates:
        """Read a saved contrast; None is no file."""
        if path is None:
            return {self.section.progress.said: gr.skip()}
        try:
            with tempfile.TemporaryDirectory() as root:
                contrast = contrast_bundle.load(
                    Path(path), self.contrasts.loaded(), root=Path(root), largest=LARGEST_OPENED
                )
        except SteeringError as error:
            # The file has a name of this server's; the visitor knows it by its own.
            return self._refused(SteeringError(str(error).replace(path, Path(path).name)))
        finally:
            _forget(path)
        updates: Updates = {
            self.section.contrast: contrast,
            self.section.progress.said: say("The contrast was read."),
        }
        both = (contrast.texts.first, contrast.texts.second)
        for fields, name, texts in zip(self.section.lists, contrast.texts.names, both, strict=True):
            updates |= {fields.name: name, fields.texts: "\n".join(map(_line, texts))}
        return updates

    def play(self, contrast: "Contrast | None") -> Updates:
        """Give the directions to all cards; what is refused changes nothing."""
        if contrast is None:
            return self._refused(SteeringError("there is no contrast yet; find directions first"))
        try:
            self.engine.play(contrast.directions, contrast.maps)
        except SteeringError as error:
            return self._refused(error)
        return {self.section.progress.said: "", self.section.turned: self.engine.maps_id}

    def back(self) -> Updates:
        """Give the model's own directions back to all cards."""
        try:
            self.engine.take_back()
        except SteeringError as error:
            return self._refused(error)
        return {self.section.progress.said: "", self.section.turned: self.engine.maps_id}

    def _kept(self, contrast: "Contrast") -> str | None:
        """Write the bundle, which Gradio copies for its visitor; None where the disk refuses.

        Two visitors may have the same names: each has a folder of their own. All go with the app.
        """
        names = "-".join(
            "".join(sign for sign in name if sign.isalnum()) or "list"
            for name in contrast.texts.names
        )
        try:
            path = Path(tempfile.mkdtemp(dir=self._folder())) / f"{names[:60]}.zip"
            contrast_bundle.save(contrast, self.contrasts.loaded(), path)
        except (SteeringError, OSError):
            return None
        return str(path)

    def _made_folder(self) -> str:
        folder = tempfile.mkdtemp(prefix="contrasts-")
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        return folder

    def _refused(self, error: SteeringError) -> Updates:
        return {self.section.progress.said: mistake(error)}


def _lists(texts: tuple[str, ...], names: tuple[str, str]) -> TextLists:
    for pasted, name in zip(texts, names, strict=True):
        if len(pasted) > LONGEST:
            raise SteeringError(
                f"{name[:40]!r} has {len(pasted):,} characters; at most {LONGEST:,} are read: take "
                "fewer or shorter texts"
            )
    first, second = map(lines_of, texts)
    return text_lists(first, second, names)


def _settings(layers: str) -> Any:  # noqa: ANN401 - of a module that imports torch
    from steering.contrasts.contrast_fit import ContrastSettings

    return ContrastSettings(layers=layers_named(layers))


def _line(words: str) -> str:
    return " ".join(words.split())


def _forget(path: str) -> None:
    """Remove a visitor's file from where Gradio keeps what is uploaded, and from nowhere else."""
    kept = Path(path).resolve()
    if kept.is_relative_to(Path(get_upload_folder()).resolve()):
        kept.unlink(missing_ok=True)


def playing(section: ContrastSection, engine: Engine) -> Updates:
    """Return the updates that say with whose directions all cards are."""
    names = engine.contrast
    updates: Updates = {section.playing: text.playing(names)}
    if section.back is not None:
        updates[section.back] = gr.update(interactive=names is not None)
    return updates


def wire(section: ContrastSection, engine: Engine) -> list[Any]:
    """Connect the components.

    Args:
        section: The laid out components.
        engine: Its model reads the texts, and plays.

    Returns:
        Events after which the cards have other directions.
    """
    does = Handlers(section, engine)
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    fields = [part for each in section.lists for part in (each.name, each.texts)]
    section.example.click(
        does.example, outputs=[section.progress.said, *fields], queue=False, **quiet
    )
    for each in section.lists:

        def read(path: str | None, *, each: ListFields = each) -> Updates:
            return does.read(each, path)

        told = [each.texts, each.name, section.progress.said]
        each.upload.upload(read, inputs=each.upload, outputs=told, **quiet)

    def find(request: gr.Request, *values: object) -> Iterator[Updates]:
        yield from does.fit(request, *values)

    def stop_finding(request: gr.Request) -> None:
        does.contrasts.stop(request.session_hash or "")

    results = [section.found, section.save, section.progress.said]
    results += [section.play] if section.play is not None else []
    section.fit.click(
        find,
        inputs=[*fields, section.layers],
        outputs=[section.progress.said, section.progress.stop, section.contrast],
        concurrency_limit=None,
        **quiet,
    )
    section.progress.stop.click(stop_finding, queue=False, **quiet)
    section.contrast.change(does.shown, inputs=section.contrast, outputs=results, **quiet)
    section.load.upload(
        does.open,
        inputs=section.load,
        outputs=[section.contrast, section.progress.said, *fields],
        **quiet,
    )
    if section.play is None or section.back is None:
        return []
    told = [section.progress.said, section.turned]
    section.play.click(does.play, inputs=section.contrast, outputs=told, **quiet)
    section.back.click(does.back, outputs=told, **quiet)
    return [section.turned.change]
