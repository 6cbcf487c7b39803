"""The tour: tasks on the page itself, which see for themselves when they are solved.

Steps, checks and texts are the browser's affair (assets/tour); what they have to know of the model
is told here: what its panels leave to it, and which recorded requests show what a step is about.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import gradio as gr
from markupsafe import Markup

from steering.artifacts.recording_document import Recording
from steering.data.prompts import Label
from steering.errors import SteeringError
from steering.evaluation.evaluation_options import ERASERS
from steering.interventions.outline import Facts
from steering.interventions.panel import Panel, parse
from steering.serving.engine import Engine
from steering.shipped import ASSETS
from steering.system import strict_json
from steering.ui import request_bar, scripts
from steering.ui.dose.capability_join import Beside, joined
from steering.ui.playground import card_settings
from steering.ui.templates import static, template
from steering.verdicts.judgement import REFUSALS

LANGUAGES: Final[Mapping[str, str]] = {"en": "English", "de": "Deutsch", "es": "Español"}
"""Languages of the tour, as they call themselves."""
OPENER: Final = static(
    '<button type="button" class="opener" data-tours aria-expanded="false" '
    'title="Tasks in two chapters: what edits do, and what refusal is made of">Tour</button>'
)
"""Opens and closes the tour."""
_BOARD: Final = template(
    '<aside class="tour" hidden translate="no">'
    '<div class="where"><button type="button" data-part="previous">‹</button>'
    '<b data-part="count"></b><button type="button" data-part="next">›</button></div>'
    '<div class="task" data-part="task"><h2 data-part="title" tabindex="-1"></h2>'
    '<p data-part="text"></p></div>'
    '<div class="done"><ul data-part="parts"></ul><p data-part="tried"></p>'
    '<p data-part="said" role="status" aria-live="polite"></p></div>'
    '<div class="does"><button type="button" data-part="show"></button>'
    '<button type="button" data-part="steps" aria-expanded="false"></button>'
    '<select data-part="language">{% for code, name in languages.items() %}'
    '<option value="{{ code }}" lang="{{ code }}">{{ name }}</option>{% endfor %}</select>'
    '<button type="button" data-part="close">'
    '<svg viewBox="0 0 16 16" aria-hidden="true"><path d="M4 4l8 8M12 4l-8 8"/></svg></button>'
    '</div><div class="menu-of-steps" data-part="menu" hidden><ol data-part="list"></ol>'
    '<button type="button" data-part="reset"></button></div></aside>'
)
_EDGE: Final = 0.25
"""t below it is in the harmful cluster, above 1 - _EDGE in the harmless one, as in the claims."""


@dataclass(frozen=True)
class _Recorded:
    """What a recording says of the panels that the tour is about, by name."""

    prompt: str
    label: str
    verdicts: Mapping[str, str | None]
    t: Mapping[str, float]

    def declines(self, name: str) -> bool:
        return self.verdicts.get(name) in REFUSALS

    def answers(self, name: str) -> bool:
        return self.verdicts.get(name) == "answered"


_Condition = Callable[[_Recorded], bool]
_ROLES: Final[Mapping[str, tuple[Label, tuple[_Condition, ...]]]] = {
    "harmful": (
        "harmful",
        (
            lambda each: each.declines("baseline"),
            lambda each: each.answers("ablation"),
            lambda each: each.answers("flip"),
        ),
    ),
    "weaker": (
        "harmful",
        (
            lambda each: each.declines("baseline"),
            lambda each: each.answers("flip"),
            lambda each: each.declines("nullspace"),
        ),
    ),
    "lands": (
        "harmful",
        (
            lambda each: each.t.get("baseline", 1.0) < _EDGE,
            lambda each: _EDGE < each.t.get("nullspace", 0.0) < 1 - _EDGE,
            lambda each: each.t.get("flip", 0.0) > 1 - _EDGE,
        ),
    ),
    "harmless": (
        "harmless",
        (lambda each: each.answers("baseline"), lambda each: each.declines("actadd")),
    ),
    "borderline": (
        "borderline",
        (
            lambda each: each.declines("baseline"),
            lambda each: any(map(each.answers, ("ablation", "nullspace", "flip"))),
        ),
    ),
}
"""What a step needs a request for: its label, and what had better be recorded of it."""
_PANELS: Final = {
    name: Panel(name) for name in ("baseline", "ablation", "nullspace", "flip", "actadd")
}


def _has_erasers(engine: Engine) -> bool:
    rows = engine.evaluation["panels"] if engine.evaluation else []
    return any(row["panel"].split(":")[0] in ERASERS for row in rows)


def _has_costs(engine: Engine) -> bool:
    outline, known = engine.outline, Beside(engine.capability)
    if outline is None:
        return False
    panels = [parse(row["panel"]) for row in engine.sweep]
    return any(joined(panels, known.rows(outline), outline))


_VIEWS: Final[Mapping[str, Callable[[Engine], bool]]] = {
    "harm": lambda engine: engine.harm is not None,
    "decided": lambda engine: engine.patching is not None,
    "wordings": lambda engine: engine.wordings is not None,
    "erasers": _has_erasers,
    "cost": _has_costs,
}
"""By step of the second chapter, whether what its view shows was measured."""


def section(engine: Engine) -> gr.HTML:
    """Make the tour's panel, which takes no room until it is opened; inside a `gr.Blocks`."""
    texts = {code: read(f"{code}.json") for code in LANGUAGES}
    given = f"steps: {_script(read('steps.json'))}, texts: {_script(texts)}"
    return gr.HTML(
        told(engine),
        html_template=str(board()),
        js_on_load=scripts.joined("tour/index.js")
        + f".start({{ element, props, watch, {given} }});",
        apply_default_css=False,
        elem_id="tour",
    )


