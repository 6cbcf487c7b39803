import subprocess
import sys
from pathlib import Path

import pytest

from steering.artifacts import folders, store
from steering.artifacts.evaluation_document import EvaluationDocument, rates_of
from tests.helpers import tiny_evaluations
from tests.helpers.typed_documents import faults

ROOT = Path(__file__).parents[2]
SNIPPETS = {
    "rates['refusal_rate']['estimate']": True,
    "rates['refusal_rat']": False,
    "rates['refusal_rate']['lo']": False,
    "document['panels'][0]['lable']": False,
    "document['claims'][0]['parts'][0]['statment']": False,
    "recording['answers'][0]['verdit']": False,
    "row['harmful_rate_hi']": False,
    "manifest['dim_plaice']": False,
    "table['pairs'][0]['refused']['flip']['diference']": False,
}
"""What a reader writes, and whether it is right."""


@pytest.mark.parametrize("model", folders.available())
def test_the_shipped_evaluations_are_what_the_types_say(model):
    assert faults(store.evaluation(model), EvaluationDocument) == []


def test_sets_that_were_not_measured_have_no_rates():
    panel = tiny_evaluations.document()["panels"][0]
    assert rates_of(panel, "harmful") is panel["harmful"]
    assert rates_of({"harmful": panel["harmful"]}, "harmless") is None
    assert rates_of({"harmful": None}, "harmful") is None


@pytest.mark.slow
def test_a_misspelt_key_is_a_type_error(tmp_path):
    lines = [
        "from steering.artifacts.evaluation_document import EvaluationDocument, SetRates",
        "from steering.artifacts.manifest_document import Manifest",
        "from steering.artifacts.recording_document import Recording",
        "from steering.artifacts.transfer_document import TransferDocument",
        "from steering.sweep.sweep_table import SweepRow",
        "document: EvaluationDocument",
        "rates: SetRates",
        "recording: Recording",
        "row: SweepRow",
        "manifest: Manifest",
        "table: TransferDocument",
        *SNIPPETS,
    ]
    path = tmp_path / "reader.py"
    path.write_text("\n".join(lines), "utf-8")
    settings = ["--config-file", str(ROOT / "pyproject.toml"), "--no-error-summary"]
    cache = ["--cache-dir", str(tmp_path / "cache"), "--follow-imports", "silent"]
    found = subprocess.run(
        [sys.executable, "-m", "mypy", *settings, *cache, str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    first = len(lines) - len(SNIPPETS) + 1
    wrong = {number for number, fine in enumerate(SNIPPETS.values(), first) if not fine}
    errors = [line for line in found.stdout.splitlines() if ": error:" in line]
    assert {int(line.split(":")[1]) for line in errors} == wrong, found.stdout + found.stderr
    assert all("has no key" in line for line in errors), found.stdout
