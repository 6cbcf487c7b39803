"""What the tab of own contrasts says, as functions from plain data to HTML."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from markupsafe import Markup

from steering.contrasts.text_lists import FEWEST_TEXTS, MOST_TEXTS
from steering.formatting import p_value, plain, sentence, with_interval, with_range
from steering.ui.own_progress import say
from steering.ui.templates import NOTHING, template

if TYPE_CHECKING:
    from steering.contrasts.contrast_document import ContrastDocument

INTRODUCTION: Final = template(
    "<h2>Your own contrast</h2>"
    "<p>Refusal is one thing that directions can be found for; any two kinds of text can be "
    "another. Give two lists, a text a line, {{ fewest }} to {{ most }} in each. The model "
    "reads them, and the difference in means and INLP are fitted to tell them apart. Whether they "
    "do is tested on texts that were held out, beside shuffled labels and random directions. It "
    "takes about a minute on two cores.</p>"
)(fewest=FEWEST_TEXTS, most=MOST_TEXTS)
_FOUND = template(
    '<section class="found" data-separates="{{ "yes" if separates else "no" }}">'
    '<p class="verdict"><span class="chip outcome {{ "supported" if separates else "quiet" }}">'
    '{{ "They are told apart" if separates else "Nothing was found" }}</span> {{ verdict }}</p>'
    "{% if notes %}<ul>{% for note in notes %}<li>{{ note }}</li>{% endfor %}</ul>{% endif %}"
    '<div class="scroll" tabindex="0" role="region" aria-label="Layer by layer"><table><thead><tr>'
    '{% for name, tip in columns.items() %}<th scope="col"><span tabindex="0" data-tip="{{ tip }}">'
    "{{ name }}</span></th>{% endfor %}</tr></thead><tbody>"
    '{% for row in rows %}<tr{% if row.starts %} class="starts"{% endif %}>'
    '<th scope="row">{{ row.cells[0] }}{% if row.starts %} <small>edits start here</small>'
    "{% endif %}</th>{% for cell in row.cells[1:] %}<td>{{ cell }}</td>{% endfor %}</tr>"
    "{% endfor %}"
    "</tbody></table></div><p>{{ held_out }}</p></section>"
)
_COLUMNS: Final[Mapping[str, str]] = {
    "Layer": "The block of the model at whose input the texts were read.",
    "Difference in means": "Share of held-out texts on their own side of the middle, with its 95 % "
    "interval. One half is chance.",
    "Shuffled labels": "The same where the texts are dealt to the two lists at random: mean and "
    "range.",
    "p (Holm)": "How often shuffled labels do as well, corrected for the number of layers.",
    "INLP, first": "Share of held-out texts that INLP's first classifier gets right, and what it "
    "gets with shuffled labels.",
    "Random": "What random directions in place of the difference get, and random subspaces in "
    "place of INLP's.",
    "Directions": "How many INLP keeps: the slider of rank goes up to it.",
}


def playing(names: tuple[str, str] | None) -> Markup:
    """Say with which directions all cards are, if these are somebody's own."""
    if names is None:
        return NOTHING
    return say(
        f"All cards and the map have the directions of {names[0]} against {names[1]} now. What "
        f"they call harmful is {names[0]}, and harmless is {names[1]}; nothing was recorded or "
        "measured of them."
    )


def findings(document: "ContrastDocument") -> Markup:
    """Return what was found of a contrast, layer by layer."""
    return _FOUND(
        separates=document["separates"],
        verdict=document["verdict"],
        notes=[*document["notes"], *document["warnings"]],
        columns=_COLUMNS,
        rows=[_row(entry, document["layer"]) for entry in document["layers"]],
        held_out=f"{sentence(document['held_out'])} {sentence(document['rule'])}",
    )


def _row(entry: Mapping[str, Any], layer: int) -> dict[str, Any]:
    return {
        "starts": entry["layer"] == layer,
        "cells": (
            entry["layer"],
            with_interval(entry["dim_accuracy"]),
            with_range(entry["dim_shuffled"]),
            p_value(entry["p_holm"]),
            f"{plain(entry['inlp_accuracy']['estimate'])}, shuffled "
            f"{plain(entry['inlp_shuffled']['mean'])}",
            f"{plain(entry['dim_random']['mean'])}, {plain(entry['inlp_random']['mean'])}",
            len(entry["inlp_accuracies"]),
        ),
    }