def board() -> Markup:
    """Return the panel as it is before anything is written on it."""
    return _BOARD(languages=LANGUAGES)


def read(name: str) -> Any:  # noqa: ANN401 - whatever the file holds
    """Return a document of assets/tour."""
    return json.loads((ASSETS / "tour" / name).read_text("utf-8"))


def told(engine: Engine) -> str:
    """Return what the tour has to know, as JSON.

    Returns:
        `model`: its name and which directions, by which the browser knows what it saw before;
        `defaults`: by kind of panel what a text form leaves to the model, no entry for kinds that
        the model lacks; `maps`: whether there are any; `requests`: by what a step needs it for;
        `views`: the steps of the second chapter for which something was measured.
    """
    with engine.still():
        outline, maps, name = engine.outline, engine.points is not None, engine.name
        views = [step for step, there in _VIEWS.items() if there(engine)]
    document = {
        "model": f"{name} {_fit(outline)}",
        "defaults": _defaults(outline),
        "maps": maps,
        "requests": _requests(engine, outline),
        "views": views,
    }
    return _script(document)


def _script(document: object) -> str:
    """Return JSON in which neither Gradio nor a browser finds HTML."""
    found = json.dumps(strict_json.finite(document), ensure_ascii=False, allow_nan=False)
    return found.replace("<", "\\u003c")


def _fit(outline: Facts | None) -> str:
    """Return what tells one fit of a model from another, as far as the tour's texts go."""
    return json.dumps(_defaults(outline), sort_keys=True)


def _defaults(outline: Facts | None) -> dict[str, dict[str, float | str]]:
    if outline is None:
        return {}
    found: dict[str, dict[str, float | str]] = {}
    for name, panel in _PANELS.items():
        if name == "baseline" or card_settings.lacking(name, "inlp", outline):
            continue
        whole = panel.resolved(outline)
        values = {key: getattr(whole, key) for key in ("k", "alpha", "c", "basis")}
        found[name] = {key: value for key, value in values.items() if value is not None}
    return found


def _requests(engine: Engine, outline: Facts | None) -> dict[str, str]:
    recorded = [_recorded(engine, each, outline) for each in engine.recordings]
    examples = request_bar.examples(engine)
    found = {}
    for role, (label, conditions) in _ROLES.items():
        known = [each for each in recorded if each.label == label]
        best = max(known, key=lambda each: sum(_holds(each, conditions)), default=None)
        found[role] = best.prompt if best else examples[label][0]
    return found


def _holds(recorded: _Recorded, conditions: tuple[_Condition, ...]) -> list[bool]:
    return [condition(recorded) for condition in conditions]


def _recorded(engine: Engine, recording: Recording, outline: Facts | None) -> _Recorded:
    panels = {
        name: panel for name, panel in _PANELS.items() if name in ("baseline", *_defaults(outline))
    }
    answers = card_settings.recorded(recording, panels, outline)
    verdicts = {name: each.verdict for name, each in answers.items() if each}
    return _Recorded(
        recording["prompt"],
        recording.get("label", ""),
        verdicts,
        _landed(engine, recording, panels),
    )


def _landed(
    engine: Engine, recording: Recording, panels: Mapping[str, Panel]
) -> Mapping[str, float]:
    """Return where a recording's request lands at the layer that the map shows first."""
    points, outline = engine.points, engine.outline
    if points is None or outline is None:
        return {}
    try:
        landed = card_settings.landed(recording, panels, outline, maps=points.digest)
    except SteeringError:
        return {}
    layer = outline.inlp_point[1] if outline.inlp_ranks else outline.dim_point[1]
    index = points.layers.index(layer) if layer in points.layers else -1
    return {name: marker["t"][index] for name, (_, marker) in landed.items()}
