"""The paper's four claims as cards: what the numbers of one model say of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from steering.artifacts.evaluation_document import ClaimEntry, ClaimPartEntry
from steering.formatting import signed, signed_between
from steering.ui.templates import NOTHING, template


@dataclass(frozen=True)
class _Outcome:
    word: str
    icon: str
    meaning: str


OUTCOMES: Final[Mapping[str, _Outcome]] = {
    "supported": _Outcome(
        "Supported", "M3 8.5 6.5 12 13 4.5", "Every condition holds with its whole interval."
    ),
    "not supported": _Outcome(
        "Not supported", "M4 4l8 8M12 4l-8 8", "At least one condition surely does not hold."
    ),
    "undecided": _Outcome(
        "Undecided",
        "M5.5 6a2.5 2.5 0 1 1 3.6 2.2Q8 8.8 8 10M8 13h.01",
        "The intervals are too wide.",
    ),
}
_PLAIN: Final[Mapping[str, str]] = {
    "Counterfactual flipping suppresses refusal about as well as the same": "Mirroring the INLP "
    "directions frees about as many answers as mirroring the one direction between the means.",
    "Counterfactual flipping": "Mirroring the INLP directions frees about as many answers as "
    "erasing the single direction; erasing the INLP directions frees fewer.",
    "The first few INLP": "A few of the directions do most of what all of them do, and the model "
    "still speaks as fluently.",
    "alpha = 1 lands": "Erasing puts a request halfway between harmful and harmless inside the "
    "model; mirroring puts it on the other side. t is 0 at the harmful mean, 1 at the harmless.",
    "Activation addition": "Pushing along the direction makes the model decline ordinary requests, "
    "and its language suffers.",
}
"""The claims in words for newcomers, by how each begins."""
_CLAIMS = template(
    '{% if cards %}<h3 class="part">What the paper claims, and what this model shows</h3>'
    '<div class="claims">{% for card in cards %}{{ card }}{% endfor %}</div>{% endif %}'
)
_CARD = template(
    '<article class="claim" aria-labelledby="claim-{{ number }}">'
    '<header><span class="number">Claim {{ number }}</span>{{ chip }}</header>'
    '<h4 id="claim-{{ number }}">{{ title }}</h4><p class="plain">{{ plain }}</p>'
    '<p class="why">{{ why }}</p>{{ conditions }}<div class="foot">{{ more }}'
    '<button type="button" class="form cite" data-copy="{{ claim.sentence }}">'
    '<span>Copy as a sentence</span><span class="copy" aria-hidden="true">copy</span>'
    "</button></div></article>"
)
_CHIP = template(
    '<span class="chip outcome {{ name }}"><svg viewBox="0 0 16 16" aria-hidden="true">'
    '<path d="{{ icon }}"/></svg>{{ word }}</span>'
)
_LIST = template(
    '<ul class="conditions{{ " marked" if marked }}">'
    "{% for icon, statement, number, ends in rows %}"
    "<li>{{ icon if marked }}<span>{{ statement }}</span>"
    "{% if number %}<span><b>{{ number }}</b> <small>{{ ends }}</small></span>"
    "{% else %}<small>not measured</small>{% endif %}</li>{% endfor %}</ul>"
)
_ICON = template(
    '<svg class="outcome {{ name }}" viewBox="0 0 16 16" role="img" aria-label="{{ word }}">'
    '<path d="{{ icon }}"/></svg>'
)
_ALL = template("<details><summary>All {{ n }} conditions</summary>{{ conditions }}</details>")


def claims(found: Sequence[ClaimEntry]) -> Markup:
    """Return a card a claim; empty if none were weighed."""
    return _CLAIMS(
        cards=[
            _card(claim.get("number", str(number)), claim)
            for number, claim in enumerate(found, start=1)
        ]
    )


def _card(number: str, claim: ClaimEntry) -> Markup:
    verdict = claim["verdict"]
    parts = [part for part in claim["parts"] if not part.get("illustration")]
    deciding = [part for part in parts if part["verdict"] == verdict]
    plain = next((words for start, words in _PLAIN.items() if claim["claim"].startswith(start)), "")
    return _CARD(
        number=number,
        chip=_chip(verdict, deciding),
        claim=claim,
        title=_statement(claim["claim"]),
        plain=plain,
        why=_why(verdict, deciding, parts),
        conditions=_list(deciding),
        more=_all(claim["parts"], deciding),
    )


def _outcome(verdict: str) -> tuple[str, str, str]:
    """Return the class, the word and the icon of a verdict; one that is not known is quiet."""
    found = OUTCOMES.get(verdict) or _Outcome(verdict, "M6 8h.01M10 8h.01", "")
    return verdict.replace(" ", "-") if verdict in OUTCOMES else "quiet", found.word, found.icon


def _chip(verdict: str, deciding: Sequence[ClaimPartEntry]) -> Markup:
    name, word, icon = _outcome(verdict)
    sizes = [part["interval"].get("n") if part["interval"] else None for part in deciding]
    known = [n for n in sizes if n is not None]
    if verdict == "undecided" and known and len(known) == len(sizes):
        word += f" at n = {min(known)}"
    return _CHIP(name=name, word=word, icon=icon)


def _why(verdict: str, deciding: Sequence[ClaimPartEntry], parts: Sequence[ClaimPartEntry]) -> str:
    if verdict == "supported":
        return f"All {len(parts)} conditions hold:"
    few = f"{len(deciding)} of {len(parts)} conditions"
    verb = "is" if len(deciding) == 1 else "are"
    return {
        "not supported": f"{few} {verb} not met:",
        "undecided": f"{few} {verb} open, none fails:",
    }.get(verdict, "")


def _list(parts: Sequence[ClaimPartEntry], *, marked: bool = False) -> Markup:
    rows = [
        (_icon(part["verdict"]), _statement(part["statement"]), *_numbers(part)) for part in parts
    ]
    return _LIST(rows=rows, marked=marked)


def _statement(words: str) -> str:
    """Return words with the sign of the page's sliders, formulas in one line by fixed blanks."""
    for sign in ("<", ">", "="):
        words = words.replace(f" {sign} ", f"\u00a0{sign}\u00a0")
    return words.replace("alpha", "α")


def _icon(verdict: str) -> Markup:
    name, word, icon = _outcome(verdict)
    return _ICON(name=name, word=word, icon=icon)


def _numbers(part: ClaimPartEntry) -> tuple[str, str]:
    """Return an estimate and its interval; empty if it was not measured."""
    found = part["interval"]
    if found is None:
        return "", ""
    return signed(found["estimate"]), signed_between(found["low"], found["high"])


def _all(parts: Sequence[ClaimPartEntry], deciding: Sequence[ClaimPartEntry]) -> Markup:
    if len(deciding) == len(parts):
        return NOTHING
    return _ALL(n=len(parts), conditions=_list(parts, marked=True))
