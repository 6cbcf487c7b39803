"""What documentation says of the program is what the program says of itself."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
README = (ROOT / "README.md").read_text("utf-8")


@pytest.fixture(scope="module")
def generate():
    spec = importlib.util.spec_from_file_location("generate_docs", DOCS / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", ["command-line.md", "results.md"])
def test_generated_pages_are_what_the_program_writes_now(generate, page):
    said = (DOCS / page).read_text("utf-8")
    assert generate.PAGES[page]() == said, "run `python docs/generate.py`"


def test_a_command_that_is_new_or_a_number_that_changed_changes_the_pages(generate, monkeypatch):
    whole = generate.parser()
    (commands,) = (each for each in whole._actions if hasattr(each, "choices") and each.choices)
    commands.choices["results"].add_argument("--colour", help="of the table")
    monkeypatch.setattr(generate, "parser", lambda: whole)
    assert "| `--colour` | of the table |" in generate.command_line()
    real = generate.report.table
    monkeypatch.setattr(
        generate.report, "table", lambda panels: real(panels).replace("0.57 [", "0.58 [")
    )
    assert "| `baseline` | baseline | baseline | 0.58 [" in generate.results()


def test_readme_is_short():
    assert len(README.splitlines()) <= 200


def test_the_rows_of_readme_are_rows_of_the_results():
    rows = [line for line in README.splitlines() if line.startswith("| `")]
    results = (DOCS / "results.md").read_text("utf-8").splitlines()
    assert len(rows) >= 6
    assert set(rows) <= set(results)


def test_readme_tells_the_verdict_on_each_claim_as_the_results_do():
    claims = re.findall(
        r"^\d[a-z]?\. \*\*(.+?)\.\*\*", (DOCS / "results.md").read_text("utf-8"), re.M
    )
    section = README[README.index("The paper's claims") : README.index("## As a library")]
    told = re.findall(r"\*\*(.+?)\*\*", re.sub(r"\s+", " ", section))
    assert [each.lower() for each in claims] == told


def test_the_glossary_points_at_what_there_is():
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in (DOCS / "glossary.md").read_text("utf-8").splitlines()
        if line.startswith("| **")
    ]
    assert len(rows) >= 30
    terms = [row[0].strip("*").split("**")[0].lower() for row in rows]
    assert terms == sorted(terms)
    for row in rows:
        for path in re.findall(r"`([a-z_/]+\.py)`", row[-1]):
            assert (ROOT / "steering" / path).is_file(), path


@pytest.mark.parametrize("page", ["architecture.md", "method.md", "index.md", "own-models.md"])
def test_paths_in_the_documentation_exist(page):
    text = (DOCS / page).read_text("utf-8")
    for path in re.findall(r"`((?:steering/)?[a-z_]+/[a-z_/]*(?:\.py|\.jsonl)?)`", text):
        inside = (
            ROOT / path if path.startswith(("steering/", "tests/")) else ROOT / "steering" / path
        )
        assert inside.exists() or (ROOT / path).exists(), path
    for link in re.findall(r"\]\(([a-z-]+\.md)", text):
        assert (DOCS / link).is_file(), link


@pytest.mark.slow
def test_the_site_builds_without_a_warning(tmp_path):
    pytest.importorskip("mkdocs", reason="mkdocs is not installed")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "-q", "-d", str(tmp_path / "site")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "h - alpha" in (tmp_path / "site" / "method.html").read_text("utf-8").replace(
        "&gt;", ">"
    )
