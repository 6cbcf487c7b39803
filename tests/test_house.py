"""Rules of the house about names, places and the order of packages, which no linter here knows."""

import ast
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.browser import conftest as stories

ROOT = Path(__file__).parents[1]
PACKAGE, TESTS = ROOT / "steering", ROOT / "tests"
MODULES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))

LONGEST, LONGEST_TEST, LONGEST_SCRIPT = 300, 450, 250
"""Lines of a module, of a test file, and of a script of the page (which eslint holds as well)."""
TOO_LONG: set[str] = set()
"""Files that are longer. Add none: split them along the ideas that they hold."""

SHARED_NAMES: set[str] = set()
"""Names that mean something else in another package. Add none: find a name that says what it is."""


def test_every_module_has_a_test_file_where_it_lies_itself() -> None:
    missing = [
        str(expected)
        for module in MODULES
        if module.stem not in ("__init__", "__main__")
        and not (TESTS / (expected := module.with_name(f"test_{module.name}"))).is_file()
    ]
    assert missing == []


def test_lists_of_test_files_name_files_that_are_there() -> None:
    tree = ast.parse((TESTS / "conftest.py").read_text("utf-8"))
    lists = {
        target.id: ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name) and target.id in ("FIRST", "SLOW")
    }
    assert lists.keys() == {"FIRST", "SLOW"}
    for names in lists.values():
        assert [name for name in names if not (TESTS / f"{name}.py").is_file()] == []
        assert len(set(names)) == len(names)


def test_no_file_is_longer_than_a_reader_keeps_in_mind() -> None:
    limits = {
        **dict.fromkeys(PACKAGE.rglob("*.py"), LONGEST),
        **dict.fromkeys(TESTS.rglob("*.py"), LONGEST_TEST),
        **dict.fromkeys((ROOT / "assets").rglob("*.js"), LONGEST_SCRIPT),
    }
    assert len(set(limits.values())) == 3
    found = {
        path.relative_to(ROOT).as_posix()
        for path, most in limits.items()
        if len(path.read_text("utf-8").splitlines()) > most
    }
    assert found - TOO_LONG == set(), "split these along the ideas that they hold"
    assert TOO_LONG - found == set(), "these are mended: take them off the list"


def test_no_module_is_called_like_one_of_the_standard_library() -> None:
    named = {part for module in MODULES for part in module.with_suffix("").parts}
    assert named & (sys.stdlib_module_names - {"__init__", "__main__"}) == set()


def public_names(tree: ast.Module) -> Iterator[str]:
    """Yield the classes, the names of types and the constants that a module has for others."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            found = [node.name]
        elif isinstance(node, ast.Assign):
            found = [each.id for each in node.targets if isinstance(each, ast.Name)]
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found = [node.target.id]
        else:
            continue
        yield from (name for name in found if name[0].isupper())


def test_a_name_means_one_thing_whatever_the_package() -> None:
    homes: dict[str, set[str]] = defaultdict(set)
    for module in MODULES:
        package = module.parts[0] if len(module.parts) > 1 else ""
        for name in public_names(ast.parse((PACKAGE / module).read_text("utf-8"))):
            homes[name].add(package)
    found = {name for name, packages in homes.items() if len(packages) > 1}
    assert found - SHARED_NAMES == set(), "two packages have the same name for two things"
    assert SHARED_NAMES - found == set(), "these are mended: take them off the list"


# The order of packages

UPWARD = {
    "data/prompts.py": "from steering.ui import text",
    "interventions/edits.py": "import steering.serving.engine",
    "ui/text.py": "from steering.ui import layout",
    "models/loading.py": "import gradio",
}


def order_of(root: Path) -> subprocess.CompletedProcess[str]:
    """Check the contracts of a checkout."""
    command = "from importlinter.cli import lint_imports_command as check; check()"
    return subprocess.run(
        [sys.executable, "-c", command, "--no-cache"],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.mark.slow
def test_packages_import_downward_only() -> None:
    found = order_of(ROOT)
    assert found.returncode == 0, found.stdout + found.stderr


@pytest.mark.slow
@pytest.mark.parametrize("module", UPWARD)
def test_an_import_against_the_order_is_found(tmp_path, module) -> None:
    shutil.copytree(
        PACKAGE, tmp_path / "steering", ignore=shutil.ignore_patterns("__pycache__", "*.jsonl")
    )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    path = tmp_path / "steering" / module
    path.write_text(f"{UPWARD[module]}\n{path.read_text('utf-8')}", "utf-8")
    found = order_of(tmp_path)
    assert found.returncode != 0
    assert "BROKEN" in found.stdout, found.stdout + found.stderr
    name = ".".join(("steering", *Path(module).with_suffix("").parts))
    assert name in found.stdout


def test_stories_that_a_number_format_could_change_are_told_in_both() -> None:
    def told(name: str) -> list[str]:
        found: list[list[str]] = []
        asked = SimpleNamespace(
            fixturenames=["app"],
            function=SimpleNamespace(__name__=name),
            parametrize=lambda _name, dtypes, **_options: found.append(dtypes),
        )
        stories.pytest_generate_tests(asked)
        return found[0]

    written = "\n".join(path.read_text() for path in (TESTS / "browser").glob("test_*.py"))
    for name in stories.IN_BOTH_FORMATS:
        assert told(name) == ["float32", "bfloat16"]
        assert f"def {name}(" in written
    assert told("test_that_only_looks") == ["float32"]
