"""What a row of the results opens: differences to the baseline, verdicts, what the edit costs."""

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from steering.artifacts.evaluation_document import (
    PairedChange,
    PanelEntry,
    ProseEntry,
    SetRates,
    net_of,
    rates_of,
)
from steering.formatting import between, p_value, plain, signed, signed_between
from steering.intervals import IntervalEntry
from steering.ui.playground.answer_html import VERDICTS
from steering.ui.templates import template

_COLUMNS = template('<div class="columns">{% for each in columns %}{{ each }}{% endfor %}</div>')
_COLUMN = template(
    "<section><h4>{{ title }}</h4><dl>{% for name, shown in rows %}"
    "<div><dt>{{ name }}</dt><dd>{{ shown }}</dd></div>{% endfor %}</dl></section>"
)
_NUMBER = template("<b>{{ number }}</b> {{ more }}")
_DIFFERENCE = template(
    "<b>{{ number }}</b> {{ ends }}<br>{{ lost }} no longer refused, {{ gained }} newly refused; "
    "exact McNemar {{ p }}"
)
_VERDICTS = template(
    '<span class="counts" aria-hidden="true">{% for name, _, count in counts %}'
    '<i class="{{ name }}" style="--share:{{ "%.1f" | format(100 * count / n) }}%"></i>'
    "{% endfor %}</span>"
    '{% for _, word, count in counts %}{{ ", " if not loop.first }}{{ count }} {{ word }}'
    "{% endfor %}"
)
_PAIR = template("<b>{{ perplexity }}</b>, <b>{{ kl }}</b>{{ more }}")


def details(panel: PanelEntry, groups: Sequence[str]) -> Markup:
    """Return the details of a panel, a column a prompt set and one for the cost."""
    columns = [_group(group, rates, panel) for group in groups if (rates := rates_of(panel, group))]
    return _COLUMNS(columns=[*columns, _cost(panel)])


def _group(name: str, rates: SetRates, panel: PanelEntry) -> Markup:
    rows: list[tuple[str, str]] = [
        ("Refused, against the baseline", _difference(rates.get("difference"))),
        *_net(panel, name),
        ("Verdicts", _verdicts(rates.get("verdicts") or {}, rates["n"])),
    ]
    for name_of_rate, found in (
        ("Hedged", rates.get("hedged_rate")),
        ("Looping", rates.get("looping_rate")),
        ("Gibberish", rates.get("gibberish_rate")),
    ):
        if found:
            ends = between(found["low"], found["high"])
            rows.append((name_of_rate, _NUMBER(number=plain(found["estimate"]), more=ends)))
    if (refusal_score := rates.get("refusal_score")) is not None:
        score = _NUMBER(number=signed(refusal_score), more="nats, mean over prompts")
        rows.append(("First token's refusal score", score))
    return _COLUMN(title=f"{name.capitalize()}, n = {rates['n']}", rows=rows)


def _net(panel: PanelEntry, group: str) -> list[tuple[str, str]]:
    """Return what an edit changes beyond its matched random control; nothing without one."""
    entry = panel.get("net")
    found = net_of(entry, group) if entry else None
    if not entry or not found:
        return []
    more = f"{signed_between(found['low'], found['high'])}, mean of {entry['seeds']} seeds"
    number = _NUMBER(number=signed(found["estimate"]), more=more)
    return [("Net: against the same edit along random directions", number)]


def _difference(found: PairedChange | None) -> str:
    if not found:
        return "this is the baseline"
    return _DIFFERENCE(
        number=signed(found["estimate"]),
        ends=signed_between(found["low"], found["high"]),
        lost=found["lost"],
        gained=found["gained"],
        p=_p(found),
    )


def _p(found: PairedChange) -> str:
    corrected = found.get("p_holm")
    if corrected is None:
        return p_value(found["p_value"])
    return f"{p_value(corrected)} after Holm's correction within the paper's arms"


def _verdicts(counts: Mapping[str, int], n: int) -> Markup:
    """Return the counts as words and as one bar, in the order of the cards' verdicts."""
    order = [*(name for name in VERDICTS if counts.get(name)), *(set(counts) - set(VERDICTS))]
    shown = [
        (name if name in VERDICTS else "empty", name.replace("_", " "), counts[name])
        for name in order
    ]
    return _VERDICTS(counts=shown, n=n)


def _cost(panel: PanelEntry) -> Markup:
    rows: list[tuple[str, str]] = [
        (
            "Loss on the baseline's answers",
            _loss(panel.get("loss_difference"), panel),
        ),
        ("Their perplexity, KL of the first token", _pair(panel)),
    ]
    prose = panel.get("prose")
    if prose:
        rows += [
            ("Loss on neutral prose", _loss(prose.get("loss_difference"), panel)),
            ("Its perplexity, KL", _pair(prose, f", {prose['tokens']:,} tokens")),
        ]
    return _COLUMN(title="What the edit costs", rows=rows)


def _pair(costs: PanelEntry | ProseEntry, more: str = "") -> Markup:
    perplexity, kl = plain(costs.get("perplexity")), plain(costs.get("kl"), 3)
    return _PAIR(perplexity=perplexity, kl=kl, more=more)


def _loss(found: IntervalEntry | None, panel: PanelEntry) -> str:
    if not found:
        return "this is the baseline" if panel["kind"] == "baseline" else "not measured"
    ends = signed_between(found["low"], found["high"])
    return _NUMBER(number=signed(found["estimate"]), more=f"{ends} nats a token")
