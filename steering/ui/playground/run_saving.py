"""Saves what stands on the cards, as a page for people, as data or in a link, and reads it again.

Data is for `replay`, which runs it again, and for the page, which shows it again.

The browser makes the file (assets/run/index.js) of a text that comes from here, so nothing is
written on the host, and it works in a frame and without https.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import gradio as gr

from steering import formatting
from steering.artifacts import saved_runs
from steering.artifacts.saved_runs import SavedRun
from steering.errors import SteeringError
from steering.serving.engine import Engine
from steering.system import strict_json
from steering.ui import scripts
from steering.ui.playground import ended_runs, packed_run
from steering.ui.playground.asked import Asked, EndedRun
from steering.ui.playground.run_page import run_page

_BOARD: Final = (
    '<div class="saving"><h3>This run</h3>'
    '<p class="quiet">Takes what stands on the cards away, with all that made it.</p><p>'
    '<button type="button" class="opener" data-saves="html">Save as page (HTML)</button> '
    '<button type="button" class="opener" data-saves="json">Save as data (JSON)</button></p>'
    '<p class="said quiet" role="status"></p>'
    "<h3>A saved run</h3>"
    '<p class="quiet">Shows a saved file as it was recorded; nothing is run. At most 4 MB.</p>'
    '<p><button type="button" class="opener" data-opens-run>Open a saved run …</button>'
    '<input type="file" accept=".json,.html,application/json,text/html" data-run-file hidden></p>'
    '<p class="said of-file quiet" role="status"></p></div>'
)
_TYPES: Final = {"html": "text/html", "json": "application/json"}
_MOST_CHARACTERS: Final = 4 * 2**20
"""Of a file that is opened (chosen: a run of six cards and 4,096 tokens each has about 1 MB); the
page says so, too."""
_NONE = "there is no answer to save yet; press Run, or take an example that is recorded"
_WRITING = "the answers are still being written; wait for their end, or press Stop"
_CHANGED = (
    "the request or a card was changed since the recording came; take the example again, or press "
    "Run"
)
_OPENED = (
    "what stands on the cards was opened from a file or a link; that file or link has it already"
)


@dataclass(frozen=True)
class SavingSection:
    """The section.

    Attributes:
        board: Its buttons, and what it says; its value is what `saved` returns. Its event
            `select` asks for a file or a link, `submit` brings a file to open.
    """

    board: gr.HTML


def section() -> SavingSection:
    """Lay the section out; to be called inside a `gr.Blocks`."""
    return SavingSection(
        gr.HTML(
            "",
            html_template=_BOARD,
            js_on_load=scripts.joined("run/index.js")
            + ".start({ element, props, watch, trigger });",
            apply_default_css=False,
            elem_id="saving",
        )
    )


def saved(engine: Engine, given: object, asked: Asked, ended: EndedRun | None) -> str:
    """Return the section's value for a question: a file, a link's part, or why there is none.

    Args:
        engine: Has the recordings.
        given: `{"asked": number of the question, "format": "html", "json" or "link", "states":
            {slot: what the card shows, as `answer_html.State` has it}}`.
        asked: The request and the cards as they are set now.
        ended: The visitor's latest run.
    """
    sent = given if isinstance(given, Mapping) else {}
    number = sent.get("asked") if isinstance(sent.get("asked"), int) else 0
    kind = next((each for each in ("html", "link") if each == sent.get("format")), "json")
    states = sent.get("states")
    shown = set(states.values()) if isinstance(states, Mapping) else set()
    try:
        document = ended_runs.document(_run(engine, shown, asked, ended))
        if kind == "link":
            return _value({"asked": number, "run": packed_run.packed(document)})
    except SteeringError as error:
        return _value({"asked": number, "problem": formatting.sentence(str(error))})
    name = f"{_name(document['model'], document['ended'] or 'recorded')}.{kind}"
    page = kind == "html"
    content = str(run_page(document, name)) if page else strict_json.dumps(document, indent=1)
    file = {"name": name, "type": _TYPES[kind], "content": content}
    return _value({"asked": number, **file})


def brought(given: object) -> SavedRun:
    """Return the run of a file that a browser has read.

    Args:
        given: `{"name": of the file, "text": what it holds}`.

    Raises:
        SteeringError: If it is too long, or no saved run.
    """
    sent = given if isinstance(given, Mapping) else {}
    name, content = sent.get("name"), sent.get("text")
    if not isinstance(name, str) or not isinstance(content, str):
        raise SteeringError("there is no file; choose one that the playground has saved")
    if len(content) > _MOST_CHARACTERS:
        raise SteeringError(
            f"{name[:80]} has {len(content):,} characters; at most {_MOST_CHARACTERS:,} are read"
        )
    return saved_runs.parsed(content, name[:80] or "the file")


def answered(given: object, problem: str = "") -> str:
    """Return the section's value after a file was to be opened.

    Args:
        given: As `brought` has it, with the number of the question as `asked`.
        problem: Why it was not; empty where it was.
    """
    sent = given if isinstance(given, Mapping) else {}
    number = sent.get("asked") if isinstance(sent.get("asked"), int) else 0
    return _value({"asked": number} | ({"problem": problem} if problem else {"opened": True}))


def _run(engine: Engine, shown: set[Any], asked: Asked, ended: EndedRun | None) -> EndedRun:
    """Return what stands on the cards."""
    if shown & {"waiting", "writing"}:
        raise SteeringError(_WRITING)
    if "recorded" in shown:
        recording = engine.recording(asked.prompt, asked.system)
        if recording is None:
            raise SteeringError(_CHANGED)
        made = engine.supply.manifest(engine.name)
        found = ended_runs.recorded_run(asked, recording, engine.outline, engine.name, made)
        if not found.talks:
            raise SteeringError(_CHANGED)
        return found
    if shown & {"saved", "shared"}:
        raise SteeringError(_OPENED)
    if "done" not in shown or ended is None:
        raise SteeringError(_NONE)
    return ended


def _name(model: str, when: str) -> str:
    """Return the name of a file, in signs that every system takes."""
    short = model.rstrip("/").rpartition("/")[2]
    when = when.removesuffix("+00:00")
    return re.sub(r"[^A-Za-z0-9._-]+", "-", f"refusal-steering-{short}-{when}".replace(":", ""))


def _value(value: dict[str, Any]) -> str:
    """Return a value as JSON, in which Gradio finds no HTML."""
    return strict_json.dumps(value).replace("<", "\\u003c")
