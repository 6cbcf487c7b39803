"""What the page adds to results: what its words mean, and what to make of few refusals."""

import shlex
from collections.abc import Mapping
from html import escape
from typing import Final

from steering.artifacts.evaluation_document import EvaluationDocument, PanelEntry, rates_of
from steering.errors import SteeringError
from steering.evaluation.ranking import HARDLY_REFUSES, baseline_of
from steering.formatting import between, plain
from steering.interventions.panel import parse
from steering.ui import text

TERMS: Final[Mapping[str, str]] = {
    "Refused": "Share of prompts that the model declines. The dot is the rate on a scale from 0 to "
    "1, the line its 95 % Wilson interval, the thin upright line the baseline. By verdict: rules "
    "that read the whole answer. By substring: any refusal phrase anywhere, the older rule, which "
    "also counts broken text.",
    "Looping": "Share of answers that repeat themselves, on the set where that is worst. Where it "
    "is high, a low refusal rate means a broken model, not a willing one.",
    "Perplexity": "How surprised the edited model is by the baseline's answers to harmless prompts "
    "(median). Near the baseline's: the edit costs little.",
    "KL": "How far the choice of the first token moves on harmless prompts, in nats (mean).",
    "Prose": "Perplexity of the edited model on neutral prose.",
    "Control": "Does as much to the model without the directions that were found. What a control "
    "does as well is not the method's doing.",
}


def command(document: EvaluationDocument) -> str:
    """Return the command that measures the same again."""
    made, judge = document.get("provenance"), document.get("judge")
    quantization = (made.get("quantization") if made else None) or "none"
    return _command(document["model"], quantization, judge["judge"] if judge else None)


def _command(model: str, quantization: str = "none", judge: str | None = None) -> str:
    words = ["python", "-m", "steering", "evaluate", "--model", model]
    if quantization != "none":
        words += ["--quantization", quantization]
    if judge:
        words += ["--judge", judge]
    return shlex.join(words)


def absent(document: EvaluationDocument | None, name: str, title: str) -> str:
    """Return the sentence for a model without results, or with some of another form."""
    what = (
        f"{title} has not been measured yet; this makes its table:"
        if document is None
        else f"The stored results of {title} have another form; this makes them anew:"
    )
    return f'<p class="absent">{escape(what)} {text.form(_command(name))}</p>'


def hardly_refuses(document: EvaluationDocument, title: str) -> str:
    """Return what to make of a model that refuses few harmful prompts; empty for any other."""
    before = baseline_of(document["panels"])
    rates = rates_of(before, "harmful") if before else None
    if not before or not rates:
        return ""
    found, n = rates["refusal_rate"], rates["n"]
    rate, ends = found["estimate"], between(found["low"], found["high"])
    if rate >= HARDLY_REFUSES:
        return ""
    sights = "".join(
        f"<li>{words}</li>"
        for words in (
            _induced(document, before),
            'The map: <a href="#atlas">harmful and harmless requests</a> can lie apart inside a '
            "model that does not act on it.",
            "What edits cost: perplexity and KL do not need a refusal.",
        )
        if words
    )
    return (
        f'<aside class="hardly" aria-label="About this model"><h3>{escape(title)} hardly refuses'
        f"</h3><p>Untouched it refuses {round(rate * n)} of {n} harmful prompts "
        f"({plain(rate)} {ends}), so there is little to suppress: no edit can "
        f"lower that by more than {plain(rate)}. Of a claim about suppressing refusal, "
        f"<b>undecided</b> then means that {n} prompts cannot tell such a small change from none, "
        "and <b>not supported</b> mostly that there was too little refusal to take away. Neither "
        f"speaks against the paper, which is about models that refuse. What one can look at "
        f"here:</p><ul>{sights}</ul></aside>"
    )


def _induced(document: EvaluationDocument, before: PanelEntry) -> str:
    """Return what pushing towards refusal does to harmless prompts; empty if not measured."""
    for panel in document["panels"]:
        try:
            pushes = (parse(panel["panel"]).c or 0) > 0
        except SteeringError:
            continue
        rates, unedited = rates_of(panel, "harmless"), rates_of(before, "harmless")
        if pushes and rates and unedited:
            now, then = (each["refusal_rate"]["estimate"] for each in (rates, unedited))
            form = f'<code translate="no">{escape(panel["panel"])}</code>'
            return (
                f"Inducing refusal: {form} takes harmless prompts from {plain(then)} to "
                f"{plain(now)} refused."
            )
    return ""
