"""What a card shows of an answer, as HTML made by pure functions.

Everything that comes from a model passes through `html.escape` here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final, Literal

from steering.formatting import plain, signed
from steering.inference.comparison import Answer
from steering.ui.text import isolated, written

State = Literal["idle", "waiting", "writing", "done", "recorded", "missing", "off"]
"""What a card shows: nothing yet, a run before its first token, a growing answer, a finished one,
a recorded one, that the recording has none, or that it is switched off."""


@dataclass(frozen=True)
class _Verdict:
    word: str
    meaning: str
    icon: str


VERDICTS: Final[Mapping[str, _Verdict]] = {
    "refused": _Verdict(
        "Refused", "It declines the request.", "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2ZM4 4l8 8"
    ),
    "hedged": _Verdict("Hedged", "It refuses first and then helps.", "M3 6h10M3 10h5"),
    "complied": _Verdict("Complied", "It answers the request.", "M3 8.5 6.5 12 13 4.5"),
    "broken": _Verdict("Broken", "It loops or is no language.", "M2 10 5 5l3 6 3-6 3 5"),
    "empty": _Verdict("Empty", "It says nothing at all.", "M6 8h.01M10 8h.01"),
    "not_finished": _Verdict(
        "Not finished",
        "It was still thinking: there is no answer to judge. A longer answer may hold one.",
        "M3 8h.01M8 8h.01M13 8h.01",
    ),
}
_PLACEHOLDERS: Final[Mapping[str, str]] = {
    "idle": "The answer appears here when you press Run.",
    "waiting": "Reading the request …",
    "missing": "No recording with these settings. Run it to see what the model says.",
    "off": "Switched off. Turn it on to take part in the next run.",
}
TIPS: Final = {
    "gauge": "How likely the first token of the answer is one that opens a refusal, such as "
    "“I” (“I'm sorry”). The score is the same as log-odds: above 0 means more likely than not.",
    "KL": "How far the edit moves the model's choice of its first token from the baseline's: "
    "0 is no change, above about 1 is a lot (KL divergence, in nats).",
    "perplexity": "How surprising the unedited model finds this text: near 1 is what it would have "
    "written itself; a high number means the edit costs fluency.",
    "tokens": "Length of the answer. A token is a word or a piece of one.",
    "tokens/s": "How fast this answer was written.",
}


def view(answer: Answer | None, state: State) -> str:
    """Return what a card shows of an answer: verdict, gauge, text and numbers.

    Args:
        answer: None where there is none yet; the places of its parts are kept, so nothing jumps.
        state: What the card is doing.
    """
    shown = answer or Answer(panel="")
    measured = bool(shown.first_tokens)
    body = _thoughts(shown, state) + written(shown.text, tag="div") if answer else ""
    if state == "writing" and not shown.finished:
        # Inside the text's own element, so that it stands where the text goes on.
        body = body.removesuffix("</div>") + '<span class="caret" aria-hidden="true"></span></div>'
    # A broken answer without a word: its numbers overflowed, which the card says in its place.
    lost = shown.verdict == "broken" and not shown.text
    placeholder = escape(_why(shown)) if lost else _PLACEHOLDERS.get(state, "")
    return (
        f'<div class="view" data-state="{state}" data-panel="{escape(shown.panel, quote=True)}">'
        f'<div class="chips">{_chips(shown, state)}</div>'
        f"{_gauge(shown if measured else None)}"
        f'<div class="answer" tabindex="0" role="group" aria-label="Answer">{body}'
        f'<span class="placeholder">{placeholder}</span></div>'
        f"{_numbers(shown if measured else None)}</div>"
    )


def _thoughts(answer: Answer, state: State) -> str:
    """Return the thinking as a fold, which is open only until the answer begins."""
    if not answer.thinking:
        return ""
    is_open = " open" if state == "writing" and not answer.text else ""
    return (
        f'<details class="thinking"{is_open}><summary>Thinking</summary>'
        f'<div translate="no" dir="auto">{escape(answer.thinking)}</div></details>'
    )


def _chips(answer: Answer, state: State) -> str:
    chips = []
    verdict = VERDICTS.get(answer.verdict or "")
    if verdict:
        tip = isolated(f"{verdict.meaning} Why: {_why(answer)}")
        chips.append(_chip(f"verdict {answer.verdict}", verdict.word, tip, verdict.icon))
    elif answer.verdict:
        chips.append(_chip("verdict empty", answer.verdict, answer.reason or "", "M6 8h.01"))
    else:
        words = {"writing": "Writing", "waiting": "Waiting", "off": "Off"}
        chips.append(f'<span class="chip quiet">{words.get(state, "No answer yet")}</span>')
    if answer.looping and answer.verdict != "broken":
        tip = "The text repeats itself, a sign that the edit has damaged the model's language."
        chips.append(_chip("loop", "Repeats itself", tip, "M2 10 5 5l3 6 3-6 3 5"))
    if state == "recorded":
        tip = "This was computed earlier and stored with the app. Press Run to compute it now."
        chips.append(
            _chip("recorded", "Recorded", tip, "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2ZM8 5v3l2 1.5")
        )
    return "".join(chips)


def _why(answer: Answer) -> str:
    """Return the rule's reason without its verdict, which it names first and the chip has said."""
    return (answer.reason or "no reason was stored").rpartition(": ")[2]


