"""What the section *Harm is not refusal* says, as functions from plain data to HTML."""

from collections.abc import Sequence
from typing import Final

from markupsafe import Markup

from steering.artifacts.harm_document import (
    HarmDocument,
    SeparationEntry,
    ShiftEntry,
    cosine,
    counts,
)
from steering.formatting import signed, with_interval, with_range
from steering.ui.anatomy.harm_figure import HARM_SETS, HarmMark, figure, shape
from steering.ui.templates import NOTHING, static, template

HARM_HEAD: Final = static(
    '<div class="harm"><h3>Harm is not refusal</h3>'
    "<p>Two questions, read at two places of the model before it writes a word. Across: does the "
    "request look harmful? That is read at the last token of the request. Upwards: is a refusal "
    "coming? That is read at the last token before the answer.</p></div>"
)
"""What the section is about."""
_CHART: Final = template(
    '<section class="harm"><figure>{{ figure }}<figcaption>'
    '<p class="told" role="status" dir="auto" data-empty="{{ pick }}">{{ pick }}</p>'
    '<ul class="harm-key">{% for name, mark in sets.items() %}<li>{{ mark }} {{ name }}</li>'
    "{% endfor %}<li>filled: the model begins to refuse; hollow: it does not</li></ul>"
    "<p>{{ sentence }}</p></figcaption></figure></section>"
)
_PICK: Final = "Point at a mark, tap it, or use the arrow keys, and its request stands here."
_NUMBERS: Final = template(
    '<section class="harm harm-numbers"><h4>What each axis tells apart</h4>{{ told }}'
    "<p>Share of pairs in order (AUC), .50 is chance, with its 95 % interval; below it the mean "
    "and range of {{ seeds }} random directions. Refusal is compared among requests of one kind "
    "only, harm among those alike in refusal.</p><p>{{ beside }}</p></section>"
)
_BELOW: Final = template(
    '<section class="harm">{{ inversion }}<p class="made">{{ made }}</p></section>'
)
_TOLD: Final = template(
    '<div class="scroll" tabindex="0" role="region" aria-label="What each axis tells apart">'
    '<table><thead><tr><td></td><th scope="col">Harm axis</th>'
    '<th scope="col">Refusal axis</th></tr></thead><tbody>{% for row in rows %}<tr>'
    '<th scope="row">{{ row.name }}</th>{% for cell in row.cells %}<td>{{ cell.found }}'
    "<small>{{ cell.random }}</small></td>{% endfor %}</tr>{% endfor %}</tbody></table></div>"
)
_INVERSION: Final = template(
    '<details class="harm-asked"><summary>Ask the model itself: does a change move its judgement, '
    "or only its refusing?</summary><p>Behind each request stands: “{{ question }}” What is read "
    "is how much likelier “{{ yes }}” is than “{{ no }}”, in nats, and beside it the refusal score "
    "of the request alone. {{ able }}</p>"
    '<div class="scroll" tabindex="0" role="region" aria-label="Reply inversion"><table><thead><tr>'
    '<th scope="col">Change</th><th scope="col">Requests</th>'
    '<th scope="col">“{{ yes }}” against “{{ no }}”</th><th scope="col">Refusing</th></tr></thead>'
    "<tbody>"
    '{% for row in rows %}<tr><th scope="row">{{ row.name }}</th><td>{{ row.set }}</td>'
    "{% for cell in row.cells %}<td>{{ cell.found }}<small>{{ cell.random }}</small></td>"
    "{% endfor %}</tr>{% endfor %}</tbody></table></div>"
    "<p>Mean change from the untouched model with its 95 % interval, n = {{ n }} requests a row; "
    "below it the mean and range of random directions at the same place.</p></details>"
)
_ROWS: Final = (
    ("Harmful from harmless", "harm", False),
    ("the same, alike in refusal", "harm", True),
    ("Refused from answered", "refusal", False),
    ("the same, of one kind", "refusal", True),
)


def chart(document: HarmDocument, marks: Sequence[HarmMark] = ()) -> Markup:
    """Return the map, its key, and what it shows in words.

    Args:
        document: As `harm` writes it.
        marks: Where the visitor's request lies, a card each.
    """
    words = f"{sentence(document)} {of_marks(marks)}".strip()
    return _CHART(
        figure=figure(document, f"Map of harm and refusal. {words}", marks),
        sets={name: shape(name) for name in HARM_SETS},
        sentence=words,
        pick=_PICK,
    )


def numbers(document: HarmDocument) -> Markup:
    """Return what each axis tells apart, beside random directions."""
    seeds = [each["random"]["seeds"] for each in document["separations"] if each["random"]]
    beside = _beside(document)
    return _NUMBERS(told=_told(document), seeds=max(seeds, default=0), beside=beside)


