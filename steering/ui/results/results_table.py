"""The table of results: a row a panel, sorted and switched by assets/page/results.js.

Every row that belongs together is one `tbody`, so that sorting moves it with its details. Rates
carry their interval as numbers and as a dot with whiskers; the baseline is a thin line in each.
"""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Final, Literal

from steering.artifacts.evaluation_document import EvaluationDocument, PanelEntry, rates_of
from steering.evaluation.ranking import (
    MOST_LOOPING,
    CostName,
    baseline_of,
    best,
    cost_of,
    groups_of,
    mean,
    name_of,
    together,
)
from steering.formatting import between, plain
from steering.intervals import IntervalEntry
from steering.ui import text
from steering.ui.results import results_details as details

RefusalRule = Literal["refusal", "substring"]
REFUSAL_RULES: Final[Mapping[RefusalRule, str]] = {
    "refusal": "By verdict",
    "substring": "By substring rule",
}
"""How a refusal is recognised: as the page's scripts call it, and the name."""
_COSTS: Final[tuple[tuple[CostName, str], ...]] = (
    ("looping", "Looping"),
    ("perplexity", "Perplexity"),
    ("kl", "KL"),
    ("prose", "Prose perplexity"),
)


def table(document: EvaluationDocument) -> str:
    """Return the table in its scrolling box."""
    panels = document["panels"]
    view = _View(panels)
    head = "".join(_head(key, name, rate=key in view.groups) for key, name in view.columns)
    bodies = "".join(view.block(number, block) for number, block in enumerate(together(panels)))
    return (
        '<div class="scroll" tabindex="0" role="group" aria-label="Table of results"><table>'
        f"<thead><tr>{head}</tr></thead>{bodies}</table></div>"
        '<p class="unseen" role="status"></p>'
    )


def switch() -> str:
    """Return the buttons that say how a refusal is recognised."""
    buttons = "".join(
        f'<button type="button" data-by="{rule}" aria-pressed="{str(rule == "refusal").lower()}">'
        f"{name}</button>"
        for rule, name in REFUSAL_RULES.items()
    )
    return f'<div class="by choice" role="group" aria-label="Refusals counted">{buttons}</div>'


def _head(key: str, name: str, *, rate: bool) -> str:
    scale = '<span class="scale" aria-hidden="true"><i>0</i><i>1</i></span>' if rate else ""
    return (
        f'<th scope="col" class="{"rate" if rate else key}" aria-sort="none"><button type="button" '
        f'data-sort="{key}"><span>{name}</span><svg viewBox="0 0 10 14" aria-hidden="true">'
        '<path class="up" d="M5 1 9 6H1Z"/><path class="down" d="M5 13 1 8h8Z"/></svg></button>'
        f"{scale}</th>"
    )


class _View:
    """What all rows share: the columns, the baseline, and which row is the best."""

    def __init__(self, panels: Sequence[PanelEntry]) -> None:
        self.groups = groups_of(panels)
        self.best = best(panels)
        self.baseline = baseline_of(panels)
        self.costs = {
            key: name for key, name in _COSTS if any(cost_of(p, key) is not None for p in panels)
        }
        rates = [(group, f"{group.capitalize()} refused") for group in self.groups]
        self.columns = [("label", "Panel"), *rates, *self.costs.items()]

    def block(self, number: int, block: Sequence[PanelEntry]) -> str:
        """Return the rows that stay together."""
        name = f"result-{number}"
        rows = (
            self._many(name, block) if len(block) > 1 else self._one(name, block[0], hidden=False)
        )
        kind = escape(block[0]["kind"], quote=True)
        return f'<tbody class="{kind}" data-order="{number}"{self._keys(block)}>{rows}</tbody>'

    def _keys(self, block: Sequence[PanelEntry]) -> str:
        """Return what the block is sorted by: the mean, if it holds several panels."""
        values: dict[str, float | None] = {}
        for group in self.groups:
            for rule in REFUSAL_RULES:
                values[f"{group}-{rule}"] = mean([_rate(panel, group, rule) for panel in block])
        for key in self.costs:
            values[key] = mean([cost_of(panel, key) for panel in block])
        label = escape(block[0]["label"].casefold(), quote=True)
        known = "".join(
            # JavaScript's word for it.
            f' data-{key}="{str(value).replace("inf", "Infinity")}"'
            for key, value in values.items()
            if value is not None
        )
        return f' data-label="{label}"{known}'

    def _one(self, name: str, panel: PanelEntry, *, hidden: bool) -> str:
        chips = '<span class="tag best">★ best</span>' if panel["panel"] in self.best else ""
        chips += _control(panel)
        who = _who(name, panel["label"], _mark(panel), chips) + text.form(panel["panel"])
        cells = self._cells([panel])
        row = (
            f'<tr class="main hue-{_hue(panel)}"{" data-of" if hidden else ""}{" hidden" * hidden}>'
        )
        below = (
            f'<tr class="details" id="{name}" hidden><td colspan="{len(self.columns)}">'
            f"{details.details(panel, self.groups)}</td></tr>"
        )
        return f'{row}<th scope="row" class="who">{who}</th>{cells}</tr>{below}'

    def _many(self, name: str, block: Sequence[PanelEntry]) -> str:
        """Return one row for all seeds of a random control, and theirs, which it opens."""
        first = block[0]
        who = _who(name, name_of(block), _mark(first), _control(first), what="Show each seed of")
        who += f'<p class="small">seeds: {escape(_seeds(block))}; range in brackets</p>'
        cells = self._cells(block)
        each = "".join(
            self._one(f"{name}-{number}", panel, hidden=True) for number, panel in enumerate(block)
        )
        return (
            f'<tr class="main group hue-{_hue(first)}"><th scope="row" class="who">{who}</th>'
            f"{cells}</tr>{each}"
        )

    def _cells(self, block: Sequence[PanelEntry]) -> str:
        rates = [self._rate_cell(group, block) for group in self.groups]
        costs = [_cost_cell(key, [cost_of(panel, key) for panel in block]) for key in self.costs]
        return "".join([*rates, *costs])

    def _rate_cell(self, group: str, block: Sequence[PanelEntry]) -> str:
        shown = []
        for rule in REFUSAL_RULES:
            found = [each for panel in block if (each := _entry(panel, group, rule))]
            if len(found) < len(block):
                return '<td class="rate">–</td>'
            before = _rate(self.baseline, group, rule) if self.baseline else None
            shown.append(f'<div class="by-{rule}">{_interval(found, before)}</div>')
        return f'<td class="rate">{"".join(shown)}</td>'


