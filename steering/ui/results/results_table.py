"""The table of results: a row a panel, sorted and switched by assets/page/results.js.

Every row that belongs together is one `tbody`, so that sorting moves it with its details. Rates
carry their interval as numbers and as a dot with whiskers; the baseline is a thin line in each.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Literal

from markupsafe import Markup

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
from steering.ui.templates import NOTHING, static, template

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
_TABLE = template(
    '<div class="scroll" tabindex="0" role="group" aria-label="Table of results"><table>'
    "<thead><tr>{% for key, name in columns %}"
    '<th scope="col" class="{{ "rate" if key in groups else key }}" aria-sort="none">'
    '<button type="button" data-sort="{{ key }}"><span>{{ name }}</span>'
    '<svg viewBox="0 0 10 14" aria-hidden="true">'
    '<path class="up" d="M5 1 9 6H1Z"/><path class="down" d="M5 13 1 8h8Z"/></svg></button>'
    '{% if key in groups %}<span class="scale" aria-hidden="true"><i>0</i><i>1</i></span>'
    "{% endif %}</th>{% endfor %}</tr></thead>"
    "{% for block in blocks %}{{ block }}{% endfor %}</table></div>"
    '<p class="unseen" role="status"></p>'
)
_SWITCH = template(
    '<div class="by choice" role="group" aria-label="Refusals counted">'
    '{% for rule, name in rules.items() %}<button type="button" data-by="{{ rule }}" '
    'aria-pressed="{{ "true" if rule == "refusal" else "false" }}">{{ name }}</button>'
    "{% endfor %}</div>"
)
_BLOCK = template(
    '<tbody class="{{ kind }}" data-order="{{ number }}" data-label="{{ label }}"'
    '{% for key, value in keys.items() %} data-{{ key }}="{{ value }}"{% endfor %}>'
    "{{ rows }}</tbody>"
)
_ROW = template(
    '<tr class="main hue-{{ hue }}"{% if hidden %} data-of hidden{% endif %}>'
    '<th scope="row" class="who">{{ who }}{{ form }}</th>{{ cells }}</tr>'
    '<tr class="details" id="{{ name }}" hidden><td colspan="{{ width }}">{{ details }}</td></tr>'
)
_GROUP = template(
    '<tr class="main group hue-{{ hue }}"><th scope="row" class="who">{{ who }}'
    '<p class="small">seeds: {{ seeds }}; range in brackets</p></th>{{ cells }}</tr>'
    "{% for row in rows %}{{ row }}{% endfor %}"
)
_WHO = template(
    '<div class="name"><button type="button" class="more" data-opens="{{ name }}" '
    'aria-expanded="false" aria-label="{{ spoken }}"><svg viewBox="0 0 10 10" aria-hidden="true">'
    '<path d="M3 1.5 7 5 3 8.5"/></svg></button>{{ mark }}'
    '<span class="words">{{ label }} {{ chips }}</span></div>'
)
_CHIPS = template(
    '{% if best %}<span class="tag best">★ best</span>{% endif %}'
    '{% if control %}<span class="tag">control</span>{% endif %}'
)
_MARK = template('<span class="{{ "hollow" if hollow else "full" }}">{{ mark }}</span>')
_RATE = template(
    '<td class="rate">{% for rule, shown in rules.items() %}'
    '<div class="by-{{ rule }}">{{ shown }}</div>{% endfor %}</td>'
)
_NO_RATE = static('<td class="rate">–</td>')
_INTERVAL = template(
    "<b>{{ rate }}</b> <small>{{ ends }}</small>"
    '<span class="whisker" aria-hidden="true">'
    '{% if before is not none %}<i class="before" style="--at:{{ "%.4f" | format(before) }}"></i>'
    '{% endif %}<i class="span" style="--at:{{ "%.4f" | format(low) }};'
    '--to:{{ "%.4f" | format(high) }}"></i>'
    '{% for each in points %}<i class="point" style="--at:{{ "%.4f" | format(each) }}"></i>'
    '{% endfor %}<i class="dot" style="--at:{{ "%.4f" | format(at) }}"></i></span>'
)
_COST = template(
    '<td class="cost{{ " high" if bad }}"><b>{{ value }}</b>'
    "{% if span %} <small>{{ span }}</small>{% endif %}"
    '{% if bad %}<span class="unseen">, high</span>{% endif %}</td>'
)
_CELLS = template("{% for cell in cells %}{{ cell }}{% endfor %}")


def table(document: EvaluationDocument) -> Markup:
    """Return the table in its scrolling box."""
    panels = document["panels"]
    view = _View(panels)
    return _TABLE(
        columns=view.columns,
        groups=view.groups,
        blocks=[view.block(number, block) for number, block in enumerate(together(panels))],
    )


def switch() -> Markup:
    """Return the buttons that say how a refusal is recognised."""
    return _SWITCH(rules=REFUSAL_RULES)


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

    def block(self, number: int, block: Sequence[PanelEntry]) -> Markup:
        """Return the rows that stay together."""
        name = f"result-{number}"
        rows = (
            self._many(name, block) if len(block) > 1 else self._one(name, block[0], hidden=False)
        )
        return _BLOCK(
            kind=block[0]["kind"],
            number=number,
            label=block[0]["label"].casefold(),
            keys=self._keys(block),
            rows=rows,
        )

    def _keys(self, block: Sequence[PanelEntry]) -> dict[str, str]:
        """Return what the block is sorted by: the mean, if it holds several panels."""
        values: dict[str, float | None] = {}
        for group in self.groups:
            for rule in REFUSAL_RULES:
                values[f"{group}-{rule}"] = mean([_rate(panel, group, rule) for panel in block])
        for key in self.costs:
            values[key] = mean([cost_of(panel, key) for panel in block])
        return {
            # JavaScript's word for it.
            key: str(value).replace("inf", "Infinity")
            for key, value in values.items()
            if value is not None
        }

    def _one(self, name: str, panel: PanelEntry, *, hidden: bool) -> Markup:
        return _ROW(
            hue=_hue(panel),
            hidden=hidden,
            who=_who(name, panel["label"], panel, is_best=panel["panel"] in self.best),
            form=text.form(panel["panel"]),
            cells=self._cells([panel]),
            name=name,
            width=len(self.columns),
            details=details.details(panel, self.groups),
        )

    def _many(self, name: str, block: Sequence[PanelEntry]) -> Markup:
        """Return one row for all seeds of a random control, and theirs, which it opens."""
        first = block[0]
        return _GROUP(
            hue=_hue(first),
            who=_who(name, name_of(block), first, what="Show each seed of"),
            seeds=_seeds(block),
            cells=self._cells(block),
            rows=[
                self._one(f"{name}-{number}", panel, hidden=True)
                for number, panel in enumerate(block)
            ],
        )

    def _cells(self, block: Sequence[PanelEntry]) -> Markup:
        rates = [self._rate_cell(group, block) for group in self.groups]
        costs = [_cost_cell(key, [cost_of(panel, key) for panel in block]) for key in self.costs]
        return _CELLS(cells=[*rates, *costs])

    def _rate_cell(self, group: str, block: Sequence[PanelEntry]) -> Markup:
        shown: dict[str, Markup] = {}
        for rule in REFUSAL_RULES:
            found = [each for panel in block if (each := _entry(panel, group, rule))]
            if len(found) < len(block):
                return _NO_RATE
            before = _rate(self.baseline, group, rule) if self.baseline else None
            shown[rule] = _interval(found, before)
        return _RATE(rules=shown)


def _interval(found: Sequence[IntervalEntry], before: float | None) -> Markup:
    """Return a rate with its Wilson interval, or a mean of rates with their range."""
    rates = [each["estimate"] for each in found]
    if len(found) == 1:
        low, high = found[0]["low"], found[0]["high"]
        ends, points = between(low, high), list[float]()
    else:
        low, high = min(rates), max(rates)
        ends, points = f"({plain(low)}–{plain(high)})", rates
    at = mean(rates) or 0.0
    return _INTERVAL(
        rate=plain(at), ends=ends, before=before, low=low, high=high, points=points, at=at
    )


def _cost_cell(key: str, values: Sequence[float | None]) -> Markup:
    value = mean(values)
    bad = key == "looping" and value is not None and value > MOST_LOOPING
    span = ""
    if len(values) > 1 and value is not None:
        known = [each for each in values if each is not None]
        span = f"({plain(min(known))}–{plain(max(known))})"
    return _COST(value=plain(value), span=span, bad=bad)


def _entry(panel: PanelEntry, group: str, rule: RefusalRule) -> IntervalEntry | None:
    rates = rates_of(panel, group)
    if not rates:
        return None
    return rates["refusal_rate"] if rule == "refusal" else rates.get("substring_rate")


def _rate(panel: PanelEntry, group: str, rule: RefusalRule) -> float | None:
    found = _entry(panel, group, rule)
    return found["estimate"] if found else None


def _who(
    name: str, label: str, panel: PanelEntry, *, what: str = "Details of", is_best: bool = False
) -> Markup:
    return _WHO(
        name=name,
        spoken=f"{what} {label}",
        mark=_mark(panel),
        label=label[:1].upper() + label[1:],
        chips=_CHIPS(best=is_best, control=panel["kind"] == "control"),
    )


def _seeds(block: Sequence[PanelEntry]) -> str:
    """Return the seeds; a text form that leaves its seed out has 0."""
    found = [panel["panel"].partition("seed=")[2].partition(",")[0] or "0" for panel in block]
    return ", ".join(found)


def _hue(panel: PanelEntry) -> str:
    """Return the card whose colour the row has; controls have none."""
    name = panel["panel"].partition(":")[0]
    return name if name in text.SHAPES and panel["kind"] != "control" else "none"


def _mark(panel: PanelEntry) -> Markup:
    """Return the card's mark, hollow where its edit has another dose or form than the paper's."""
    hue = _hue(panel)
    if hue == "none":
        return NOTHING
    return _MARK(hollow=panel["kind"] == "beyond", mark=text.mark(hue))
