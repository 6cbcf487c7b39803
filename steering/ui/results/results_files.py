"""An evaluation as files to take away: CSV, Markdown, JSON, BibTeX. No number is rounded."""

import re

from markupsafe import Markup

import steering
from steering.artifacts.citation import bibtex
from steering.artifacts.evaluation_document import EvaluationDocument
from steering.evaluation import report
from steering.system import strict_json
from steering.system.flat_tables import as_csv, flat
from steering.ui.results import results_notes as notes
from steering.ui.templates import template

_FILES = template(
    '<div class="files" role="group" aria-label="Download"><span>Download</span>'
    '{% for kind, name in kinds.items() %}<button type="button" class="plain" '
    'data-file="{{ kind }}" aria-label="Download the results as {{ name }}">{{ name }}</button>'
    "{% endfor %}<template>{{ contents | tojson }}</template></div>"
)


def files(document: EvaluationDocument) -> Markup:
    """Return the buttons that save the files, and the files; assets/page/results.js saves them."""
    kinds = {"csv": "CSV", "md": "Markdown", "json": "JSON", "bib": "BibTeX"}
    contents = {
        "name": file_name(document),
        "csv": csv(document),
        "md": markdown(document),
        "json": strict_json.dumps(document, indent=1) + "\n",
        "bib": bibtex(
            document["model"],
            notes.command(document),
            steering.__version__,
            document.get("provenance"),
        ),
    }
    return _FILES(kinds=kinds, contents=contents)


def file_name(document: EvaluationDocument) -> str:
    """Return the files' name without its ending, safe on every system."""
    model = re.sub(r"[^A-Za-z0-9._-]+", "-", str(document["model"]).rpartition("/")[2])
    return f"refusal-results-{model.strip('.-') or 'model'}"


def csv(document: EvaluationDocument) -> str:
    """Return all numbers, a panel a row; `harmful.refusal_rate_low` is where they are nested.

    The columns are named as `flat_tables.flat` says. Each row says which model, number format,
    device and prompts it is of.
    """
    made = document.get("provenance") or {}
    origin = {name: made.get(name) for name in ("quantization", "dtype", "device", "prompts")}
    rows = (flat({"model": document["model"], **panel, **origin}) for panel in document["panels"])
    # A difference that the baseline lacks is no column of its own.
    return as_csv({key: value for key, value in row.items() if value is not None} for row in rows)


def markdown(document: EvaluationDocument) -> str:
    """Return the whole report with the command that makes it again."""
    again = notes.command(document).replace("`", "'")
    return f"{report.markdown(document)}\n\nThe same numbers again: `{again}`\n"