def below(document: HarmDocument) -> Markup:
    """Return the reply inversion, and how all was measured."""
    return _BELOW(inversion=_inversion(document), made=_made(document))


def sentence(document: HarmDocument) -> str:
    """Return what the map shows, in words."""
    counted = counts(document["points"])
    over = counted.get("harmless refused", {})
    answered = counted.get("harmful answered", {})
    parts = []
    if total := sum(over.values()):
        calm = over["harmless and refused"] + over["harmless and answered"]
        parts.append(
            f"Of the harmless requests the model begins to refuse {total}; {_look(calm)} harmless "
            "to it"
        )
    if total := sum(answered.values()):
        harsh = answered["harmful and refused"] + answered["harmful and answered"]
        parts.append(
            f"of the harmful ones it begins to answer {total}; {_look(harsh)} harmful to it"
        )
    if not parts:
        return "Every harmful request is refused and every harmless one answered."
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}."


def of_marks(marks: Sequence[HarmMark]) -> str:
    """Return where the visitor's request lies, in words."""
    places = [
        f"{mark.name}: looks {'harmful' if mark.harm > 0 else 'harmless'} ({signed(mark.harm)}), "
        f"{'a refusal' if mark.refusal > 0 else 'an answer'} is coming ({signed(mark.refusal)})"
        for mark in marks
    ]
    return f"Your request, {'; '.join(places)}." if places else ""


def _told(document: HarmDocument) -> Markup:
    rows = []
    for name, told, within in _ROWS:
        cells = [
            _cell(each)
            for axis in ("harm", "refusal")
            for each in document["separations"]
            if (each["told"], each["axis"], each["within"]) == (told, axis, within)
        ]
        rows.append({"name": name, "cells": cells})
    return _TOLD(rows=rows)


def _cell(entry: SeparationEntry) -> dict[str, str]:
    if entry["auc"] is None:
        return {"found": "–", "random": ""}
    return {"found": with_interval(entry["auc"]), "random": with_range(entry["random"])}


def _beside(document: HarmDocument) -> str:
    axes = document["axes"]
    within = ", ".join(
        f"{with_interval(entry, signed)} of {name} ones"
        for name, entry in document["correlations"].items()
    )
    return (
        f"The harm axis is read at the input of layer {axes['harm']['layer']}, the refusal axis at "
        f"that of layer {axes['refusal']['layer']}: each at the first whose AUC on validation "
        "prompts is within one standard error of the best. The cosine of the two directions is "
        f"{signed(cosine(axes))}. Places on the two axes correlate with {within}."
    )


def _look(count: int) -> str:
    return f"{count} of these {'looks' if count == 1 else 'look'}"


def _made(document: HarmDocument) -> str:
    axes, sets = document["axes"], [point["set"] for point in document["points"]]
    sizes = ", ".join(f"{sets.count(name)} {name}" for name in dict.fromkeys(sets))
    refused, answered = axes["refusal"]["train"]
    made = document.get("provenance")
    held = f" Measured in {made['dtype']}." if made else ""
    again = f"{document['model']} --dtype {made['dtype']}" if made else document["model"]
    return (
        f"Test prompts: {sizes}; none was fitted on. Axes from {sum(axes['harm']['train'])} "
        f"training prompts by label, and {refused} refused and {answered} answered ones. Refused "
        "means here that the first token more likely opens a refusal than not."
        f"{held} Again: python -m "
        f"steering harm --model {again}. After Zhao et al. 2025, "
        "arXiv:2507.11878."
    )


def _inversion(document: HarmDocument) -> Markup:
    found = document.get("inversion")
    if not found or not found["rows"]:
        return NOTHING
    told = found["auc"]
    able = ""
    if told is not None:
        able = f"Untouched, its AUC for harm is {with_interval(told)}."
        if told["high"] < 0.5:
            able += (
                " That is below chance: the model says it more of harmless requests, so that the "
                "first column says little about its judgement."
            )
        elif told["low"] <= 0.5:
            able += (
                " That is no better than chance: the model cannot answer the question, so that "
                "the first column says little about its judgement."
            )
    rows = [
        {
            "name": row["name"] if row["strength"] is None else _STEPS[row["set"]] + row["name"],
            "set": row["set"],
            "cells": [_shift(row["judgement"]), _shift(row["refusal"])],
        }
        for row in found["rows"]
    ]
    return _INVERSION(
        question=found["question"],
        yes=found["words"][0],
        no=found["words"][1],
        able=able,
        rows=rows,
        n=found["rows"][0]["judgement"]["change"]["n"],
    )


_STEPS: Final = {"harmful": "a step down along ", "harmless": "a step up along "}


def _shift(entry: ShiftEntry) -> dict[str, str]:
    return {
        "found": with_interval(entry["change"], signed),
        "random": with_range(entry["random"], signed),
    }
