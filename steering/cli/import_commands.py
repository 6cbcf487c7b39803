"""The command `import`: directions that another program found, for use here."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from steering import program


def options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command, all but `--model`."""
    parser.add_argument(
        "path",
        type=Path,
        help="folder of github.com/andyrdt/refusal_direction, control vector (.gguf), vectors by "
        "layer (.safetensors, .pt), or what `export` wrote",
    )
    parser.add_argument("--out", type=Path, help="folder (default: one in the cache)")
    parser.add_argument(
        "--layer", type=int, help="block input where the direction is taken (default: the file's)"
    )
    parser.add_argument(
        "--scale", type=float, default=1.0, help="multiply the vectors (default 1: as they are)"
    )
    parser.add_argument("--flip-sign", action="store_true", help="turn the vectors around")
    parser.add_argument(
        "--numbers",
        choices=("outputs", "inputs"),
        default="outputs",
        help="whether layers in .safetensors and .pt number blocks' outputs (default, as "
        "steering-vectors and repeng do) or inputs",
    )


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Read, check and store directions of another program."""
    # Read here, since `--help` needs no torch.
    from steering.foreign.foreign_directions import Wishes, as_document, import_directions

    scale = -options.scale if options.flip_sign else options.scale
    wishes = Wishes(layer=options.layer, scale=scale, numbers=options.numbers)
    return as_document(import_directions(options.path, options.model, options.out, wishes=wishes))


def show(document: Mapping[str, Any]) -> None:
    """Print what was found, what is known of its sign, and how to use it."""
    position = document["position"]
    at = "no template position" if position is None else f"template position {position}"
    layers = document["layers"]
    known = layers if isinstance(layers, str) else ", ".join(map(str, layers))
    print(f"{document['format']}: {', '.join(document['files'])}")
    print(f"taken at the input of block {document['layer']}, {at} ({document['rule']})")
    print(f"known at layers: {known}; length {document['norm']:.4g}")
    print(f"sign: {document['sign']}")
    if (cosine := document["cosine"]) is not None:
        turned = "; it points the other way: --flip-sign turns it" if cosine < 0 else ""
        print(
            f"cosine with the difference in means that the model has there: {cosine:+.3f}{turned}"
        )
    if not document["inlp_rank"]:
        print(
            "no INLP subspace: nullspace and flip need basis=dim, or their own from "
            f"`{program.name()} precompute --quick --model {document['model']}`"
        )
    for note in document["notes"]:
        print(f"note: {note}")
    print(f"written: {document['folder']}")
    print(f"use it with {document['use']}")
