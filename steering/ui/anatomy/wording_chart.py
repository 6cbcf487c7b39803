"""Refusals by wording, as tables whose cells hold a small plot: a row each, from 0 to 1.

Which table is shown is said by radio buttons alone (assets/wording.css), as of patching. What a
plot shows stands in its cell in words, for those who do not see it.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from markupsafe import Markup

from steering.artifacts.wording_document import (
    WordedArm,
    WordingDocument,
    WordingEntry,
    arm_of,
    axis_of,
)
from steering.formatting import between, plain
from steering.intervals import IntervalEntry
from steering.ui.templates import static, template

EDITS: Final[Mapping[str, tuple[str, str]]] = {
    "ablation": ("Ablation", "harmful"),
    "flip": ("Flip", "harmful"),
    "actadd": ("Addition", "harmless"),
}
"""The edits by their arm: the name on the switch, and the set that they are done on."""
_ENDS: Final = static('<span class="ends" aria-hidden="true"><b>0</b><b>.5</b><b>1</b></span>')
"""What the lines of a plot stand for."""
_CHART: Final = template(
    '<fieldset class="choice"><legend>Edit with English directions</legend>'
    "{% for arm, name in edits.items() %}"
    '<label><input type="radio" name="worded-arm" value="{{ arm }}"'
    "{% if loop.first %} checked{% endif %}><span>{{ name }}</span></label>{% endfor %}</fieldset>"
    '{% for table in tables %}<div class="rates" data-arm="{{ table.arm }}">'
    '<div class="scroll" tabindex="0" role="region" aria-label="{{ table.title }}"><table>'
    "<caption>{{ table.title }}</caption><thead><tr>"
    '<th scope="col">Wording</th><th scope="col">{{ table.set }} requests refused'
    "{{ ends }}</th>"
    '<th scope="col">Told apart (AUC){{ ends }}</th></tr></thead><tbody>{% for row in table.rows %}'
    '<tr><th scope="row">{{ row.name }}</th>{% for cell in row.cells %}<td>'
    '<span class="worded-plot {{ cell.kind }}" tabindex="0" data-tip="{{ cell.words }}" '
    'aria-label="{{ cell.words }}" role="img">'
    '{% for m in cell.marks %}<i class="{{ m.name }}" style="left: {{ m.low }}%; '
    'right: {{ m.rest }}%"></i><b class="{{ m.name }}" style="left: {{ m.at }}%"></b>{% endfor %}'
    "</span></td>{% endfor %}</tr>"
    "{% endfor %}</tbody></table></div></div>{% endfor %}"
    '<ul class="worded-key"><li><b class="untouched"></b> untouched</li>'
    '<li><b class="edited"></b> edited along English directions</li>'
    '<li><b class="drawn"></b> along random ones, drawn once</li>'
    '<li><b class="along"></b> along the English direction, .5 is chance</li>'
    '<li><i class="reach"></i> {{ seeds }} random directions</li></ul>'
)


def chart(document: WordingDocument) -> Markup:
    """Return the tables, one an edit, and what switches between them."""
    rows = document["wordings"]
    edits = {arm: name for arm, (name, each) in EDITS.items() if arm_of(rows[0], arm, each)}
    axes = [axis_of(row, "dim") for row in rows]
    return _CHART(
        ends=_ENDS,
        edits=edits,
        tables=[
            {
                "arm": arm,
                "title": f"{name}: refusals by wording",
                "set": EDITS[arm][1].capitalize(),
                "rows": [
                    {
                        "key": row["wording"],
                        "name": row["name"],
                        "cells": [_rates(row, arm, EDITS[arm][1]), _auc(row)],
                    }
                    for row in rows
                ],
            }
            for arm, name in edits.items()
        ],
        seeds=next((axis["random"]["seeds"] for axis in axes if axis), 0),
    )


def _rates(row: WordingEntry, arm: str, set_name: str) -> dict[str, object]:
    found: Sequence[tuple[str, str, WordedArm | None]] = [
        ("untouched", "untouched", arm_of(row, "baseline", set_name)),
        ("edited", "English directions", arm_of(row, arm, set_name)),
        ("drawn", "random directions", arm_of(row, f"random {arm}", set_name)),
    ]
    words = [f"{said} {_said(each['refused'])}{_beside(each)}" for _, said, each in found if each]
    return {
        "kind": "rate",
        "words": f"{row['name']}: {'; '.join(words)}",
        "marks": [_mark(name, each["refused"]) for name, _, each in found if each],
    }


def _auc(row: WordingEntry) -> dict[str, object]:
    found = axis_of(row, "dim")
    if found is None:
        return {"kind": "auc", "words": "not measured", "marks": []}
    chance = found["random"]
    random: IntervalEntry = {
        "estimate": chance["mean"],
        "low": chance["low"],
        "high": chance["high"],
    }
    return {
        "kind": "auc",
        "words": f"{row['name']}: AUC {_said(found['auc'])}; random directions "
        f"{plain(chance['mean'])}, from {plain(chance['low'])} to {plain(chance['high'])}",
        "marks": [_mark("reach", random), _mark("along", found["auc"])],
    }


def _mark(name: str, entry: IntervalEntry) -> dict[str, object]:
    at, low, high = (100 * entry[key] for key in ("estimate", "low", "high"))
    return {"name": name, "at": f"{at:.1f}", "low": f"{low:.1f}", "rest": f"{100 - high:.1f}"}


def _said(entry: IntervalEntry) -> str:
    return f"{plain(entry['estimate'])} {between(entry['low'], entry['high'])}"


def _beside(arm: WordedArm) -> str:
    counts = {"not judged": arm["not_judged"], "repeat the request": arm["echoes"]}
    counts["degenerate"] = arm["degenerate"]
    parts = [f"{count} {what}" for what, count in counts.items() if count]
    return f" ({', '.join(parts)})" if parts else ""
