"""An evaluation as files to take away: CSV, Markdown, JSON. Numbers in files are not rounded."""

import json
import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from steering.tables import as_csv, flat
from steering.ui import results_notes as notes
from steering.ui.numbers import between, plain
from steering.ui.results_ranking import best, groups_of, looping_of


def files(document: Mapping[str, Any]) -> str:
    """Return the buttons that save the files, and the files; assets/results.js does the saving."""
    kinds = {"csv": "CSV", "md": "Markdown", "json": "JSON"}
    buttons = "".join(
        f'<button type="button" class="plain" data-file="{kind}" aria-label="Download the results '
        f'as {name}">{name}</button>'
        for kind, name in kinds.items()
    )
    contents = {
        "name": file_name(document),
        "csv": csv(document),
        "md": markdown(document),
        "json": json.dumps(document, indent=1, ensure_ascii=False) + "\n",
    }
    held = escape(json.dumps(contents, ensure_ascii=False), quote=False)
    return (
        f'<div class="files" role="group" aria-label="Download"><span>Download</span>{buttons}'
        f"<template>{held}</template></div>"
    )


def file_name(document: Mapping[str, Any]) -> str:
    """Return the files' name without its ending, safe on every system."""
    model = re.sub(r"[^A-Za-z0-9._-]+", "-", str(document["model"]).rpartition("/")[2])
    return f"refusal-results-{model.strip('.-') or 'model'}"


def csv(document: Mapping[str, Any]) -> str:
    """Return all numbers, a panel a row; `harmful.refusal_rate_ci.0` is where they are nested."""
    rows = (flat({"model": document["model"], **panel}) for panel in document["panels"])
    # A difference that the baseline lacks is no column of its own.
    return as_csv({key: value for key, value in row.items() if value is not None} for row in rows)


def markdown(document: Mapping[str, Any]) -> str:
    """Return the table, the claims and how it was measured, to be put into a paper's notes."""
    parts = [
        f"# Results: {_text(document['model'])}",
        _text(notes.measured(document)),
        _table(document),
        notes.BEST_RULE,
    ]
    if claims := document.get("claims"):
        parts += ["## The paper's claims", "\n".join(f"- {_text(c['sentence'])}" for c in claims)]
    parts.append(f"Made by `{_text(notes.command(document))}`.")
    return "\n\n".join(parts) + "\n"


def _table(document: Mapping[str, Any]) -> str:
    panels: Sequence[Mapping[str, Any]] = document["panels"]
    groups, marked = groups_of(panels), best(panels)
    head = ["panel", "what", "kind"]
    for group in groups:
        head += [f"{group} refused", "by substring"]
    head += ["looping", "perplexity", "KL", "prose perplexity"]
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for panel in panels:
        kind = _text(panel["kind"])
        if panel["panel"] in marked:
            kind += ", **best**"
        cells = [f"`{_text(panel['panel'])}`", _text(panel["label"]), kind]
        for group in groups:
            cells += _rates(panel.get(group))
        prose = panel.get("prose") or {}
        costs = (panel.get("perplexity"), panel.get("kl"), prose.get("perplexity"))
        cells += map(plain, (looping_of(panel), *costs))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _rates(rates: Mapping[str, Any] | None) -> tuple[str, str]:
    if not rates:
        return "–", "–"
    by_rule = f"{plain(rates['refusal_rate'])} {between(*rates['refusal_rate_ci'])}"
    return by_rule, plain(rates["substring_rate"])


def _text(words: object) -> str:
    """Return words that stay in their cell, and are no HTML where Markdown is shown."""
    return escape(" ".join(str(words).split()), quote=False).replace("|", "\\|").replace("`", "'")
