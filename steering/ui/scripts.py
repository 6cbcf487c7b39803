"""Joins the modules in assets/ into one script, without a build step and without node.

Gradio takes a component's script as a text. One text also needs no further request (a sub-path, a
proxy, an old file in a browser's cache) and goes whole into the map that a visitor downloads, which
has no server to import from.

A module may use two forms, which the linter holds it to: `import { a, b as c } from "./d.js";` and
`export` before a `function`, an `async function`, a `class` or a `const`.
"""

import re
from functools import cache
from pathlib import Path
from typing import Final

from steering.errors import SteeringError
from steering.shipped import ASSETS

_IMPORT: Final = re.compile(r'^import \{([\w\s,]*)\} from "(\.\.?/[^"]+\.js)";$', re.MULTILINE)
_EXPORT: Final = re.compile(
    r"^export (?=(?:(?:async )?function|const|class) (?P<name>\w+))", re.MULTILINE
)
_OTHER: Final = re.compile(r"^(?:import|export)\b.*$", re.MULTILINE)


@cache
def joined(name: str, folder: Path = ASSETS) -> str:
    """Return a JavaScript expression whose value holds what a module exports.

    Args:
        name: Path of the module in the folder, such as `dose/index.js`.
        folder: Where the modules are.

    Raises:
        SteeringError: If a module uses another form of import or export, or a circle of imports.
    """
    entry = (folder / name).resolve()
    modules: dict[Path, str] = {}
    _read(entry, modules, ())
    names = {path: f"module{index}" for index, path in enumerate(modules)}
    parts = [f"const {names[path]} = {_wrapped(path, modules, names)};" for path in modules]
    return "(() => {\n" + "\n".join(parts) + f"\nreturn {names[entry]};\n}})()"


def _read(path: Path, modules: dict[Path, str], above: tuple[Path, ...]) -> None:
    """Add a module after those that it imports."""
    if path in modules:
        return
    if path in above:
        raise SteeringError(f"{path.name} imports itself by way of {above[-1].name}")
    source = path.read_text("utf-8")
    for _, target in _IMPORT.findall(source):
        _read((path.parent / target).resolve(), modules, (*above, path))
    modules[path] = source


def _wrapped(path: Path, modules: dict[Path, str], names: dict[Path, str]) -> str:
    source = modules[path]
    exported = [found["name"] for found in _EXPORT.finditer(source)]

    def taken(found: re.Match[str]) -> str:
        own = found[1].replace(" as ", ": ")
        return f"const {{{own}}} = {names[(path.parent / found[2]).resolve()]};"

    body = _EXPORT.sub("", _IMPORT.sub(taken, source))
    if unknown := _OTHER.search(body):
        raise SteeringError(
            f"{path.name}: {unknown[0]!r} cannot be joined; "
            'write `import { a } from "./b.js";` or `export const`, `function` or `class`'
        )
    return f"(() => {{\n{body}\nreturn {{ {', '.join(exported)} }};\n}})()"
