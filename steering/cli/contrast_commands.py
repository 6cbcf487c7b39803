"""The command `contrast`: what tells two lists of texts apart, tested, for use with every panel."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from steering import program
from steering.cli import command_options, shared
from steering.data import prompts
from steering.errors import SteeringError
from steering.formatting import p_value, plain, with_interval, with_range
from steering.system.generators import returned


def options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    command_options.machine(command_options.model(parser))
    parser.add_argument(
        "--first",
        type=Path,
        required=True,
        help="texts of the first kind, at least 16 (.txt, .csv, .json or .jsonl); directions point "
        "towards them",
    )
    parser.add_argument("--second", type=Path, required=True, help="texts of the second kind")
    parser.add_argument(
        "--names", default="", help="two names with a comma between (default: those of the files)"
    )
    parser.add_argument(
        "--layers",
        default="",
        help="block inputs, as in 8,12,16, or `all` (default: six between .2 and .8 of the depth)",
    )
    parser.add_argument(
        "--position", type=int, default=-1, help="template position (default -1: the last token)"
    )
    parser.add_argument("--umap", action="store_true", help="draw UMAP as well, which takes longer")
    parser.add_argument(
        "--out", type=Path, help="keep it in this .zip file, which --directions takes"
    )


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Fit a contrast, say what it is worth, and keep it where that is asked for."""
    from steering.contrasts import contrast_bundle
    from steering.contrasts.layer_names import layers_named
    from steering.contrasts.text_lists import text_lists

    if options.out is not None:
        contrast_bundle.require_place(options.out)
    names = _names(options)
    texts = text_lists(prompts.read(options.first), prompts.read(options.second), names)
    every = options.layers == "all"
    asked = None if every else layers_named(options.layers)
    from steering.contrasts.contrast_document import document
    from steering.contrasts.contrast_fit import ContrastSettings, fit_contrast

    model = shared.load(options)
    layers = tuple(range(1, model.n_layers)) if every else asked
    settings = ContrastSettings(layers=layers, position=options.position, umap=options.umap)
    with shared.progress_bar() as report:
        found = returned(fit_contrast(model, texts, settings), report)
    if options.out is not None:
        contrast_bundle.save(found, model, options.out)
    kept = None if options.out is None else str(options.out)
    return {**document(found), "number_format": model.number_format.reason, "file": kept}


def show(document: Mapping[str, Any]) -> None:
    """Print what it comes to, a line a layer, and what is to be known."""
    print(document["verdict"])
    print(f"\n{'layer':>5}  {'difference in means':<28}{'shuffled':<20}{'p, Holm':<11}INLP")
    for found in document["layers"]:
        held, chance, inlp = (
            found[name] for name in ("dim_accuracy", "dim_shuffled", "inlp_accuracy")
        )
        print(
            f"{found['layer']:>5}  {with_interval(held):<28}{with_range(chance):<20}"
            f"{p_value(found['p_holm']):<11}{plain(inlp['estimate'])}, shuffled "
            f"{plain(found['inlp_shuffled']['mean'])}; {len(found['inlp_accuracies'])} kept"
        )
        print(
            f"{'':>5}  random directions {plain(found['dim_random']['mean'])}, random subspaces of "
            f"INLP's rank {plain(found['inlp_random']['mean'])}"
        )
    print(f"\nEdits start at layer {document['layer']}, with {document['rank']} of INLP.")
    for each in document["shortcuts"]:
        print(f"{each['what']} alone: {with_interval(each['accuracy'])} of the held-out texts")
    for note in document["warnings"]:
        print(f"Note: {note}")
    seconds = document["seconds"]
    parts = ", ".join(f"{name} {plain(value, 1)} s" for name, value in seconds.items())
    print(f"{plain(sum(seconds.values()), 1)} s: {parts}")
    if document["file"] is not None:
        print(
            f"Kept; play with it: {program.name()} generate --model {document['model']} "
            f'--directions "{document["file"]}" --prompt "..."'
        )


def _names(options: argparse.Namespace) -> tuple[str, str]:
    if not options.names:
        return options.first.stem, options.second.stem
    names = options.names.split(",")
    if len(names) != 2:
        raise SteeringError(
            f"--names {options.names!r} has {len(names)} names; give two with a comma between, as "
            "in --names polite,rude"
        )
    return names[0], names[1]
