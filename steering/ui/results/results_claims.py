"""The paper's four claims as cards: what the numbers of one model say of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from steering.artifacts.evaluation_document import ClaimEntry, ClaimPartEntry
from steering.formatting import signed, signed_between


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
        "Not supported", "M4 4l8 8M12 4l-8 8", "At least one condition does not hold."
    ),
    "undecided": _Outcome(
        "Undecided",
        "M5.5 6a2.5 2.5 0 1 1 3.6 2.2Q8 8.8 8 10M8 13h.01",
        "The intervals are too wide.",
    ),
}
_PLAIN: Final[Mapping[str, str]] = {
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


def claims(found: Sequence[ClaimEntry]) -> str:
    """Return a card a claim; empty if none were weighed."""
    if not found:
        return ""
    cards = "".join(_card(number, claim) for number, claim in enumerate(found, start=1))
    return (
        '<h3 class="part">What the paper claims, and what this model shows</h3>'
        f'<div class="claims">{cards}</div>'
    )


def _card(number: int, claim: ClaimEntry) -> str:
    parts, verdict = claim["parts"], claim["verdict"]
    deciding = [part for part in parts if part["verdict"] == verdict]
    sentence = escape(claim["sentence"], quote=True)
    plain = next((words for start, words in _PLAIN.items() if claim["claim"].startswith(start)), "")
    return (
        f'<article class="claim" aria-labelledby="claim-{number}">'
        f'<header><span class="number">Claim {number}</span>{_chip(verdict, deciding)}</header>'
        f'<h4 id="claim-{number}">{escape(claim["claim"])}</h4><p class="plain">{plain}</p>'
        f'<p class="why">{_why(verdict, deciding, parts)}</p>'
        f'{_list(deciding)}<div class="foot">{_all(parts, deciding)}'
        f'<button type="button" class="form cite" data-copy="{sentence}">'
        '<span>Copy as a sentence</span><span class="copy" aria-hidden="true">copy</span>'
        "</button></div></article>"
    )


def _chip(verdict: str, deciding: Sequence[ClaimPartEntry]) -> str:
    found = OUTCOMES.get(verdict) or _Outcome(verdict, "M6 8h.01M10 8h.01", "")
    word = found.word
    sizes = [part["interval"].get("n") if part["interval"] else None for part in deciding]
    known = [n for n in sizes if n is not None]
    if verdict == "undecided" and known and len(known) == len(sizes):
        word += f" at n = {min(known)}"
    name = verdict.replace(" ", "-") if verdict in OUTCOMES else "quiet"
    return (
        f'<span class="chip outcome {name}"><svg viewBox="0 0 16 16" aria-hidden="true">'
        f'<path d="{found.icon}"/></svg>{escape(word)}</span>'
    )


def _why(verdict: str, deciding: Sequence[ClaimPartEntry], parts: Sequence[ClaimPartEntry]) -> str:
    if verdict == "supported":
        return f"All {len(parts)} conditions hold:"
    few = f"{len(deciding)} of {len(parts)} conditions"
    verb = "is" if len(deciding) == 1 else "are"
    return {
        "not supported": f"{few} {verb} not met:",
        "undecided": f"{few} {verb} open, none fails:",
    }.get(verdict, "")


def _list(parts: Sequence[ClaimPartEntry], *, marked: bool = False) -> str:
    rows = "".join(
        f"<li>{_icon(part['verdict']) if marked else ''}"
        f"<span>{_statement(part['statement'])}</span>{_numbers(part)}</li>"
        for part in parts
    )
    return f'<ul class="conditions{" marked" if marked else ""}">{rows}</ul>'


def _statement(words: str) -> str:
    """Return a condition in words; an inequality stays in one line."""
    return escape(words).replace(" &lt; ", "&nbsp;&lt;&nbsp;").replace(" &gt; ", "&nbsp;&gt;&nbsp;")


def _icon(verdict: str) -> str:
    found = OUTCOMES.get(verdict) or _Outcome(verdict, "M6 8h.01M10 8h.01", "")
    name = verdict.replace(" ", "-") if verdict in OUTCOMES else "quiet"
    return (
        f'<svg class="outcome {name}" viewBox="0 0 16 16" role="img" '
        f'aria-label="{escape(found.word, quote=True)}"><path d="{found.icon}"/></svg>'
    )


def _numbers(part: ClaimPartEntry) -> str:
    found = part["interval"]
    if found is None:
        return "<small>not measured</small>"
    ends = signed_between(found["low"], found["high"])
    return f"<span><b>{signed(found['estimate'])}</b> <small>{ends}</small></span>"


def _all(parts: Sequence[ClaimPartEntry], deciding: Sequence[ClaimPartEntry]) -> str:
    if len(deciding) == len(parts):
        return ""
    return (
        f"<details><summary>All {len(parts)} conditions</summary>{_list(parts, marked=True)}"
        "</details>"
    )
