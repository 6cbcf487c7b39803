"""The page's longer texts: what one sees, the formula, the limits, the facts of the model."""

from typing import TYPE_CHECKING, Final

from markupsafe import Markup

from steering import formatting
from steering.formatting import plain
from steering.interventions import missing_parts
from steering.interventions.class_definitions import MEANINGS
from steering.interventions.outline import Facts, start_of
from steering.serving import model_facts
from steering.serving.engine import Engine
from steering.shipped import ASSETS
from steering.ui.templates import template
from steering.ui.text import isolated

if TYPE_CHECKING:
    from steering.models.chat_model import ChatModel

MASTHEAD: Final = (
    "<h1>Refusal Steering Playground</h1>"
    "<p>Chat models refuse some requests. Here you edit the activations behind a refusal while the "
    "model answers, and see what each edit does.</p>"
)
WELCOME: Final = (
    "Press Run: every card answers at the same time. For research and teaching; answers may be "
    "unpleasant or wrong."
)
RECORDED: Final = (
    "Recorded earlier, with the settings the page starts with. Press Run to compute them now."
)
RECORDED_ONLY: Final = (
    "Recorded answers; no model runs here. A slider shows another one where it is recorded, and "
    "Run plays examples again: neither can write new text."
)
BUG: Final = (
    "Something in the app itself went wrong; the server's log has the details. "
    "Press Run to try again."
)
_FACTS = template(
    '<dl class="facts">{% for name, value in rows %}<dt>{{ name }}</dt>'
    '<dd{% if name in names %} translate="no"{% endif %}>{{ value }}</dd>{% endfor %}</dl>'
)
_NAMES: Final = ("Model", "Weights", "Refusal openers")
"""Facts that a browser's translator has to leave alone."""


def welcome(engine: Engine) -> str:
    """Return what is said before anything was run."""
    return RECORDED_ONLY if engine.status.phase == "recorded" else WELCOME


def lesson() -> str:
    """Return the explanation of the whole, in the page's own words."""
    return (ASSETS / "lesson.html").read_text("utf-8")


def facts(engine: Engine) -> Markup:
    """Return what there is to know of the model and its directions, as a list."""
    rows = [("Model", engine.name), *model_facts.rows(engine.name)]
    directions, model = engine.outline, engine.model
    if model is not None:
        source = model.provenance.get("source") or "a local file"
        rows += [
            ("Weights", source),
            ("Numbers", model.number_format.reason),
            ("Size", f"{model.n_layers} layers, {model.d_model} numbers each"),
            ("Thinking", _thinking(model)),
            ("Refusal openers", _openers(model, directions)),
            *(("Warning", warning) for warning in model.warnings),
        ]
        if model.template.date:
            date = f"its template writes today's date; here it is always {model.template.date}"
            rows.append(("Date", date))
    if directions is not None:
        rows += [("Classes", told) for told in _classes(directions)]
        position, layer = directions.dim_point
        found = f"layer {layer}, template position {position}"
        rows.append(("Difference in means", f"{found}; default push c = {directions.default_c:g}"))
        if directions.imported:
            rows.append(("Where it is from", formatting.sentence(directions.imported)))
        if directions.inlp_ranks:
            rows += _inlp(directions)
        else:
            rows.append(("INLP", formatting.sentence(missing_parts.no_inlp(directions.model))))
    return _FACTS(rows=[(name, isolated(value)) for name, value in rows], names=_NAMES)


def _inlp(directions: Facts) -> list[tuple[str, str]]:
    """Return where INLP's edits start; in one row where both kinds start alike."""
    starts = {kind: start_of(directions, kind) for kind in ("flip", "nullspace")}
    told = {
        kind: f"layer {start.point[1]}, template position {start.point[0]}; "
        f"{directions.inlp_ranks[start.point]} directions kept; default rank k = {start.k}"
        for kind, start in starts.items()
    }
    if len(set(told.values())) == 1:
        return [("INLP", told["flip"])]
    return [("INLP, flip", told["flip"]), ("INLP, nullspace", told["nullspace"])]


def _classes(directions: Facts) -> list[str]:
    """Return what the directions were fitted to tell apart; nothing where it is not known."""
    dim, inlp, other = directions.dim_classes, directions.inlp_classes, directions.other_classes
    if dim is None or inlp is None:
        return []
    if dim != inlp:
        return [f"difference in means: {MEANINGS[dim]}; INLP: {MEANINGS[inlp]}"]
    also = f"; as well: {MEANINGS[other]}" if other else ""
    return [f"{MEANINGS[dim]}{also}"]


def _openers(model: "ChatModel", directions: Facts | None) -> str:
    """Return the first tokens that the refusal score reads, and where they come from."""
    table = directions.openers if directions else None
    if table is None or not table.taken:
        return ", ".join(f"“{opener}”" for opener in model.openers)
    shares = (
        f"“{row.text}” ({plain(row.refused)} of refusals, {plain(row.answered)} of answers)"
        for row in table.taken
    )
    return f"found in {table.n_refused + table.n_answered} answers: {', '.join(shares)}"


def _thinking(model: "ChatModel") -> str:
    """Return what is done about thinking, and which token the first-token numbers are of."""
    return {
        "none": "its template knows none",
        "off": "off: it is closed before the answer, whose first token is measured",
        "on": "on: the first token that is measured is that of the thinking",
    }[model.template.mode.thinking]
