"""What the section *Other languages and wordings* says, as functions from plain data to HTML."""

from collections.abc import Callable, Sequence
from typing import Final

from markupsafe import Markup

from steering.anatomy.wording_table import changed
from steering.artifacts.wording_document import (
    EnglishMapEntry,
    WordedArm,
    WordingDocument,
    WordingEntry,
    arm_of,
    axis_of,
)
from steering.formatting import between, plain, signed, signed_between
from steering.intervals import IntervalEntry
from steering.ui.anatomy import wording_chart
from steering.ui.anatomy.wording_chart import EDITS
from steering.ui.anatomy.wording_map import WordedMark, figure
from steering.ui.templates import NOTHING, static, template

WORDING_HEAD: Final = static(
    "<h3>Other languages and wordings</h3><p>The directions were found on English requests. Here "
    "the same requests are asked in six languages and in three ways of wording them: in the past "
    "tense, as a role to play, and written as Base64. Do the English directions still tell harmful "
    "from harmless, and do edits along them still work?</p>"
)
"""What the section is about."""
_RATES: Final = template(
    '<div class="worded worded-rates"><p class="said">{{ sentence }}</p>{{ chart }}</div>'
)
_MAP: Final = template(
    '<div class="worded"><figure>{{ picker }}{{ map }}'
    '<figcaption class="soft">{{ caption }} {{ mine }}</figcaption></figure></div>'
)
_BELOW: Final = template(
    '<div class="worded"><details><summary>All numbers</summary>{{ numbers }}</details>'
    '<p class="soft">{{ made }}</p></div>'
)
_ROOM: Final = 0.1
"""Share refused, or answered, below which an edit has little to change (chosen)."""
_PICKER: Final = template(
    '<fieldset class="choice"><legend>Show the requests in</legend>{% for row in rows %}'
    '<label{% if aucs[row.wording] is not none %} data-auc="{{ aucs[row.wording] }}"{% endif %}>'
    '<input type="radio" name="worded-shown" value="{{ row.wording }}"'
    "{% if loop.first %} checked{% endif %}><span>{{ row.name }}</span></label>{% endfor %}"
    "</fieldset>"
)
_NUMBERS: Final = template(
    '<div class="scroll" tabindex="0" role="region" aria-label="Wordings in numbers"><table>'
    '<thead><tr>{% for name in head %}<th scope="col">{{ name }}</th>{% endfor %}</tr></thead>'
    "<tbody>{% for row in rows %}<tr>{% for cell in row %}"
    '{% if loop.first %}<th scope="row">{{ cell.found }}</th>{% else %}<td>{{ cell.found }}'
    "{% for line in cell.beside %}<small>{{ line }}</small>{% endfor %}</td>{% endif %}"
    "{% endfor %}</tr>{% endfor %}</tbody></table></div>"
    "<p>Shares that refuse, by the text of the answer, with 95 % intervals over pairs. Below them: "
    "the change from the untouched model (with p of the exact McNemar test where that is above "
    ".05), what of it is beyond a random direction, and how much the change differs from that in "
    "English. AUC: the share of pairs of a harmful and a harmless request that are in order along "
    "the direction, .50 is chance; below it its difference to English, and random directions. "
    "Degenerate answers loop, or are no language. What the rules cannot judge is no refusal.</p>"
)


def rates(document: WordingDocument) -> Markup:
    """Return what the document shows in words, and the tables with a plot in each cell."""
    return _RATES(sentence=sentence(document), chart=wording_chart.chart(document))


def worded_map(document: WordingDocument, marks: Sequence[WordedMark] = ()) -> Markup:
    """Return the English map with every wording on it; nothing where the model has no map.

    Args:
        document: As `wordings` writes it.
        marks: Where the visitor's request lies, a wording each.
    """
    entry, mine = document["map"], of_marks(marks)
    if entry is None:
        return NOTHING
    label = f"Map of English training prompts with every wording. {_places(document)} {mine}"
    aucs = {
        row["wording"]: found["estimate"] if (found := _auc(row)) else None
        for row in document["wordings"]
    }
    return _MAP(
        picker=_PICKER(rows=document["wordings"], aucs=aucs),
        map=figure(document, entry, label.strip(), marks),
        caption=_caption(entry),
        mine=mine,
    )


