"""What a card shows of an answer, as HTML made by pure functions."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from markupsafe import Markup

from steering.formatting import plain, signed, visible
from steering.inference.comparison import Answer
from steering.ui.playground.asked import Said
from steering.ui.playground.request_mark import NO_REQUEST, RequestMark
from steering.ui.templates import NOTHING, static, template
from steering.ui.text import isolated, written

State = Literal[
    "idle",
    "waiting",
    "writing",
    "done",
    "recorded",
    "saved",
    "shared",
    "missing",
    "off",
    "joins",
]
"""What a card shows: nothing yet, a run before its first token, a growing answer, a finished one,
a recorded one, one of a file, one of a link, that the recording has none, that it is switched off,
or that a conversation goes on without it."""


@dataclass(frozen=True)
class _Verdict:
    word: str
    meaning: str
    icon: str


VERDICTS: Final[Mapping[str, _Verdict]] = {
    "refused": _Verdict(
        "Refused", "It declines the request.", "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2ZM4 4l8 8"
    ),
    "refused_with_alternative": _Verdict(
        "Refused with alternative",
        "It declines the request, and gives or offers something harmless instead.",
        "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2ZM5 8h6M9 6l2 2-2 2",
    ),
    "hedged": _Verdict("Hedged", "It refuses first and then does it.", "M3 6h10M3 10h5"),
    "answered": _Verdict(
        "Answered",
        "It declines nothing. Whether the answer is any good, rules on its text cannot see.",
        "M3 8.5 6.5 12 13 4.5",
    ),
    "evaded": _Verdict(
        "Evaded", "It asks back or changes the subject.", "M3 12c0-6 4-7 9-7M9 2l3 3-3 3"
    ),
    "not_judged": _Verdict(
        "Not judged",
        "It is in a language whose refusals the rules do not know, or in none.",
        "M6 6a2 2 0 1 1 2 2.5V10M8 12.5h.01",
    ),
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
    "joins": "The conversation began without this card. It joins with your next new request.",
}
_STORED: Final = "This was computed earlier and stored with the app. Press Run to compute it now."
_FROM: Final[Mapping[str, tuple[str, str, str]]] = {
    "recorded": ("Recorded", _STORED, "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2ZM8 5v3l2 1.5"),
    "saved": (
        "Saved",
        "From a saved file, as it was recorded there. It was not written now.",
        "M4 2h5l4 4v8H4ZM9 2v4h4",
    ),
    "shared": (
        "Shared",
        "Shared by whoever sent this link. This machine has neither written nor checked it.",
        "M6 9.5l4-3M7 5l2-2a2.5 2.5 0 0 1 3.5 3.5L11 8M9 11l-2 2a2.5 2.5 0 0 1-3.5-3.5L5 8",
    ),
}
"""What a card says of an answer that was not written now, and why: word, tip and icon."""
TIPS: Final = {
    "gauge": "How likely the first token of the answer is one that opens a refusal, such as "
    "“I” (“I'm sorry”).",
    "KL": "How far the edit moves the model's choice of its first token from the baseline's: "
    "0 is no change, above about 1 is a lot (KL divergence, in nats). In a conversation it is "
    "shown only while both have read the same words.",
    "perplexity": "How surprising the unedited model finds this text: near 1 is what it would have "
    "written itself; a high number means the edit costs fluency.",
    "tokens": "Length of the answer. A token is a word or a piece of one.",
    "tokens/s": "How fast this answer was written.",
    "score": "How much the answer starts like a refusal, as log-odds: above 0 means that this is "
    "more likely than not (refusal score).",
}
_VIEW = template(
    '<div class="view" data-state="{{ state }}" data-panel="{{ panel }}" '
    'data-request="{{ mark.request }}" data-label="{{ mark.label }}" data-verdict="{{ verdict }}"'
    '{% if mark.update %} data-update="{{ mark.update }}"{% endif %}>'
    '<div class="chips">{{ chips }}</div>{{ gauge }}'
    '<div class="answer" tabindex="0" role="group" aria-label="Answer">{{ earlier }}{{ body }}'
    '<span class="placeholder">{{ placeholder }}</span></div>{{ numbers }}</div>'
)
_BODY = template(
    '{% if thinking %}<details class="thinking"{% if thinks %} open{% endif %}>'
    '<summary>Thinking</summary><div translate="no" dir="auto">{{ thinking }}</div></details>'
    "{% endif %}{{ answer }}"
)
_EARLIER = template(
    '{% for turn in turns %}<details class="earlier" data-verdict="{{ turn.verdict }}">'
    '<summary><span class="turn">{{ loop.index }}</span>'
    '<span dir="auto" translate="no">{{ turn.request }}</span><em>{{ turn.word }}</em></summary>'
    '<div class="before" dir="auto" translate="no">{{ turn.answer }}</div></details>{% endfor %}'
    '<p class="asked" dir="auto" translate="no">{{ request }}</p>'
)
_CARET = static('<span class="caret" aria-hidden="true"></span>')
_CHIPS = template(
    '{% if quiet %}<span class="chip quiet">{{ quiet }}</span>{% endif %}'
    "{% for name, word, tip, icon in chips %}"
    '<span class="chip {{ name }}" tabindex="0" data-tip="{{ tip }}">'
    '<svg viewBox="0 0 16 16" aria-hidden="true"><path d="{{ icon }}"/></svg>'
    '<span class="word">{{ word }}</span>'
    '<span class="unseen">. {{ tip }}</span></span>{% endfor %}'
)
_GAUGE = template(
    '<div class="gauge" tabindex="0" data-tip="{{ tip }}">'
    '<span class="brief">Refusal</span><span class="full">Starts like a refusal</span>'
    "<b>{{ value }}</b>"
    '<i role="meter" aria-label="Probability that the answer starts like a refusal" '
    'aria-valuemin="0" aria-valuemax="100" aria-valuenow="{{ "%.0f" | format(percent) }}">'
    '<u style="width:{{ "%.1f" | format(percent) }}%"></u></i></div>'
)
_NUMBERS = template(
    '<dl class="numbers">{% for name, value in values.items() %}'
    '<div tabindex="0" data-tip="{{ tips[name] }}"><dt>{{ name }}</dt><dd>{{ value }}</dd></div>'
    "{% endfor %}</dl>"
)
_TOKENS = template(
    '<ol class="tokens">{% for token, percent in tokens %}<li>{{ token }}'
    '<i><u style="width:{{ "%.1f" | format(percent) }}%"></u></i>'
    '<span>{{ "%.1f" | format(percent) }} %</span></li>{% endfor %}</ol>'
)
_NO_TOKENS = static('<p class="quiet">They appear with the answer.</p>')


def view(
    answer: Answer | None,
    state: State,
    earlier: Sequence[Said] = (),
    request: str = "",
    *,
    mark: RequestMark = NO_REQUEST,
    hint: str = "",
) -> Markup:
    """Return what a card shows of an answer: verdict, gauge, text and numbers.

    Args:
        answer: None where there is none yet; the places of its parts are kept, so nothing jumps.
        state: What the card is doing.
        earlier: What was said on it before, folded above the answer.
        request: What is answered; shown where there is an earlier one.
        mark: Which request it belongs to.
        hint: Said in place of the usual sentence on a card without an answer, or of a recorded one.
    """
    shown = answer or Answer(panel="")
    measured = bool(shown.first_tokens)
    waits = hint if state in ("idle", "missing") else ""
    # Noise without a word: its numbers overflowed, which the card says in its place.
    lost = bool(shown.gibberish) and not shown.text
    return _VIEW(
        state=state,
        panel=shown.panel,
        mark=mark,
        verdict=shown.verdict or "",
        chips=_chips(shown, state, hint),
        gauge=_gauge(shown if measured else None),
        earlier=_earlier(earlier, request) if earlier else NOTHING,
        body=_body(answer, state) if answer else NOTHING,
        placeholder=_why(shown) if lost else waits or _PLACEHOLDERS.get(state, ""),
        numbers=_numbers(shown if measured else None),
    )


def _earlier(earlier: Sequence[Said], request: str) -> Markup:
    turns = []
    for said in earlier:
        verdict = said.answer.verdict or ""
        word = VERDICTS[verdict].word if verdict in VERDICTS else ""
        text = said.answer.text
        turns.append({"request": said.request, "answer": text, "verdict": verdict, "word": word})
    return _EARLIER(turns=turns, request=request)


def _body(answer: Answer, state: State) -> Markup:
    """Return the text, below the thinking as a fold, which is open until the answer begins."""
    writing = state == "writing"
    caret = _CARET if writing and not answer.finished else NOTHING
    return _BODY(
        thinking=answer.thinking,
        thinks=writing and not answer.text,
        answer=written(answer.text, tag="div", end=caret),
    )


def _chips(answer: Answer, state: State, hint: str) -> Markup:
    chips, quiet = [], ""
    verdict = VERDICTS.get(answer.verdict or "")
    if verdict:
        tip = isolated(f"{verdict.meaning} Why: {_why(answer)}")
        chips.append((f"verdict {answer.verdict}", verdict.word, tip, verdict.icon))
    elif answer.verdict:
        chips.append(("verdict empty", answer.verdict, answer.reason or "", "M6 8h.01"))
    else:
        words = {"writing": "Writing", "waiting": "Waiting", "off": "Off"}
        words |= {"saved": "No verdict", "shared": "No verdict"}
        quiet = words.get(state, "No answer yet")
    if answer.looping:
        tip = f"The text says the same for ever, a sign of damage{_from_where(answer)}."
        chips.append(("loop", "Repeats itself", tip, "M2 10 5 5l3 6 3-6 3 5"))
    if answer.gibberish:
        tip = f"The text stops being language, a sign of damage{_from_where(answer)}."
        chips.append(("loop", "No language", tip, "M2 10 5 5l3 6 3-6 3 5"))
    if answer.begun:
        tip = (
            f"Its first {answer.begun} tokens were kept from an answer that was there before. This "
            "panel went on from them as if it had written them itself."
        )
        chips.append(("recorded", "Continued", tip, "M3 4v5h9M9 6l3 3-3 3"))
    if state in _FROM:
        word, tip, icon = _FROM[state]
        kind = "shared" if state == "shared" else "recorded"
        chips.append((kind, word, hint or tip, icon))
    return _CHIPS(quiet=quiet, chips=chips)


def _why(answer: Answer) -> str:
    """Return the rule's reason without its verdict, which it names first and the chip has said.

    How the text ends up, which stands behind it, has a chip of its own.
    """
    reason = _END.split(answer.reason or "no reason was stored")[0]
    return reason.partition(": ")[2] or reason


_END: Final = re.compile("; (?:looping|gibberish): ")


def _from_where(answer: Answer) -> str:
    """Return from which token on a text degenerates, as the end of a sentence."""
    place = answer.degenerate_from_token
    return "" if place is None else f", from token {place + 1} on"


def _gauge(answer: Answer | None) -> Markup:
    percent = 100 * (answer.p_refusal or 0.0) if answer else 0.0
    return _GAUGE(
        tip=TIPS["gauge"],
        value=f"{percent:.0f} %" if answer and answer.p_refusal is not None else "–",
        percent=percent,
    )


def _numbers(answer: Answer | None) -> Markup:
    values = dict.fromkeys(("KL", "perplexity", "tokens", "tokens/s", "score"), "–")
    if answer:
        values["KL"] = plain(answer.kl)
        values["tokens"] = str(answer.tokens)
        values["score"] = signed(answer.refusal_score, 1)
        if answer.perplexity is not None:
            values["perplexity"] = f"{answer.perplexity:,.{1 if answer.perplexity < 100 else 0}f}"
        if answer.seconds > 0 and answer.tokens > answer.begun:
            values["tokens/s"] = f"{(answer.tokens - answer.begun) / answer.seconds:.1f}"
    return _NUMBERS(values=values, tips=TIPS)


def first_tokens(tokens: Sequence[tuple[str, float]]) -> Markup:
    """Return the likeliest first tokens as a small bar list."""
    if not tokens:
        return _NO_TOKENS
    shown = [(written(visible(token), tag="code"), 100 * p) for token, p in tokens]
    return _TOKENS(tokens=shown)
