"""pyproject.toml, requirements, constraints and the files that name a version say one thing."""

import ast
import json
import re
import sys
import tomllib
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import steering

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
PACKAGES = {"sklearn": "scikit-learn", "umap": "umap-learn"}
"""Packages that are imported by another name."""
BEHIND = {"accelerate", "bitsandbytes"}
"""transformers imports them."""
GIVEN = {"spaces"}
"""Where it can be of use it is there already: on Spaces."""
BY_PATH = {"plotly"}
"""Its script is read, nothing of it is imported."""


def requirements(name):
    lines = (ROOT / name).read_text("utf-8").splitlines()
    return {line.split("#")[0].strip() for line in lines if line and line[0] not in "#-"}


def names(entries):
    return {canonicalize_name(Requirement(entry).name) for entry in entries}


def constraints():
    entries = map(Requirement, requirements("constraints.txt"))
    return {
        canonicalize_name(entry.name): str(entry.specifier).removeprefix("==") for entry in entries
    }


def imported(folder):
    """Return the packages that are imported below a folder, other than Python's and its own."""
    found = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found.add(node.module.split(".")[0])
    others = found - {*sys.stdlib_module_names, "steering"}
    return {canonicalize_name(PACKAGES.get(name, name)) for name in others}


def test_requirements_are_those_of_the_package_and_its_extras():
    app = {*PROJECT["dependencies"], *EXTRAS["app"], *EXTRAS["quantization"]}
    assert requirements("requirements.txt") == app
    (ray,) = [each for each in EXTRAS["cluster"] if each.startswith("ray")]
    assert requirements("requirements-dev.txt") == {*EXTRAS["dev"], *EXTRAS["cluster"]} - {ray}
    (tested,) = requirements("requirements-ray.txt")
    assert tested.partition(";")[0] == ray


def test_what_is_imported_is_declared_and_nothing_else():
    extras = (EXTRAS[name] for name in ("app", "quantization", "cluster"))
    declared = names([*PROJECT["dependencies"], *chain(*extras)])
    assert (imported(ROOT / "steering") - GIVEN) | BEHIND | BY_PATH == declared


def test_only_the_app_needs_the_extra_app():
    package = ROOT / "steering"
    core = names(PROJECT["dependencies"])
    users = {
        path.relative_to(package).as_posix().split("/")[0]
        for path in package.rglob("*.py")
        for name in names(EXTRAS["app"]) - core
        if re.search(
            rf"^\s*(import|from) {name.replace('-', '_')}\b", path.read_text("utf-8"), re.MULTILINE
        )
    }
    assert users == {"ui", "serving"}


def test_constraints_fit_the_requirements_and_cover_them():
    pinned = constraints()
    files = ("requirements.txt", "requirements-dev.txt", "requirements-ray.txt")
    for entry in chain.from_iterable(map(requirements, files)):
        wanted = Requirement(entry)
        assert wanted.specifier.contains(pinned[canonicalize_name(wanted.name)]), entry


@pytest.mark.parametrize("file", sorted((ROOT / "precomputed").glob("*/manifest.json")), ids=str)
def test_constraints_are_what_the_shipped_numbers_were_made_with(file):
    pinned = constraints()
    evaluated = json.loads(file.with_name("evaluation.json").read_text("utf-8"))["provenance"]
    documents = [json.loads(file.read_text("utf-8")), evaluated.get("landed_on", evaluated)]
    if "landed_on" in evaluated:  # answered elsewhere, by versions that are named in words
        told = (ROOT / "constraints.txt").read_text("utf-8")
        for name in ("python", "torch", "numpy"):
            assert f"{name} {evaluated['versions'][name]}" in told
    for document in documents:
        versions = {name: each.split("+")[0] for name, each in document["versions"].items()}
        python = versions.pop("python")
        assert versions == {name: pinned[name] for name in versions}
        assert f"Python {python}" in (ROOT / "constraints.txt").read_text("utf-8")


def test_changelog_and_citation_name_the_version():
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    newest = re.search(r"^## (\S+) \((.+)\)$", changelog, re.MULTILINE)
    citation = (ROOT / "CITATION.cff").read_text("utf-8")
    assert newest[1] in (steering.__version__, "Unreleased")
    assert f"## {steering.__version__} (" in changelog
    assert f"\nversion: {steering.__version__}\n" in citation
    released = re.search(rf"## {re.escape(steering.__version__)} \((.+)\)", changelog)[1]
    assert f"\ndate-released: {released}\n" in citation


def test_every_path_that_the_container_copies_is_there():
    text = (ROOT / "Dockerfile").read_text("utf-8")
    copied = re.findall(r"^COPY (?:--\S+ )?(\S+) \.$", text, re.MULTILINE)
    assert copied[0] == "requirements.txt"
    ignored = (ROOT / ".dockerignore").read_text("utf-8").split()
    for path in (*copied, "app.py", "steering", "assets", "precomputed"):
        assert (ROOT / path).exists()
        assert path not in ignored
    assert 'CMD ["python", "app.py"]' in text