def below(document: WordingDocument) -> Markup:
    """Return all numbers, and how they were measured."""
    return _BELOW(numbers=_numbers(document), made=_made(document))


def sentence(document: WordingDocument) -> str:
    """Return what the tables show, in words."""
    rows = document["wordings"]
    parts = [
        "Untouched, the model refuses "
        + _across(rows, lambda row: _rate(row, "baseline", "harmful"), plain, between)
        + " of the harmful requests.",
        "Along the English direction harmful and harmless requests are told apart with an AUC of "
        + _across(rows, _auc, plain, between)
        + ".",
    ]
    said = {
        "ablation": "Taking the direction out changes refusals of harmful requests by ",
        "actadd": "Adding it changes refusals of harmless ones by ",
    }
    for arm, words in said.items():
        roomy = [row for row in rows if row is rows[0] or _has_room(row, arm)]
        if (first := arm_of(rows[0], arm, EDITS[arm][1])) and first["beyond_random"]:

            def net(row: WordingEntry, arm: str = arm) -> IntervalEntry | None:
                found = arm_of(row, arm, EDITS[arm][1])
                return found["beyond_random"] if found else None

            parts.append(
                f"{words}{_across(roomy, net, signed, signed_between)}, beyond a random direction, "
                f"where there is room for it ({len(roomy)} of {len(rows)} wordings)."
            )
    return " ".join(parts)


def _has_room(row: WordingEntry, arm: str) -> bool:
    """Whether an edit can show what it does: where nothing is refused, nothing can be taken out."""
    rate = _rate(row, "baseline", EDITS[arm][1])
    if rate is None:
        return False
    return rate["estimate"] >= _ROOM if arm != "actadd" else rate["estimate"] <= 1 - _ROOM


def _across(
    rows: Sequence[WordingEntry],
    value: Callable[[WordingEntry], IntervalEntry | None],
    form: Callable[[float], str],
    ends: Callable[[float, float], str],
) -> str:
    """Return a number in English, and the least and the most of it elsewhere."""
    known = [(row, found) for row in rows if (found := value(row)) is not None]
    if not known:
        return "–"
    (_, own), others = known[0], known[1:]
    words = f"{form(own['estimate'])} {ends(own['low'], own['high'])} in English"
    if not others:
        return words
    ordered = sorted(others, key=lambda each: each[1]["estimate"])
    shown = [f"{form(each['estimate'])} ({row['name']})" for row, each in (ordered[0], ordered[-1])]
    return f"{words}, elsewhere from {shown[0]} to {shown[1]}"


def _rate(row: WordingEntry, arm: str, set_name: str) -> IntervalEntry | None:
    found = arm_of(row, arm, set_name)
    return found["refused"] if found else None


def _auc(row: WordingEntry) -> IntervalEntry | None:
    found = axis_of(row, "dim")
    return found["auc"] if found else None


def of_marks(marks: Sequence[WordedMark]) -> str:
    """Return where the visitor's request lies, in words."""
    places = [f"{signed(mark.along)} in {mark.name}" for mark in marks]
    if not places:
        return ""
    return (
        f"Your request lies at {', '.join(places)} along the English direction, where +1 is the "
        "mean of harmful and −1 that of harmless English requests."
    )


def _places(document: WordingDocument) -> str:
    return " ".join(
        f"{row['name']}: harmful at {signed(row['along']['harmful']['estimate'])}, harmless at "
        f"{signed(row['along']['harmless']['estimate'])} along the English direction."
        for row in document["wordings"]
    )


def _caption(entry: EnglishMapEntry) -> str:
    token = str(entry["position"]).replace("-", "−")
    return (
        f"The map of principal components of English training prompts at layer {entry['layer']}, "
        f"token {token}. Small dots: English requests, as the map was made from. A line goes from "
        "the mean of harmless to the mean of harmful requests of one wording."
    )


