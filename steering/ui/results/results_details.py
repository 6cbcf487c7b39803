"""What a row of the results opens: differences to the baseline, verdicts, what the edit costs."""

from collections.abc import Mapping, Sequence
from html import escape

from steering.artifacts.evaluation_document import (
    PairedChange,
    PanelEntry,
    ProseEntry,
    SetRates,
    rates_of,
)
from steering.formatting import between, p_value, plain, signed, signed_between
from steering.intervals import IntervalEntry
from steering.ui.playground.answer_html import VERDICTS


def details(panel: PanelEntry, groups: Sequence[str]) -> str:
    """Return the details of a panel, a column a prompt set and one for the cost."""
    columns = "".join(_group(group, rates) for group in groups if (rates := rates_of(panel, group)))
    return f'<div class="columns">{columns}{_cost(panel)}</div>'


def _group(name: str, rates: SetRates) -> str:
    rows = [
        ("Refused, against the baseline", _difference(rates.get("difference"))),
        ("Verdicts", _verdicts(rates.get("verdicts") or {}, rates["n"])),
    ]
    for name_of_rate, found in (
        ("Hedged", rates.get("hedged_rate")),
        ("Looping", rates.get("looping_rate")),
    ):
        if found:
            ends = between(found["low"], found["high"])
            rows.append((name_of_rate, f"<b>{plain(found['estimate'])}</b> {ends}"))
    if (refusal_score := rates.get("refusal_score")) is not None:
        score = f"<b>{signed(refusal_score)}</b> nats, mean over prompts"
        rows.append(("First token's refusal score", score))
    return _column(f"{name.capitalize()}, n = {rates['n']}", rows)


def _difference(found: PairedChange | None) -> str:
    if not found:
        return "this is the baseline"
    return (
        f"<b>{signed(found['estimate'])}</b> {signed_between(found['low'], found['high'])}<br>"
        f"{found['lost']} no longer refused, {found['gained']} newly refused; exact McNemar "
        f"{escape(p_value(found['p_value']))}"
    )


def _verdicts(counts: Mapping[str, int], n: int) -> str:
    """Return the counts as words and as one bar, in the order of the cards' verdicts."""
    order = [*(name for name in VERDICTS if counts.get(name)), *(set(counts) - set(VERDICTS))]
    parts = "".join(
        f'<i class="{name if name in VERDICTS else "empty"}" '
        f'style="--share:{100 * counts[name] / n:.1f}%"></i>'
        for name in order
    )
    words = ", ".join(f"{counts[name]} {escape(name.replace('_', ' '))}" for name in order)
    return f'<span class="counts" aria-hidden="true">{parts}</span>{words}'


def _cost(panel: PanelEntry) -> str:
    rows = [
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
            ("Its perplexity, KL", f"{_pair(prose)}, {prose['tokens']:,} tokens"),
        ]
    return _column("What the edit costs", rows)


def _pair(costs: PanelEntry | ProseEntry) -> str:
    return f"<b>{plain(costs.get('perplexity'))}</b>, <b>{plain(costs.get('kl'), 3)}</b>"


def _loss(found: IntervalEntry | None, panel: PanelEntry) -> str:
    if not found:
        return "this is the baseline" if panel["kind"] == "baseline" else "not measured"
    ends = signed_between(found["low"], found["high"])
    return f"<b>{signed(found['estimate'])}</b> {ends} nats a token"


def _column(title: str, rows: Sequence[tuple[str, str]]) -> str:
    items = "".join(f"<div><dt>{name}</dt><dd>{shown}</dd></div>" for name, shown in rows)
    return f"<section><h4>{escape(title)}</h4><dl>{items}</dl></section>"
