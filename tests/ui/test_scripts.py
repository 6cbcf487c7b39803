"""The modules in assets/ become one script, and what cannot be joined is refused."""

import shutil
import subprocess

import pytest

from steering.errors import SteeringError
from steering.shipped import ASSETS
from steering.ui import launch_options, scripts

ENTRIES = sorted(path.relative_to(ASSETS).as_posix() for path in ASSETS.glob("*/index.js"))


def write(folder, **modules):
    for name, source in modules.items():
        (folder / f"{name}.js").write_text(source)
    return folder


def test_a_module_comes_after_what_it_imports_and_once(tmp_path):
    write(
        tmp_path,
        c="export const one = 1;\n",
        b='import { one } from "./c.js";\nexport function two() {\n  return one + 1;\n}\n',
        a='import { one } from "./c.js";\nimport {\n  two,\n} from "./b.js";\n'
        "export const three = () => one + two();\n",
    )
    script = scripts.joined("a.js", tmp_path)
    assert script.count("one = 1") == 1
    assert script.index("one = 1") < script.index("function two") < script.index("three =")
    assert "import" not in script
    assert "export" not in script


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_names_of_one_module_are_not_seen_in_another(tmp_path):
    write(
        tmp_path,
        b="const own = 2;\nexport const seen = () => own;\n",
        a='import { seen as other } from "./b.js";\nconst own = 40;\n'
        "export const sum = own + other();\n",
    )
    script = f"console.log({scripts.joined('a.js', tmp_path)}.sum)"
    done = subprocess.run(["node", "-e", script], capture_output=True, text=True, check=True)
    assert done.stdout == "42\n"


@pytest.mark.parametrize(
    "form",
    [
        "export default 1;",
        "export { a };",
        "export let a = 1;",
        'import a from "./b.js";',
        'import * as a from "./b.js";',
        'import "./b.js";',
        'import { a } from "plotly";',
    ],
)
def test_another_form_of_import_or_export_is_refused(form, tmp_path):
    write(tmp_path, a=f"{form}\n", b="export const a = 1;\n")
    with pytest.raises(SteeringError, match="cannot be joined"):
        scripts.joined("a.js", tmp_path)


def test_a_circle_of_imports_is_refused(tmp_path):
    write(
        tmp_path,
        a='import { b } from "./b.js";\nexport const a = 1;\n',
        b='import { a } from "./a.js";\nexport const b = 1;\n',
    )
    with pytest.raises(SteeringError, match="imports itself"):
        scripts.joined("a.js", tmp_path)


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
@pytest.mark.parametrize("entry", ENTRIES)
def test_every_script_of_the_page_is_valid_once_joined(entry, tmp_path):
    (tmp_path / "joined.js").write_text(f"{scripts.joined(entry)}.start;")
    subprocess.run(["node", "--check", str(tmp_path / "joined.js")], check=True)


def test_the_script_in_the_head_does_not_end_its_element():
    head = launch_options()["head"]
    assert head.count("</script") == 1
