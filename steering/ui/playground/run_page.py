"""A run as a page of its own: one file without scripts, which holds its data for `replay`."""

from collections.abc import Mapping
from typing import Any, Final

from markupsafe import Markup

from steering.artifacts.run_conditions import weights_name
from steering.artifacts.run_document import RunDocument, TurnEntry
from steering.formatting import plain, signed
from steering.program import MODULE
from steering.shipped import ASSETS
from steering.system import strict_json
from steering.ui.playground.answer_html import VERDICTS
from steering.ui.templates import template
from steering.ui.text import written

_PAGE: Final = template(
    '<!doctype html><html lang="en"><head><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width, initial-scale=1">'
    '<meta name="referrer" content="no-referrer"><title>{{ title }}</title>'
    "<style>{{ style }}</style></head><body><header><h1>Refusal Steering Playground</h1>"
    '<p class="request" dir="auto" translate="no">{{ prompt }}</p></header><main>'
    "{% for panel in panels %}<section><header><h2>{{ panel.title }}</h2>"
    '<code translate="no">{{ panel.form }}</code></header>'
    "{% for turn in panel.turns %}{{ turn }}{% endfor %}</section>"
    '{% endfor %}</main><div class="facts"><h2>How it was made</h2><dl class="rows">'
    '{% for name, value in facts.items() %}<dt>{{ name }}</dt><dd dir="auto">{{ value }}</dd>'
    "{% endfor %}</dl><p>This page holds its data. To write the same again, and to compare:</p>"
    '<pre translate="no">{{ command }}</pre></div>'
    '<template id="run">{{ data }}</template></body></html>\n'
)
_TURN: Final = template(
    '{% if asked %}<p class="asked" dir="auto" translate="no">{{ asked }}</p>{% endif %}'
    '{% if thought %}<details class="thought"><summary>Thinking</summary>{{ thought }}</details>'
    '{% endif %}<div class="answer">{{ answer }}</div>'
    '<p>{% for chip in chips %}<span class="chip">{{ chip }}</span> {% endfor %}'
    '<span class="quiet">{{ why }}</span></p>'
    "<dl>{% for name, value in numbers.items() %}<div><dt>{{ name }}</dt><dd>{{ value }}</dd></div>"
    "{% endfor %}</dl>"
)


def run_page(document: RunDocument, name: str) -> Markup:
    """Return the page of a run.

    Args:
        document: The run.
        name: Of the file that the page is saved as, for the command that replays it.
    """
    own = document["conditions"].get("contrast")
    return _PAGE(
        title=f"{document['prompt'][:80]} · Refusal Steering Playground",
        style=(ASSETS / "run.css").read_text("utf-8"),
        prompt=document["prompt"],
        panels=[
            {
                "title": panel["title"],
                "form": panel["turns"][-1]["panel"],
                "turns": [_turn(turn, alone=len(panel["turns"]) == 1) for turn in panel["turns"]],
            }
            for panel in document["panels"]
        ],
        facts=_facts(document),
        command=f"{MODULE} replay {name}" + " --directions CONTRAST.zip" * bool(own),
        data=strict_json.dumps(document),
    )


def _turn(turn: TurnEntry, *, alone: bool) -> Markup:
    answer = turn["answer"]
    verdict = answer.get("verdict") or ""
    known = VERDICTS.get(verdict)
    chips = [known.word if known else verdict or "No verdict"]
    chips += ["Repeats itself"] if answer.get("looping") else []
    chips += ["No language"] if answer.get("gibberish") else []
    chips += ["Continued"] if answer.get("begun") else []
    return _TURN(
        asked="" if alone else turn["request"],
        thought=answer.get("thinking"),
        answer=written(answer.get("text", ""), tag="div"),
        chips=chips,
        why=answer.get("reason") or "",
        numbers=_numbers(turn),
    )


def _numbers(turn: TurnEntry) -> dict[str, str]:
    answer = turn["answer"]
    p_refusal = answer.get("p_refusal")
    begun = answer.get("begun", 0)
    found = {
        "starts like a refusal": "–" if p_refusal is None else f"{100 * p_refusal:.0f} %",
        "score": signed(answer.get("refusal_score"), 1),
        "KL": plain(answer.get("kl")),
        "perplexity": plain(answer.get("perplexity"), 1),
        "tokens": str(answer.get("tokens", 0)),
    }
    return found | ({"of these given": str(begun)} if begun else {})


def _facts(document: RunDocument) -> dict[str, str]:
    """Return what there is to know of a run, by name; what is not known is left out."""
    known = document["conditions"]
    named = weights_name(known)
    weights: Mapping[str, Any] = known.get("weights") or {}
    sampling = document["panels"][0]["turns"][-1]["sampling"]
    held = [known.get("dtype"), known.get("quantization"), known.get("speed")]
    recorded = "recorded earlier and shipped with the program; when is not noted"
    found = {
        "Model": document["model"],
        "System prompt": document["system"].strip() or "the template's own",
        "Weights": weights.get("source") or "",
        "Named by": f"{named[0]} {named[1]}" if named else "",
        "Number format": ", ".join(each for each in held if each and each != "none"),
        "Why": known.get("number_format") or "",
        "Thinking": known.get("thinking") or "",
        "Contrast": known.get("contrast") or "",
        "Directions": f"sha256 {known['directions']}" if known.get("directions") else "",
        "Sampling": ", ".join(
            f"{key.replace('_', ' ')} {value}" for key, value in sampling.items()
        ),
        "Ran": document["ended"] or recorded,
        "Saved": document.get("saved", ""),
        "Version": f"{document['version']}{_with(known.get('versions') or {})}",
    }
    return {name: value for name, value in found.items() if value}


def _with(versions: Mapping[str, str]) -> str:
    said = ", ".join(f"{name} {version}" for name, version in versions.items())
    return f", with {said}" if said else ""
