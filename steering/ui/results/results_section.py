"""The section *Results*: the measured table of a model, and what it says of the paper's claims.

Everything comes from `evaluation.json`, as `python -m steering evaluate` writes it. What the
browser does is in assets/page/results.js.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr
from markupsafe import Markup

from steering.artifacts.evaluation_document import EVALUATION_SCHEMA, EvaluationDocument
from steering.artifacts.transfer_document import TransferDocument
from steering.evaluation import report
from steering.evaluation.ranking import best
from steering.serving.engine import Engine
from steering.ui import text
from steering.ui.results import results_capability, results_fit
from steering.ui.results import results_claims as claims
from steering.ui.results import results_files as files
from steering.ui.results import results_formats as formats
from steering.ui.results import results_notes as notes
from steering.ui.results import results_table as table
from steering.ui.templates import NOTHING, template

_NO_BOARD = template('<section class="results"><h2>Results</h2>{{ absent }}{{ fit }}</section>')
_BOARD = template(
    '<section class="results" data-by="refusal"><header><h2>Results</h2><p>What every edit does to '
    "<b>{{ title }}</b>, on {{ sizes }}.</p></header>{{ hardly }}{{ looping }}{{ claims }}"
    '<div class="bar-of-table"><h3 class="part">The table</h3>{{ switch }}{{ files }}</div>'
    "{{ table }}{{ below }}{{ formats }}{{ fit }}</section>"
)
_BELOW = template(
    '<div class="below"><p><b>★ Best.</b> {{ rule }}</p><dl>{% for term, words in terms.items() %}'
    "<div><dt>{{ term }}</dt><dd>{{ words }}</dd></div>{% endfor %}</dl>"
    '<p class="made">{{ measured }}</p>'
    '<div class="again"><span>The same numbers again:</span>{{ again }}</div></div>'
)


@dataclass(frozen=True)
class ResultsSection:
    """The components of the section.

    Attributes:
        board: All that is shown.
        shown: Names what is shown to this visitor, as the engine does.
    """

    board: gr.HTML
    shown: gr.State


def results(engine: Engine) -> ResultsSection:
    """Lay the section out; to be called inside a `gr.Blocks`."""
    return ResultsSection(
        gr.HTML(board_of(engine), elem_id="measured"), gr.State(engine.measured_id)
    )


def wire(section: ResultsSection, engine: Engine, events: list[Callable[..., Any]]) -> None:
    """Show the results of the present model, on events that may come long after it has changed.

    Args:
        section: The components.
        engine: Knows the model, which any visitor may have changed.
        events: `Blocks.load` and the like.
    """

    def refresh(shown: str) -> tuple[Any, Any]:
        # A table that stays as it is keeps its order and what is open.
        with engine.still():
            measured_id = engine.measured_id
            if shown == measured_id:
                return gr.skip(), gr.skip()
            return board_of(engine), measured_id

    outputs = [section.board, section.shown]
    for event in events:
        event(
            refresh,
            inputs=section.shown,
            outputs=outputs,
            queue=False,
            show_progress="hidden",
            api_visibility="private",
        )


def board_of(engine: Engine) -> Markup:
    """Return the section's HTML for the engine's model."""
    title = engine.supply.names.get(engine.name, engine.name)
    lost = results_capability.capability(engine.capability)
    fit = lost + results_fit.fit(engine.outline, engine.supply.manifest(engine.name))
    return board(engine.evaluation, engine.name, title, engine.transfer, fit)


def board(
    document: EvaluationDocument | None,
    name: str,
    title: str,
    transfer: TransferDocument | None = None,
    fit: Markup = NOTHING,
) -> Markup:
    """Return the section's HTML.

    Args:
        document: The evaluation, of whatever form; None if there is none.
        name: Of the model, as the command line takes it.
        title: Of the model, as people say it.
        transfer: The table of number formats, None if there is none.
        fit: What edits cost in knowledge, and how the directions came about, as HTML.
    """
    if (
        document is None
        or document.get("schema") != EVALUATION_SCHEMA
        or not document.get("panels")
    ):
        return _NO_BOARD(absent=notes.absent(document, name, title), fit=fit)
    return _BOARD(
        title=title,
        sizes=report.sizes(document),
        hardly=notes.hardly_refuses(document, title),
        looping=notes.looping(document),
        claims=claims.claims(document.get("claims") or ()),
        switch=table.switch(),
        files=files.files(document),
        table=table.table(document),
        below=_below(document),
        formats=formats.formats(transfer, name),
        fit=fit,
    )


def _below(document: EvaluationDocument) -> Markup:
    rule = report.BEST_RULE
    if not best(document["panels"]):
        rule += " No intervention fulfils that here, so none is marked."
    return _BELOW(
        rule=rule,
        terms=notes.TERMS,
        measured=report.measured(document),
        again=text.form(notes.command(document)),
    )