def _interval(found: Sequence[IntervalEntry], before: float | None) -> str:
    """Return a rate with its Wilson interval, or a mean of rates with their range."""
    rates = [each["estimate"] for each in found]
    if len(found) == 1:
        low, high = found[0]["low"], found[0]["high"]
        ends, points = between(low, high), ""
    else:
        low, high = min(rates), max(rates)
        ends = f"({plain(low)}–{plain(high)})"
        points = "".join(f'<i class="point" style="--at:{rate:.4f}"></i>' for rate in rates)
    at = mean(rates) or 0.0
    line = "" if before is None else f'<i class="before" style="--at:{before:.4f}"></i>'
    return (
        f"<b>{plain(at)}</b> <small>{ends}</small>"
        f'<span class="whisker" aria-hidden="true">{line}<i class="span" '
        f'style="--at:{low:.4f};--to:{high:.4f}"></i>{points}'
        f'<i class="dot" style="--at:{at:.4f}"></i></span>'
    )


def _cost_cell(key: str, values: Sequence[float | None]) -> str:
    value = mean(values)
    bad = key == "looping" and value is not None and value > MOST_LOOPING
    shown = f"<b>{plain(value)}</b>"
    if len(values) > 1 and value is not None:
        known = [each for each in values if each is not None]
        shown += f" <small>({plain(min(known))}–{plain(max(known))})</small>"
    warning = '<span class="unseen">, high</span>' if bad else ""
    return f'<td class="cost{" high" if bad else ""}">{shown}{warning}</td>'


def _entry(panel: PanelEntry, group: str, rule: RefusalRule) -> IntervalEntry | None:
    rates = rates_of(panel, group)
    if not rates:
        return None
    return rates["refusal_rate"] if rule == "refusal" else rates.get("substring_rate")


def _rate(panel: PanelEntry, group: str, rule: RefusalRule) -> float | None:
    found = _entry(panel, group, rule)
    return found["estimate"] if found else None


def _who(name: str, label: str, mark: str, chips: str, what: str = "Details of") -> str:
    shown = escape(label[:1].upper() + label[1:])
    spoken = escape(f"{what} {label}", quote=True)
    return (
        f'<div class="name"><button type="button" class="more" data-opens="{name}" '
        f'aria-expanded="false" aria-label="{spoken}"><svg viewBox="0 0 10 10" aria-hidden="true">'
        f'<path d="M3 1.5 7 5 3 8.5"/></svg></button>{mark}'
        f'<span class="words">{shown} {chips}</span></div>'
    )


def _control(panel: PanelEntry) -> str:
    return '<span class="tag">control</span>' if panel["kind"] == "control" else ""


def _seeds(block: Sequence[PanelEntry]) -> str:
    """Return the seeds; a text form that leaves its seed out has 0."""
    found = [panel["panel"].partition("seed=")[2].partition(",")[0] or "0" for panel in block]
    return ", ".join(found)


def _hue(panel: PanelEntry) -> str:
    """Return the card whose colour the row has; controls have none."""
    name = panel["panel"].partition(":")[0]
    return name if name in text.SHAPES and panel["kind"] != "control" else "none"


def _mark(panel: PanelEntry) -> str:
    """Return the card's mark, hollow where its edit has another dose or form than the paper's."""
    hue = _hue(panel)
    if hue == "none":
        return ""
    return (
        f'<span class="{"hollow" if panel["kind"] == "beyond" else "full"}">{text.mark(hue)}</span>'
    )
