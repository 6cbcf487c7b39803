"""The command `reproduce`: makes the parts of an artifact again and says what differs."""

import argparse
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypedDict, cast

from steering.artifacts import recipe
from steering.artifacts.differences import DifferenceEntry, difference
from steering.artifacts.evaluation_document import EvaluationDocument
from steering.artifacts.recipe import RECIPE_PARTS
from steering.cli import shared
from steering.errors import SteeringError

if TYPE_CHECKING:
    from steering.artifacts.manifest_document import ProvenanceEntry

_FITTED: Final = frozenset({"directions", "maps"})
"""Parts that one fit makes; every other one has a command of its own."""


class Reproduced(TypedDict):
    """What differs: in how it was made, and in what came of it, by part."""

    model: str
    folder: str
    made: dict[str, list[str]]
    altered: list[str]
    parts: dict[str, list[DifferenceEntry]]


def options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command, all but the model and the machine."""
    parser.add_argument("--directions", type=Path, help="folder of the artifact (default: shipped)")
    parser.add_argument(
        "--only",
        action="append",
        choices=tuple(RECIPE_PARTS),
        help="part that is made again, may be repeated (default: all that is there)",
    )
    parser.add_argument("--out", type=Path, help="keep what was made in this folder")


def run(options: argparse.Namespace) -> Reproduced:
    """Make parts of an artifact again and compare them with what is there.

    Raises:
        SteeringError: If the artifact, or a part that is asked for, is not there.
    """
    from steering.artifacts import class_fits, folders, resumable, store

    folder = options.directions or folders.folder_of(options.model)
    manifest = store.manifest(options.model, folder)
    kept = recipe.recipe_of(folder, options.model, manifest)
    wanted = options.only or [part for part in RECIPE_PARTS if part in kept["parts"]]
    if missing := [part for part in wanted if part not in kept["parts"]]:
        raise SteeringError(
            f"{folder} has no {missing[0]} to compare with; it has {', '.join(kept['parts'])}"
        )
    if manifest.get("quick") and _FITTED & set(wanted):
        raise SteeringError(
            f"{folder} was made with --quick, which takes its settings from elsewhere; compare its "
            "evaluation, sweep or transfer with --only"
        )
    # Numbers hang on their format: the artifact's own, unless another is asked for.
    options.dtype = options.dtype or manifest.get("dtype")
    options.directions = folder
    with tempfile.TemporaryDirectory() as temporary:
        out = options.out or Path(temporary)
        out.mkdir(parents=True, exist_ok=True)
        with resumable.afresh():
            made = _remake(options, wanted, out, class_fits.definitions(manifest)[0])
        written = recipe.read_recipe(folder)
        return {
            "model": options.model,
            "folder": str(folder),
            "made": _otherwise(manifest, made) if made else {},
            "altered": _altered(written["parts"], kept["parts"]) if written else [],
            "parts": {
                part: [
                    difference(folder / name, out / name)
                    for name in kept["parts"][part]["files"]
                    if (out / name).is_file()
                ]
                for part in wanted
            },
        }


def _remake(
    options: argparse.Namespace, wanted: list[str], out: Path, classes: str | None
) -> "ProvenanceEntry | None":
    """Make the parts in a folder; return how, where the model was loaded for that.

    Args:
        options: Those of the command.
        wanted: The parts.
        out: The folder.
        classes: The definition that the artifact's edits take by default; None: not known.
    """
    from steering import precompute
    from steering.artifacts.provenance import provenance
    from steering.cli.main import parser
    from steering.data.splits import PromptSplits
    from steering.defaults import ROWS
    from steering.evaluation.evaluation_options import measured_with
    from steering.system import whole_files

    made = None
    if _FITTED & set(wanted):
        model, splits = shared.load(options), PromptSplits.own()
        precompute.fit_all(model, splits, out, sizes=(16, ROWS), classes=classes or "auto")
        made = provenance(model, splits.source)
    for part, (name, *_) in RECIPE_PARTS.items():
        if part in wanted and part not in _FITTED:
            line = [part if part != "evaluation" else "evaluate", "--model", options.model]
            line += ["--directions", str(options.directions), "--out", str(out / name)]
            line += [] if part == "transfer" else _machine(options)
            if part == "evaluation":
                stored = whole_files.read_json(options.directions / name)
                line += measured_with(cast(EvaluationDocument, stored))
            asked = parser().parse_args(line)
            run_part: Callable[[argparse.Namespace], object] = asked.run
            run_part(asked)
    return made


def _machine(options: argparse.Namespace) -> list[str]:
    found = {name: getattr(options, name) for name in ("dtype", "device", "quantization")}
    return [part for name, value in found.items() if value for part in (f"--{name}", value)]


def _otherwise(before: Mapping[str, object], after: Mapping[str, object]) -> dict[str, list[str]]:
    """Return what was otherwise when it was made: by name, then and now."""
    names = ("weights", "dtype", "quantization", "device", "threads", "versions", "prompts")
    return {
        name: [str(before.get(name)), str(after.get(name))]
        for name in names
        if before.get(name) != after.get(name)
    }


def _altered(
    written: Mapping[str, recipe.RecipePart], found: Mapping[str, recipe.RecipePart]
) -> list[str]:
    """Return the files that are not those whose hashes were written down."""
    return [
        name
        for part, entry in written.items()
        for name, digest in entry["files"].items()
        if part not in found or found[part]["files"].get(name) != digest
    ]


def show(document: Reproduced) -> None:
    """Print what differs."""
    for name, (then, now) in document["made"].items():
        print(f"{name}: then {then}, now {now}")
    for name in document["altered"]:
        print(f"{name} is not the file that reproduce.json was written of")
    for part, files in document["parts"].items():
        for each in files:
            print(f"{part}, {each['file']}: {_told(each)}")
            for change in each["changes"]:
                print(f"    {change['path']}: {change['before']} -> {change['after']}")


def _told(each: DifferenceEntry) -> str:
    if each["identical"]:
        return "the same to the last bit"
    words = (
        f"{each['changed']} values differ of {each['numbers']} numbers and the words beside them"
    )
    return (
        f"{words}; the largest change of a number is {each['largest']:.3g}; {len(each['missing'])} "
        f"missing and {len(each['added'])} new values are listed"
        if each["missing"] or each["added"]
        else f"{words}; the largest change of a number is {each['largest']:.3g}"
    )