def _chip(name: str, word: str, tip: str, icon: str) -> str:
    tip = escape(tip, quote=True)
    return (
        f'<span class="chip {escape(name, quote=True)}" tabindex="0" data-tip="{tip}">'
        f'<svg viewBox="0 0 16 16" aria-hidden="true"><path d="{icon}"/></svg>{escape(word)}'
        f'<span class="unseen">. {tip}</span></span>'
    )


def _gauge(answer: Answer | None) -> str:
    percent = 100 * (answer.p_refusal or 0.0) if answer else 0.0
    value = f"{percent:.0f} %" if answer else "–"
    score = signed(answer.refusal_score, 1) if answer else "–"
    return (
        f'<div class="gauge" tabindex="0" data-tip="{escape(TIPS["gauge"], quote=True)}">'
        f"<span>Starts like a refusal</span><small>score {score}</small><b>{value}</b>"
        f'<i role="meter" aria-label="Probability that the answer starts like a refusal" '
        f'aria-valuemin="0" aria-valuemax="100" aria-valuenow="{percent:.0f}">'
        f'<u style="width:{percent:.1f}%"></u></i></div>'
    )


def _numbers(answer: Answer | None) -> str:
    values = dict.fromkeys(("KL", "perplexity", "tokens", "tokens/s"), "–")
    if answer:
        values["KL"] = plain(answer.kl)
        values["tokens"] = str(answer.tokens)
        if answer.perplexity is not None:
            values["perplexity"] = f"{answer.perplexity:,.{1 if answer.perplexity < 100 else 0}f}"
        if answer.seconds > 0 and answer.tokens:
            values["tokens/s"] = f"{answer.tokens / answer.seconds:.1f}"
    items = "".join(
        f'<div tabindex="0" data-tip="{escape(TIPS[name], quote=True)}"><dt>{name}</dt>'
        f"<dd>{value}</dd></div>"
        for name, value in values.items()
    )
    return f'<dl class="numbers">{items}</dl>'


def first_tokens(tokens: Sequence[tuple[str, float]]) -> str:
    """Return the likeliest first tokens as a small bar list."""
    if not tokens:
        return '<p class="quiet">They appear with the answer.</p>'
    rows = "".join(
        f"<li>{written(_visible(token), tag='code')}"
        f'<i><u style="width:{100 * p:.1f}%"></u></i><span>{100 * p:.1f} %</span></li>'
        for token, p in tokens
    )
    return f'<ol class="tokens">{rows}</ol>'


def _visible(token: str) -> str:
    """Return a token with its spaces and line ends shown as signs."""
    return token.replace("\n", "⏎").replace("\t", "⇥").replace(" ", "␣") or "(nothing)"
