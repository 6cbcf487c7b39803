"""What the section *Where it is decided* says, as functions from plain data to HTML."""

from collections.abc import Mapping
from typing import Final

from markupsafe import Markup

from steering.artifacts.patching_document import PatchingDocument, RestoredGrid
from steering.formatting import between, plain, visible
from steering.serving.own_patching import PatchedRequests
from steering.ui.anatomy.patch_grids import ShownGrid, column_names, grids
from steering.ui.templates import static, template

PATCH_HEAD: Final = static(
    "<h3>Where it is decided</h3><p>Two requests that differ in harm, not in form. While the model "
    "reads the harmless one, its state at one layer and one token is replaced by the state that it "
    "has for the harmful one. How much of the refusal comes back? The whole state is put in, or "
    "only the part inside U, a few directions, or only the part outside.</p>"
)
"""What the section is about."""
_BOARD = template('<p class="said">{{ sentence }}</p>{{ grids }}<p class="soft">{{ careful }}</p>')
_FOUND = template('<p class="said">{{ sentence }}</p>{{ grids }}')
_BASES: Final[Mapping[str, str]] = {
    "inlp": "U is what INLP found at the token and layer, or at the nearest where it was fitted.",
    "dim": "U is the difference in means at the token and layer, or at the nearest where it was "
    "fitted: INLP was not, of this model.",
}
CAREFUL = (
    "A patch inside a few directions can work by a path that the model does not use itself "
    "(Makelov et al. 2023): it is to be believed only beside the whole state, and not where it "
    "does more than that."
)
"""What has to be known to read the part inside."""


def board(document: PatchingDocument) -> Markup:
    """Return what was measured over the pairs of the prompt set."""
    shown = [
        ShownGrid(part, towards, grid["mean"], grid["low"], grid["high"])
        for towards, parts in document["restored"].items()
        for part, grid in parts.items()
    ]
    names = column_names(document["columns"], document["tokens"])
    note = (
        f"Mean over {document['n']} pairs of the test set, the first of the "
        f"{document['sorted_rightly']} that the model tells apart among {document['looked_at']} "
        "read; intervals (95 %) are told where one points. "
        f"Layer {document['point'][1]}, in bold, is where the cards edit along INLP's "
        "directions. The template's tokens match exactly, those of the request by their place "
        f"from the end. {_BASES[document['basis']]}"
    )
    over, cells = document["over_whole"]["refusal"]
    careful = f"{CAREFUL} Here it does so in {over} of {cells} cells, by a paired interval."
    return _BOARD(
        sentence=sentence(document),
        grids=grids(
            "stored", shown, document["layers"], names, marked=document["point"][1], note=note
        ),
        careful=careful,
    )


def sentence(document: PatchingDocument) -> str:
    """Return what the grids say at the layer where INLP edits, and at the last token, in words."""
    layer = document["point"][1]
    row = _row(document["layers"], layer)
    restored = document["restored"]["refusal"]
    at_last = len(document["columns"]) - 2
    late = _first_carrying(document["layers"], restored["whole"], at_last)
    words = (
        f"At layer {document['layers'][row]}, with all {at_last + 1} last tokens at once, the "
        f"whole state brings back {_share(restored['whole'], row)} of the refusal, the part inside "
        f"U {_share(restored['inside'], row)}, the part outside "
        f"{_share(restored['outside'], row)}. Random directions bring back "
        f"{_share(restored['random'], row)}, another harmless request "
        f"{_share(restored['other'], row)}."
    )
    if late is not None:
        words += (
            f" From layer {late} on, more than half of it can be put in at the last token alone: "
            f"{_share(restored['whole'], _row(document['layers'], late), at_last)} by the whole "
            f"state, {_share(restored['inside'], _row(document['layers'], late), at_last)} inside "
            "U."
        )
    return words


def _row(layers: list[int], layer: int) -> int:
    return min(range(len(layers)), key=lambda row: abs(layers[row] - layer))


def _first_carrying(layers: list[int], grid: RestoredGrid, column: int) -> int | None:
    """Return the first layer from which on a column has more than half at every one."""
    first = None
    for layer, row in zip(layers, grid["mean"], strict=True):
        if row[column] <= 0.5:
            first = None
        elif first is None:
            first = layer
    return first


def _share(grid: RestoredGrid, row: int, column: int = -1) -> str:
    ends = between(grid["low"][row][column], grid["high"][row][column])
    return f"{plain(grid['mean'][row][column])} {ends}"


def found(patched: PatchedRequests) -> Markup:
    """Return what patching found between a visitor's two requests."""
    names = []
    for column, (donor, receiver) in zip(patched.columns, patched.tokens, strict=True):
        if len(column) > 1:
            names.append(("all", f"all {len(column)} tokens at once"))
        else:
            both = visible(donor)
            both += "" if donor == receiver else f" in place of {visible(receiver)}"
            names.append((f"{column[0]}".replace("-", "−"), both))
    towards = "refusal" if patched.donor > patched.receiver else "answer"
    shown = [ShownGrid(part, towards, values) for part, values in patched.restored.items()]
    best = max(patched.restored["whole"][-1][:-1])
    words = (
        f"Refusal scores: {plain(patched.donor)} of the first request, {plain(patched.receiver)} "
        f"of the second, in nats. At layer {patched.layers[-1]} the best single token brings back "
        f"{plain(best)} of the difference."
    )
    note = f"One pair, so without intervals. {_BASES[patched.basis]}"
    return _FOUND(sentence=words, grids=grids("own", shown, patched.layers, names, note=note))
