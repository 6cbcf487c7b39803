"""An evaluation in words: how it was measured, its tables as Markdown, its claims."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Final, get_args

from steering.artifacts.evaluation_document import (
    EvaluationDocument,
    JudgeEntry,
    LandingEntry,
    MatchEntry,
    PanelEntry,
    SetRates,
    net_of,
    rates_of,
)
from steering.evaluation import report_tables
from steering.evaluation.ranking import (
    MOST_LOOPING,
    CostName,
    apart_from_seed,
    best,
    cost_of,
    groups_of,
    mean,
    name_of,
    together,
)
from steering.formatting import between, p_value, plain, signed, with_interval
from steering.verdicts.judgement import JUDGE_VERSION, Verdict, told_of_version

BEST_RULE: Final = (
    "Best is the intervention of the paper that leaves the fewest harmful prompts refused, by "
    f"verdict, among those that loop in at most {MOST_LOOPING:.2f} of the answers on every set and "
    "refuse less than the baseline beyond chance (the 95 % interval of the paired difference lies "
    "below 0). Its interval may overlap those of others."
)


def markdown(document: EvaluationDocument) -> str:
    """Return the whole report of a document that `evaluation.evaluate` made."""
    panels = document["panels"]
    parts = [f"# Results: {_text(document['model'])}", _text(measured(document)), table(panels)]
    if best(panels):
        parts.append(BEST_RULE)
    parts += ["## Changes to the baseline, and verdicts", changes(panels)]
    if long := document.get("long"):
        parts += [f"## Within {long['tokens']} tokens", report_tables.long(long)]
    if claims := document.get("claims"):
        parts += ["## The paper's claims", "\n".join(f"- {_text(c['sentence'])}" for c in claims)]
    if read := document.get("next_tokens"):
        parts += ["## Among controls, by next tokens", report_tables.ranks(read)]
        parts += ["## Like with like, by next tokens", report_tables.scored(read)]
    if found := document.get("geometry"):
        places = landings(found["panels"], found["layers"])
        parts += ["## Where the test prompts land", places]
    if lines := formats(document):
        parts += ["## Number formats", "\n".join(f"- {_text(line)}" for line in lines)]
    return "\n\n".join(parts)


def formats(document: EvaluationDocument) -> list[str]:
    """Say how well maps and directions of one number format held in the one that was measured in.

    Empty for documents of before this was checked.
    """
    lines = []
    if found := document.get("drift"):
        where = f"maps fitted in {found['fitted']}, here {found['here']}"
        lines += [
            f"Layer {each['layer']}, {where}: {each['sentence']}." for each in found["layers"]
        ]
    if again := document.get("directions_drift"):
        lines.append(
            "Directions fitted again here, on the same prompts: difference in means with cosine "
            f"{again['dim_cosine']:.3f}, the first {again['inlp_k']} INLP directions span a "
            f"subspace with cosine {again['inlp_cosine']:.3f} (1: the same)."
        )
    return lines


def landings(entries: Sequence[LandingEntry], layers: Sequence[int]) -> str:
    """Return where test prompts land: mean t by class and layer, with the spread at the first.

    Args:
        entries: Of `geometry.table`, one a panel.
        layers: Of `geometry.layers_shown`.
    """
    source, *later = map(str, layers)
    head = ["panel"]
    for group in ("harmful", "harmless"):
        head += [f"{group}: t at layer {source}", "nearest to harmless", "off the map"]
        head += [f"t at {layer}" for layer in later]
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for entry in entries:
        cells = [f"`{entry['panel']}`"]
        for found in (entry["harmful"], entry["harmless"]):
            first = found[source]
            cells += [
                f"{first['t_mean']:.2f} ± {first['t_sd']:.2f}",
                f"{first['nearest_harmless']['estimate']:.2f}",
                f"{first['outside']:.2f}",
                *(f"{found[layer]['t_mean']:.2f}" for layer in later),
            ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def table(panels: Sequence[PanelEntry]) -> str:
    """Return the panels as a table: refusal rates with their intervals, looping, cost.

    The seeds of a random control are one row of means and ranges; `changes` has each of them. `net`
    is what an edit changes beyond its matched random control.
    """
    groups, marked = groups_of(panels), best(panels)
    netted = any(panel.get("net") for panel in panels)
    head = ["panel", "what", "kind"]
    for group in groups:
        head += [f"{group} refused", "by substring", *(["net"] if netted else [])]
    head += ["looping", "perplexity", "KL", "prose perplexity"]
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for block in together(panels):
        first = block[0]
        kind = _text(first["kind"]) + (", **best**" if first["panel"] in marked else "")
        form = first["panel"] if len(block) == 1 else apart_from_seed(first)
        cells = [f"`{_text(form)}`", _text(name_of(block)), kind]
        for group in groups:
            cells += _rates(block, group)
            cells += [_net(block, group)] if netted else []
        cells += [_mean_of([cost_of(panel, cost) for panel in block]) for cost in _COSTS]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


_COSTS: Final[tuple[CostName, ...]] = ("looping", "perplexity", "kl", "prose")


def _rates(block: Sequence[PanelEntry], group: str) -> tuple[str, str]:
    """Return refusals by verdict, of a single panel with their interval, and by substring."""
    rates = [rates_of(panel, group) for panel in block]
    refused = [each["refusal_rate"] if each else None for each in rates]
    phrases = [each.get("substring_rate") if each else None for each in rates]
    first = refused[0] if len(block) == 1 else None
    own = between(first["low"], first["high"]) if first else ""
    by_verdict, by_substring = (
        _mean_of([each["estimate"] if each else None for each in found])
        for found in (refused, phrases)
    )
    return f"{by_verdict} {own}".strip(), by_substring


def _net(block: Sequence[PanelEntry], group: str) -> str:
    """Return the net effect of a panel that has a matched control, with its interval."""
    entry = block[0].get("net") if len(block) == 1 else None
    found = net_of(entry, group) if entry else None
    if not found:
        return "–"
    return with_interval(found, signed)


def changes(panels: Sequence[PanelEntry]) -> str:
    """Return by how much refusal changes (paired, 95 % interval, exact McNemar p), and verdicts.

    Where p values of the paper's arms were corrected for being several (Holm), these are shown.
    Verdicts are counts of answers; only those that some answer has are listed.
    """
    groups = groups_of(panels)
    verdicts = _verdicts(panels, groups)
    head = ["panel"]
    for group in groups:
        head += [f"{group}: change", "p", " / ".join(verdicts).replace("_", " ")]
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for panel in panels:
        cells = [f"`{_text(panel['panel'])}`"]
        for group in groups:
            cells += _change(rates_of(panel, group), verdicts)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _verdicts(panels: Sequence[PanelEntry], groups: Sequence[str]) -> list[str]:
    """Return the verdicts that some answer has, in the order of their type."""
    seen = {
        name for panel in panels for group in groups for name in _counts(rates_of(panel, group))
    }
    return [name for name in get_args(Verdict) if name in seen]


def _counts(rates: SetRates | None) -> Mapping[str, int]:
    return (rates.get("verdicts") or {}) if rates else {}


def _change(rates: SetRates | None, verdicts: Sequence[str]) -> tuple[str, str, str]:
    found, counts = rates.get("difference") if rates else None, _counts(rates)
    shown = " / ".join(str(counts.get(name, 0)) for name in verdicts) if counts else "–"
    if not found:
        return "–", "–", shown
    change = with_interval(found, signed)
    if (corrected := found.get("p_holm")) is not None:
        return change, f"{p_value(corrected)} (Holm)", shown
    return change, p_value(found["p_value"]), shown


def _mean_of(values: Sequence[float | None]) -> str:
    """Return a value, or the mean of several with their range."""
    shown, known = plain(mean(values)), [value for value in values if value is not None]
    if len(values) == 1 or len(known) < len(values):
        return shown
    return f"{shown} ({plain(min(known))} to {plain(max(known))})"


def _text(words: object) -> str:
    """Return words that stay in their cell, and are no HTML where Markdown is shown."""
    return escape(" ".join(str(words).split()), quote=False).replace("|", "\\|").replace("`", "'")


def sizes(document: EvaluationDocument) -> str:
    """Return the prompts in words: 80 harmful, 80 harmless and 80 borderline prompts."""
    panels = document["panels"]
    counts = {
        group: next(rates["n"] for panel in panels if (rates := rates_of(panel, group)))
        for group in groups_of(panels)
    }
    *most, last = [f"{n} {group}" for group, n in counts.items()] or ["no"]
    return f"{', '.join(most)} and {last} prompts" if most else f"{last} prompts"


def measured(document: EvaluationDocument) -> str:
    """Return how it was measured, in one paragraph of plain text."""
    sampling, made = document.get("sampling") or {}, document.get("provenance") or {}
    temperature = sampling.get("temperature") or 0
    how = "greedy" if not temperature else f"temperature {temperature:g}"
    tokens = sampling.get("max_new_tokens")
    length = f", at most {tokens} tokens" if tokens else ""
    dtype, device = made.get("dtype"), made.get("device")
    quantization = made.get("quantization") or "none"
    format_ = f"{quantization} with {dtype}" if quantization != "none" else dtype
    held = f", {format_} on {device}" if dtype and device else ""
    parts = [
        f"{document['model']}{held}; {sizes(document)}; {how}{length}. Rates carry 95 % Wilson "
        "intervals, differences to the baseline are paired over prompts."
    ]
    if told := told_of_version(document.get("judge_version", JUDGE_VERSION)):
        parts.append(told)
    if made.get("prompts"):
        parts.append(f"Prompts: {made['prompts']}.")
    versions = made.get("versions") or {}
    if versions:
        parts.append(f"Made with {', '.join(f'{k} {v}' for k, v in versions.items())}.")
    if judge := document.get("judge"):
        parts.append(_agreement(judge))
    return " ".join(parts)


def _agreement(judge: JudgeEntry) -> str:
    lines = [f"{judge['judge']} judged {judge['judged']} of {judge['n']} answers as well."]
    lines += [
        f"It agrees with the rules on {what} in {_matched(match)}."
        for match, what in (
            (judge["verdict"], "the verdict"),
            (judge["refused"], "whether an answer refuses"),
        )
        if match
    ]
    return " ".join(lines)


def _matched(match: MatchEntry) -> str:
    raw, kappa = match["raw"], match["kappa"]
    return f"{with_interval(raw)} (Cohen's kappa {with_interval(kappa)})"
