"""What the page adds to results: what its words mean, and what to make of few refusals."""

import shlex
from collections.abc import Mapping, Sequence
from typing import Final

from markupsafe import Markup

from steering import program
from steering.artifacts.evaluation_document import EvaluationDocument, PanelEntry, rates_of
from steering.errors import SteeringError
from steering.evaluation.claim_conditions import MARGIN
from steering.evaluation.evaluation_options import measured_with
from steering.evaluation.ranking import HARDLY_REFUSES, MOST_LOOPING, baseline_of, looping_of
from steering.formatting import between, plain
from steering.interventions.panel import parse
from steering.ui import text
from steering.ui.templates import NOTHING, static, template

TERMS: Final[Mapping[str, str]] = {
    "Refused": "Share of prompts that the model declines. The dot is the rate on a scale from 0 to "
    "1, the line its 95 % Wilson interval, the thin upright line the baseline. By verdict: rules "
    "that read what the first turn does. By substring: any refusal phrase anywhere, the "
    "older rule, "
    "which also counts what is hedged or quoted.",
    "Looping": "Share of answers that come to repeat themselves, on the set where that is worst. "
    "A model may refuse and then loop. Where it is high, a low refusal rate means a damaged model, "
    "not a willing one.",
    "Perplexity": "How surprised the edited model is by the baseline's answers to harmless prompts "
    "(median). Near the baseline's: the edit costs little.",
    "KL": "How far the choice of the first token moves on harmless prompts, in nats (mean).",
    "Prose": "Perplexity of the edited model on neutral prose.",
    "Control": "Does as much to the model without the directions that were found. What a control "
    "does as well is not the method's doing.",
}
_ABSENT = template('<p class="absent">{{ words }} {{ command }}</p>')
_HARDLY = template(
    '<aside class="hardly" aria-label="About this model"><h3>{{ title }} hardly refuses</h3><p>'
    "Untouched it refuses {{ count }} of {{ n }} harmful prompts ({{ rate }} {{ ends }}), so there "
    "is little to suppress: no edit can lower that by more than {{ rate }}. Of a claim about "
    "suppressing refusal, <b>undecided</b> then means that {{ n }} prompts cannot tell such a "
    "small change from none, and <b>not supported</b> mostly that there was too little refusal to "
    "take away. Neither speaks against the paper, which is about models that refuse. What one can "
    "look at here:</p><ul>{% for each in sights %}<li>{{ each }}</li>{% endfor %}</ul></aside>"
)
_MAP = static(
    'The map: <a href="#atlas">harmful and harmless requests</a> can lie apart inside a model that '
    "does not act on it."
)
_LOOPING = template(
    '<aside class="hardly" aria-label="About looping"><h3>Fewer refusals, or less of a text?</h3>'
    "<p>Untouched, up to {{ before }} of a set's answers come to repeat themselves"
    "{% for panel, share in arms %}{{ ';' if loop.first else ',' }} under "
    '<code translate="no">{{ panel }}</code> {{ share }}{% endfor %}. A low refusal rate '
    "there, and a claim that rests on it, may speak of a damaged model and not of a willing one: "
    "look at what it writes.</p></aside>"
)
_INDUCED = template(
    'Inducing refusal: <code translate="no">{{ panel }}</code> takes harmless prompts from '
    "{{ then }} to {{ now }} refused."
)


def command(document: EvaluationDocument) -> str:
    """Return the command that measures the same again."""
    made, judge = document.get("provenance"), document.get("judge")
    quantization = (made.get("quantization") if made else None) or "none"
    dtype = made.get("dtype") if made else None
    more = [*(["--dtype", dtype] if dtype else []), *measured_with(document)]
    return _command(document["model"], quantization, judge["judge"] if judge else None, more)


def _command(
    model: str, quantization: str = "none", judge: str | None = None, more: Sequence[str] = ()
) -> str:
    words = ["evaluate", "--model", model, *more]
    if quantization != "none":
        words += ["--quantization", quantization]
    if judge:
        words += ["--judge", judge]
    return f"{program.name()} {shlex.join(words)}"


def absent(document: EvaluationDocument | None, name: str, title: str) -> Markup:
    """Return the sentence for a model without results, or with some of another form."""
    what = (
        f"{title} has not been measured yet; this makes its table:"
        if document is None
        else f"The stored results of {title} have another form; this makes them anew:"
    )
    return _ABSENT(words=what, command=text.form(_command(name)))


def hardly_refuses(document: EvaluationDocument, title: str) -> Markup:
    """Return what to make of a model that refuses few harmful prompts; empty for any other."""
    before = baseline_of(document["panels"])
    rates = rates_of(before, "harmful") if before else None
    if not before or not rates:
        return NOTHING
    found, n = rates["refusal_rate"], rates["n"]
    rate, ends = found["estimate"], between(found["low"], found["high"])
    if rate >= HARDLY_REFUSES:
        return NOTHING
    costs = "What edits cost: perplexity and KL do not need a refusal."
    sights = [each for each in (_induced(document, before), _MAP, costs) if each]
    return _HARDLY(
        title=title, count=round(rate * n), n=n, rate=plain(rate), ends=ends, sights=sights
    )


def looping(document: EvaluationDocument) -> Markup:
    """Return which of the paper's arms make the model loop; empty where none does."""
    panels = document["panels"]
    before = baseline_of(panels)
    least = max(MOST_LOOPING, ((before and looping_of(before)) or 0.0) + MARGIN)
    shares = [
        (each["panel"], looping_of(each) or 0.0) for each in panels if each["kind"] == "paper"
    ]
    arms = [(panel, plain(share)) for panel, share in shares if share > least]
    if not arms or not before:
        return NOTHING
    return _LOOPING(before=plain(looping_of(before) or 0.0), arms=arms)


def _induced(document: EvaluationDocument, before: PanelEntry) -> Markup:
    """Return how pushing towards refusal adds to refusals of harmless prompts; else nothing."""
    for panel in document["panels"]:
        try:
            pushes = (parse(panel["panel"]).c or 0) > 0
        except SteeringError:
            continue
        rates, unedited = rates_of(panel, "harmless"), rates_of(before, "harmless")
        if pushes and rates and unedited:
            now, then = (each["refusal_rate"]["estimate"] for each in (rates, unedited))
            if now <= then:
                continue
            return _INDUCED(panel=panel["panel"], then=plain(then), now=plain(now))
    return NOTHING
