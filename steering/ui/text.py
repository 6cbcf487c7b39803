"""What the page says, as pure functions from plain data to text and HTML.

What comes from a model or a visitor is filled into templates, which escape it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal
from unicodedata import bidirectional

from markupsafe import Markup

from steering.formatting import sentence
from steering.inference.comparison import Answer
from steering.serving.status import Status
from steering.system.progress import amount
from steering.ui.templates import NOTHING, static, template


@dataclass(frozen=True)
class Kind:
    """How a kind of panel introduces itself.

    Attributes:
        title: Name in words.
        line: What it does, for somebody who has never heard of it.
    """

    title: str
    line: str


KINDS: Final[Mapping[str, Kind]] = {
    "baseline": Kind("Baseline", "The model as it was published. Nothing is edited."),
    "actadd": Kind(
        "Activation addition",
        "Pushes along the refusal direction: c below 0 away from refusing, above 0 towards it.",
    ),
    "ablation": Kind(
        "Directional ablation",
        "Erases a single direction, the one that differs between harmful and harmless requests.",
    ),
    "nullspace": Kind(
        "Nullspace projection",
        "Erases the k directions by which a classifier tells harmful from harmless.",
    ),
    "flip": Kind(
        "Counterfactual flipping",
        "Mirrors those k directions: what reads as harmful then reads as harmless, and vice versa.",
    ),
    "leace": Kind(
        "LEACE",
        "Erases the one direction as well, but changes as little as can be: it is read with what "
        "best tells the classes apart.",
    ),
    "ace": Kind(
        "Affine concept editing",
        "Sets how far along the one direction a state lies: c = 0 as for harmless requests, c = 1 "
        "as for harmful ones.",
    ),
    "alterrep": Kind(
        "AlterRep",
        "Puts the k directions all on one side: c below 0 the harmless, above 0 the harmful side.",
    ),
}
SHAPES: Final[Mapping[str, Markup]] = {
    "baseline": static('<circle cx="8" cy="8" r="6"/>'),
    "actadd": static('<path d="M8 1.5 15 14H1Z"/>'),
    "ablation": static('<rect x="2" y="2" width="12" height="12" rx="1"/>'),
    "nullspace": static('<path d="M8 .5 15.5 8 8 15.5.5 8Z"/>'),
    "flip": static('<path d="M1 2.5 7.2 8 1 13.5Zm14 0L8.8 8 15 13.5Z"/>'),
    "own": static('<path d="M5.5 1h5v4.5H15v5h-4.5V15h-5v-4.5H1v-5h4.5Z"/>'),
}
"""A mark for each card, told apart by shape as well as by colour."""
_WRITTEN = template(
    '<{{ tag }} class="written" dir="auto" translate="no">{{ words }}{{ end }}</{{ tag }}>'
)
_MARK = template('<svg class="mark" viewBox="0 0 16 16" aria-hidden="true">{{ shape }}</svg>')
_HEAD = template(
    '<h3 tabindex="0" data-tip="{{ tip }}">{{ mark }}<span class="name">{{ title }}</span></h3>'
    '<p class="line{% if lacks %} lacks{% endif %}">{{ line }}</p>'
)
_PROBLEM = template('<p class="problem" role="alert">{{ words }}</p>')
_FORM = template(
    '<button type="button" class="form" data-copy="{{ panel }}" '
    'aria-label="Copy the text form {{ panel }}"><code translate="no">{{ panel }}</code>'
    '<span class="copy" aria-hidden="true">copy</span></button>'
)
_NOTE = template(
    '<p class="note {{ tone }}" role="{{ "alert" if tone == "error" else "status" }}">{{ words }}'
    '{% if detail %}<span class="unseen"> {{ detail }}</span>{% endif %}</p>'
)
_STRIP = template(
    '<div class="strip" data-phase="{{ phase }}" data-model="{{ model }}">'
    '<span class="lamp" aria-hidden="true"></span>'
    '<b>{{ title }}</b><em>{{ word }}</em><span class="about">'
    '{% if tip %}<span tabindex="0" data-tip="{{ tip }}">{{ about }}</span>'
    "{% else %}{{ about }}{% endif %}</span>{{ bar }}</div>"
)
_ENDLESS_BAR = static('<i class="bar endless" role="progressbar" aria-label="Loading"><u></u></i>')
_BAR = template(
    '<i class="bar" role="progressbar" aria-label="Loading" aria-valuemin="0" aria-valuemax="100" '
    'aria-valuenow="{{ "%.0f" | format(percent) }}">'
    '<u style="width:{{ "%.1f" | format(percent) }}%"></u></i>'
    '<span class="amount">{{ amount }}</span>'
)


def written(words: str, *, tag: str = "bdi", end: Markup = NOTHING) -> Markup:
    """Return what a visitor or a model has written, as an element that is read as it stands.

    Its direction is its own (Arabic and Hebrew begin at the right), and a browser's translator
    leaves it alone: an answer in another language would not be the model's answer.

    Args:
        words: Text of any language.
        tag: `bdi` inside a sentence, `div` for a text of its own, `code` for a token.
        end: What stands where the text goes on.
    """
    return _WRITTEN(words=words, tag=tag, end=end)


def isolated(words: str) -> str:
    """Return text with what it quotes set apart, for text in which no element can stand.

    Between U+2068 and U+2069 (Unicode's isolates) words that run from right to left do not turn
    the sentence around them. Text without such words is left as it is.
    """
    if not any(bidirectional(character) in ("R", "AL") for character in words):
        return words
    return re.sub("“([^”]*)”", "“\u2068\\1\u2069”", words)


def mark(slot: str) -> Markup:
    """Return a card's coloured shape."""
    return _MARK(shape=SHAPES[slot])


def title(slot: str, kind: str) -> str:
    """Return a card's name in words."""
    return "Your own edit" if slot == "own" else KINDS[kind].title


def head(slot: str, kind: str, problem: str | None = None) -> Markup:
    """Return the top of a card: its mark, name and explanation, or what it lacks."""
    line = sentence(problem) if problem else KINDS[kind].line
    return _HEAD(
        mark=mark(slot),
        title=title(slot, kind),
        line=line,
        tip=KINDS[kind].line,
        lacks=bool(problem),
    )


def form(panel: str, problem: str | None = None) -> Markup:
    """Return a panel's text form as a button that copies it, or why the settings do not fit."""
    if problem:
        return _PROBLEM(words=sentence(problem))
    return _FORM(panel=panel)


def note(words: str, tone: Literal["calm", "busy", "error"] = "calm", detail: str = "") -> Markup:
    """Return the line under the request: what is happening, or what went wrong.

    Args:
        words: What everybody sees.
        tone: `busy` while something is under way, `error` if something went wrong.
        detail: What is said to those who do not see the cards.
    """
    return _NOTE(words=words, tone=tone, detail=detail)


def position_in_line(ahead: int, status: Status) -> str:
    """Return what a waiting visitor is told."""
    if ahead:
        before = "one request is" if ahead == 1 else f"{ahead} requests are"
        return f"You are number {ahead + 1} in line: {before} answered before yours."
    if status.phase == "unfitted":
        return "Your request starts by itself as soon as directions and maps are fitted."
    if status.phase != "ready":
        return "Your request starts by itself as soon as the model is loaded."
    return "Reading the request …"


def outcome(titles: Sequence[str], answers: Sequence[Answer]) -> str:
    """Return the verdicts as one sentence, for those who do not see the cards."""
    said = (
        f"{title}: {(answer.verdict or 'no verdict').replace('_', ' ')}"
        for title, answer in zip(titles, answers, strict=True)
    )
    return "; ".join(said) + "."


def strip(status: Status, title: str, *, recordings: int, model: str = "") -> Markup:
    """Return the status strip: which model, how far it is, how its numbers are held.

    Args:
        status: How far the model is.
        title: Its name in words.
        recordings: How many requests are recorded of it.
        model: Its name as links and commands have it.
    """
    words = {
        "idle": "Not loaded",
        "loading": "Loading",
        "ready": "Ready",
        "failed": "Not available",
        "unfitted": "No directions yet",
        "recorded": "Recorded",
    }
    about, tip = sentence(status.sentence), ""
    if status.phase == "ready":
        # What was measured is for those who ask; it keeps its small letter: bfloat16.
        tip = status.sentence.rstrip(".") + "."
        about = re.split("[:;]", status.sentence)[0]
    if status.phase not in ("ready", "recorded") and recordings:
        about += " Meanwhile the examples show recorded answers."
    return _STRIP(
        phase=status.phase,
        model=model,
        title=title,
        word=words[status.phase],
        about=about,
        tip=tip,
        bar=_bar(status) if status.phase == "loading" else NOTHING,
    )


def _bar(status: Status) -> Markup:
    step = status.step
    if step is None or step.total <= 0:
        return _ENDLESS_BAR
    return _BAR(percent=min(100.0, 100 * step.done / step.total), amount=amount(step))
