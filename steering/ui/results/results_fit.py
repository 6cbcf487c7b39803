"""How the directions of a model came about: refusal openers, and the front of the choice."""

from typing import Final

from markupsafe import Markup

from steering.artifacts.fronts import fronts_of
from steering.artifacts.manifest_document import ManifestFacts
from steering.formatting import plain
from steering.interventions.openers import OpenerTable
from steering.interventions.outline import Facts
from steering.ui.templates import NOTHING, template
from steering.ui.text import isolated

OPENERS: Final = (
    "Refusal openers: the first tokens by which the refusal score tells that a refusal begins. "
    "They are those that are likelier where this model refuses a training request than where it "
    "answers one: mean probabilities of the first token."
)
FRONT: Final = (
    "Where directions are taken: the places of which no other lowers the refusal score of harmful "
    "requests further (bypass) at a lower KL divergence on harmless ones, and the one that was "
    "chosen. It is the one with the lowest bypass among those with a KL of at most 0.1 at which "
    "adding the direction makes harmless requests look refused (induce at least 0); where none is, "
    "the bounds are relaxed in a stated order. Mean scores of next tokens on validation requests, "
    "in nats."
)
WANTED: Final = 40
"""Harmful validation prompts behind a choice that would be enough (chosen: the standard
error of a mean is then a sixth of the spread)."""
_KINDS: Final = {
    "ablation": "Directional ablation",
    "flip": "Counterfactual flipping",
    "nullspace": "Nullspace projection",
}
_FIT = template(
    '<details class="formats fit"><summary>How the directions were fitted and chosen</summary>'
    "{{ openers }}{{ fronts }}</details>"
)
_TABLE = template(
    '<p>{{ words }}</p><div class="scroll" tabindex="0" role="region" aria-label="{{ name }}">'
    '<table><thead><tr>{% for name in columns %}<th scope="col">{{ name }}</th>{% endfor %}</tr>'
    "</thead><tbody>{% for row in rows %}<tr>{% for cell in row %}<td>{{ cell }}</td>{% endfor %}"
    "</tr>{% endfor %}</tbody></table></div>"
)


def fit(facts: Facts | None, manifest: ManifestFacts | None = None) -> Markup:
    """Return the section's HTML; empty where nothing is known.

    Args:
        facts: What there is to know of the directions; None without directions.
        manifest: What their maker says of the choice; None where that is not known.
    """
    openers = NOTHING if facts is None or facts.openers is None else _openers(facts.openers)
    fronts = NOTHING if manifest is None else _fronts(manifest)
    if not (openers or fronts):
        return NOTHING
    return _FIT(openers=openers, fronts=fronts)


def _fronts(manifest: ManifestFacts) -> Markup:
    found = fronts_of(manifest)
    if not found:
        return NOTHING
    return _TABLE(
        name="Front of the choice",
        words=f"{FRONT} {_asked(manifest)}".strip(),
        columns=("edit", "position", "layer", "bypass", "induce", "KL", ""),
        rows=[
            (
                _KINDS.get(kind, kind),
                row["position"],
                row["layer"],
                plain(row["bypass"]),
                plain(row["induce"]),
                plain(row["kl"], 3),
                "chosen" if row["chosen"] else "",
            )
            for kind, rows in found.items()
            for row in rows
        ],
    )


def _asked(manifest: ManifestFacts) -> str:
    """Say on how many prompts the choice stands, and whether they are enough."""
    kept = manifest.get("validation_kept")
    if not kept:
        return ""
    said = (
        f"Of the validation requests the model sorts {kept['harmful']} harmful and "
        f"{kept['harmless']} harmless ones rightly"
    )
    said += "." if kept["harmful"] >= WANTED else f"; {WANTED} of each would be enough."
    rounds = manifest.get("rounds")
    if not rounds:
        return said
    one, other = rounds["first"]["harmful"], rounds["second"]["harmful"]
    same = " (the same: too few are left)" if one + other > kept["harmful"] else " (others)"
    return f"{said} First round of ablation {one} harmful ones, everything else {other}{same}."


def _openers(table: OpenerTable) -> Markup:
    return _TABLE(
        name="Refusal openers",
        words=OPENERS,
        columns=(
            "first token",
            f"of {table.n_refused} refusals",
            f"of {table.n_answered} answers",
            "read by the score",
        ),
        rows=[
            (
                isolated(f"“{row.text}”"),
                plain(row.refused),
                plain(row.answered),
                "yes" if row.taken else "no",
            )
            for row in table.rows
        ],
    )