def _numbers(document: WordingDocument) -> Markup:
    rows = document["wordings"]
    edits = {arm: each for arm, each in EDITS.items() if arm_of(rows[0], arm, each[1]) is not None}
    head = ["Wording", "Harmful, untouched", "Harmless, untouched"]
    head += [f"{set_name.capitalize()}, {name.lower()}" for name, set_name in edits.values()]
    axes = [each["axis"] for each in rows[0]["axes"]]
    head += [f"AUC, {_AXES.get(each, each)}" for each in axes]
    return _NUMBERS(
        head=head,
        rows=[
            [
                {"found": row["name"]},
                *(_untouched(row, each) for each in ("harmful", "harmless")),
                *(_edited(row, arm, set_name) for arm, (_, set_name) in edits.items()),
                *(_axis(row, each) for each in axes),
            ]
            for row in rows
        ],
    )


_AXES: Final = {"dim": "difference in means", "inlp": "INLP’s first"}


def _untouched(row: WordingEntry, set_name: str) -> dict[str, object]:
    found = arm_of(row, "baseline", set_name)
    if found is None:
        return {"found": "–", "beside": []}
    lines = [f"than English {_difference(found['than_english'])}"] * bool(found["than_english"])
    return {"found": _share(found["refused"]), "beside": [*lines, *_beside(found)]}


def _edited(row: WordingEntry, arm: str, set_name: str) -> dict[str, object]:
    found = arm_of(row, arm, set_name)
    if found is None:
        return {"found": "–", "beside": []}
    lines = [f"change {changed(found['change'])}"] if found["change"] else []
    if found["beyond_random"] is not None:
        lines.append(f"beyond random {_difference(found['beyond_random'])}")
    if found["than_english"] is not None:
        lines.append(f"than English {_difference(found['than_english'])}")
    return {"found": _share(found["refused"]), "beside": [*lines, *_beside(found)]}


def _axis(row: WordingEntry, name: str) -> dict[str, object]:
    found = axis_of(row, name)
    if found is None:
        return {"found": "–", "beside": []}
    chance = found["random"]
    lines = [f"than English {_difference(found['than_english'])}"] * bool(found["than_english"])
    reach = f"({plain(chance['low'])} to {plain(chance['high'])})"
    return {
        "found": _share(found["auc"]),
        "beside": [*lines, f"random {plain(chance['mean'])} {reach}"],
    }


def _beside(arm: WordedArm) -> list[str]:
    counts = {
        "not judged": arm["not_judged"],
        "repeat the request": arm["echoes"],
        "degenerate": arm["degenerate"],
    }
    return [f"{count} {what}" for what, count in counts.items() if count]


def _share(entry: IntervalEntry) -> str:
    return f"{plain(entry['estimate'])} {between(entry['low'], entry['high'])}"


def _difference(entry: IntervalEntry | None) -> str:
    if entry is None:
        return "–"
    return f"{signed(entry['estimate'])} {signed_between(entry['low'], entry['high'])}"


def _made(document: WordingDocument) -> str:
    made = document.get("provenance")
    held = f" Measured in {made['dtype']}." if made else ""
    again = f"{document['model']} --dtype {made['dtype']}" if made else document["model"]
    first = document["wordings"][0]["first_token"] or {}
    told = "".join(
        f" By first token, which is read in English alone, the untouched model begins to refuse "
        f"{_share(first[name])} of the {name} ones."
        for name in ("harmful",)
        if name in first
    )
    return (
        f"{document['n']} pairs of the test set, none of them fitted on; answers of "
        f"{document['tokens']} tokens. Translations were not checked by native speakers.{told}"
        f"{held} Again: python -m steering wordings --model {again}. After Wang et al. 2025 "
        "(arXiv:2505.17306), Andriushchenko & Flammarion 2024 (arXiv:2407.11969), Wei et al. 2023 "
        "(arXiv:2307.02483)."
    )
