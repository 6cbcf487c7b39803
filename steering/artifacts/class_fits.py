"""The fits by the two definitions of the classes, as a manifest and tensors hold them.

The fit that edits take by default has the keys and tensors that it always had, so that an earlier
reader finds it; those of the other one have its definition behind an @: `difference@label`.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from steering.artifacts.manifest_document import ClassesEntry, InlpEntry, Manifest
from steering.interventions.class_definitions import DEFINITIONS, EARLIER
from steering.interventions.outline import ExtractionPoint
from steering.interventions.stability import Stability

if TYPE_CHECKING:
    from torch import Tensor

    from steering.interventions.directions import ClassFit, Directions
    from steering.interventions.inlp import Inlp


def definitions(document: Manifest) -> tuple[str | None, str | None]:
    """Return the definitions behind the difference in means and behind INLP; None: not known.

    Raises:
        KeyError, ValueError: If they are broken.
    """
    found = document.get("classes")
    if found is None:
        return (None, None) if document.get("imported") is not None else EARLIER
    for each in (found["dim"], found["inlp"]):
        _require(each)
    return found["dim"], found["inlp"]


def entry(directions: "Directions") -> ClassesEntry | None:
    """Return what a manifest says of the definitions; None where they are not known."""
    if directions.dim_classes is None or directions.inlp_classes is None:
        return None
    found: ClassesEntry = {"dim": directions.dim_classes, "inlp": directions.inlp_classes}
    if directions.other is not None:
        found["other"] = directions.other.classes
        found["inlp_of_other"] = {
            key(point): inlp_entry(each) for point, each in directions.other.inlp.items()
        }
    return found


def tensors(fit: "ClassFit") -> "dict[str, Tensor]":
    """Return the tensors of the other fit, by their names in the file."""
    found = {"difference": fit.difference, "harmless_mean": fit.harmless_mean}
    found |= inlp_tensors(fit.inlp)
    return {f"{name}@{fit.classes}": tensor.contiguous() for name, tensor in found.items()}


def other(document: Manifest, tensors: "Mapping[str, Tensor]") -> "ClassFit | None":
    """Return the other fit; None where there is none.

    Raises:
        KeyError, TypeError, ValueError: If it is broken.
    """
    from steering.interventions.directions import ClassFit

    found = document.get("classes", {})
    if "other" not in found:
        return None
    classes = found["other"]
    _require(classes)
    own = {
        name.removesuffix(f"@{classes}"): tensor
        for name, tensor in tensors.items()
        if name.endswith(f"@{classes}")
    }
    inlp = read_inlp(found["inlp_of_other"], own)
    return ClassFit(classes, own["difference"], own["harmless_mean"], inlp)


def other_classes(document: Manifest) -> str | None:
    """Return the definition of the other fit; None where there is none."""
    return document.get("classes", {}).get("other")


def inlp_tensors(fits: "Mapping[ExtractionPoint, Inlp]") -> "dict[str, Tensor]":
    """Return bases and class means of INLP's fits, by their names in the file."""
    found: dict[str, Tensor] = {}
    for point, each in fits.items():
        found[f"inlp{key(point)}"] = each.subspace.basis.contiguous()
        if each.means is not None:
            found[f"inlp_means{key(point)}"] = each.means.contiguous()
    return found


def read_inlp(
    entries: Mapping[str, InlpEntry], tensors: "Mapping[str, Tensor]"
) -> "dict[ExtractionPoint, Inlp]":
    """Return INLP's fits from their entries in the manifest and their tensors."""
    from steering.interventions.inlp import Inlp
    from steering.interventions.subspace import Subspace

    found: dict[ExtractionPoint, Inlp] = {}
    for name, facts in entries.items():
        position, layer = point(name)
        found[position, layer] = Inlp(
            Subspace(tensors[f"inlp{name}"], layer, position, "INLP"),
            tuple(facts["dev_accuracies"]),
            facts["stopped"],
            tensors.get(f"inlp_means{name}"),  # earlier versions stored none
            tuple(facts.get("cross_validated", ())),
            stability(facts),
        )
    return found


def inlp_entry(found: "Inlp") -> InlpEntry:
    """Return what a manifest says of INLP at a point."""
    entry: InlpEntry = {"dev_accuracies": list(found.dev_accuracies), "stopped": found.stopped}
    if found.cross_validated:
        entry["cross_validated"] = list(found.cross_validated)
    if found.stability:
        entry["stability"] = {
            "ranks": list(found.stability.ranks),
            "overlaps": list(found.stability.overlaps),
        }
    return entry


def stability(entry: InlpEntry) -> Stability | None:
    """Return how alike INLP's directions come out in other splits; None where it is not stored.

    Raises:
        TypeError, ValueError: If it is broken.
    """
    found = entry.get("stability")
    return Stability(tuple(found["ranks"]), tuple(found["overlaps"])) if found else None


def stabilities(document: Manifest, *, other: bool = False) -> dict[ExtractionPoint, Stability]:
    """Return the same by point where it is stored, of the default fit or of the other one."""
    entries = document["classes"]["inlp_of_other"] if other else document["inlp"]
    found = {point(name): stability(entry) for name, entry in entries.items()}
    return {place: each for place, each in found.items() if each is not None}


def key(point: ExtractionPoint) -> str:
    """Return a point as keys and names of tensors have it, such as `(-1,12)`."""
    return f"({point[0]},{point[1]})"


def point(key: str) -> ExtractionPoint:
    """Return the (position, layer) that such a key names."""
    position, layer = map(int, key.strip("()").split(","))
    return position, layer


def _require(classes: object) -> None:
    if classes not in DEFINITIONS:
        raise ValueError(f"classes is wrong: {classes!r} is not one of {', '.join(DEFINITIONS)}")
