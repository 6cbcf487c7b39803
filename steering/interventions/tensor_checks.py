"""What the files of an artifact must hold, checked when read, so that no formula fails later.

Files are copied, cut, edited by hand and made by other versions. Each check raises ValueError with
the name of the tensor or key; who reads the file adds its path and what to do.
"""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from torch import Tensor

_NUMBERS: Final = (int, float)


def require_manifest(document: Mapping[str, Any]) -> None:
    """Check the keys that a reader needs, and their types.

    Raises:
        ValueError: Names the key.
        KeyError: If one is missing.
    """
    _require(isinstance(document["model"], str), "model", "a text")
    # Directions from elsewhere may have no INLP, and then no point of it.
    for key in ("dim_place", "inlp_place") if document["inlp"] else ("dim_place",):
        _require(_whole(document[key]) and len(document[key]) == 2, key, "[position, layer]")
    positions = document["positions"]
    _require(
        _whole(positions) and len(set(positions)) == len(positions),
        "positions",
        "a list of different whole numbers",
    )
    _require(isinstance(document["inlp"], Mapping), "inlp", "an object of points")
    for key in document["inlp"]:
        point = key.strip("()").split(",")
        _require(
            len(point) == 2 and all(_is_whole(part) for part in point),
            f"inlp {key!r}",
            "(position,layer)",
        )
    _require(type(document["default_k"]) is int, "default_k", "a whole number")
    c = document["default_c"]
    _require(type(c) in _NUMBERS and math.isfinite(c), "default_c", "a number")


def require_directions(
    document: Mapping[str, Any], tensors: "Mapping[str, Tensor]", *, complete: bool = True
) -> None:
    """Check the tensors of directions.safetensors against each other and the manifest.

    Args:
        document: The manifest.
        tensors: What directions.safetensors holds.
        complete: Whether class means must be there; directions from elsewhere may lack them.

    Raises:
        ValueError: Names the tensor, or the key that no tensor is there for.
        KeyError: If a tensor is missing.
    """
    difference, positions = tensors["difference"], document["positions"]
    for name in ("difference", "harmless_mean"):
        if name not in tensors and not complete:
            continue
        require_tensor(name, tensors[name], shape=(len(positions), None, None))
        _require(
            tensors[name].shape == difference.shape, name, f"of shape {list(difference.shape)}"
        )
    n_layers = difference.shape[1]
    _require_bases(document["inlp"], "", document, tensors)
    if other := (document.get("classes") or {}).get("other"):
        for name in (f"difference@{other}", f"harmless_mean@{other}"):
            require_tensor(name, tensors[name], shape=tuple(difference.shape))
        entries = document["classes"]["inlp_of_other"]
        _require(set(entries) == set(document["inlp"]), "inlp_of_other", "at the points of inlp")
        _require_bases(entries, f"@{other}", document, tensors)
    for key in ("dim_place", "inlp_place") if document["inlp"] else ("dim_place",):
        position, layer = document[key]
        _require(position in positions and 0 <= layer < n_layers, key, "a point that exists")
    if not document["inlp"]:
        return
    chosen = f"inlp({document['inlp_place'][0]},{document['inlp_place'][1]})"
    rank = len(tensors[chosen])
    _require(1 <= document["default_k"] <= rank, "default_k", f"from 1 to {rank}")


def _require_bases(
    entries: Mapping[str, Any],
    end: str,
    document: Mapping[str, Any],
    tensors: "Mapping[str, Tensor]",
) -> None:
    """Check INLP's bases and class means, whose tensors' names have this end."""
    from steering.interventions.subspace import Subspace

    n_layers, d_model = tensors["difference"].shape[1:]
    for key in entries:
        name = f"inlp{key}{end}"
        require_tensor(name, tensors[name], shape=(None, d_model))
        if (means := f"inlp_means{key}{end}") in tensors:
            require_tensor(means, tensors[means], shape=(2, d_model))
        position, layer = map(int, key.strip("()").split(","))
        exists = position in document["positions"] and 0 <= layer < n_layers
        _require(exists, name, "at a point that exists")
        try:
            Subspace(tensors[name], layer, position, name)
        except ValueError as error:
            raise ValueError(f"{name} is wrong: {error}") from error


def require_maps(document: Mapping[str, Any], tensors: "Mapping[str, Tensor]") -> None:
    """Check the tensors of maps.safetensors: one entry a layer, one point a prompt.

    Raises:
        ValueError: Names the tensor or key.
        KeyError: If one is missing.
    """
    for key in ("model", "dtype", "quantization"):
        _require(isinstance(document[key], str), key, "a text")
    layers, texts, labels = (document[key] for key in ("layers", "texts", "labels"))
    _require(_whole(layers) and sorted(set(layers)) == layers, "layers", "ascending whole numbers")
    for name, values in (("texts", texts), ("labels", labels)):
        _require(_all(values, str), name, "a list of texts")
    _require(len(texts) == len(labels), "labels", f"as many as texts, {len(texts)}")
    _require(type(document["position"]) is int, "position", "a whole number")
    n, d_model, rank = len(layers), tensors["means"].shape[-1], tensors["coordinates"].shape[-1]
    shapes: dict[str, tuple[int | None, ...]] = {
        "means": (n, 2, d_model),
        "rest": (n, d_model),
        "coordinates": (n, len(texts), rank),
        "harm_axis": (n, len(texts), 2),
        "embedding": (n, len(texts) if tensors["embedding"].numel() else 0, 2),
        "clusters.center": (n, d_model),
        "clusters.components": (n, rank, d_model),
        "clusters.explained": (n, rank),
        "clusters.centroids": (n, 2, rank),
        "clusters.whitening": (n, rank, rank),
        "clusters.residual": (n, 2),
        "clusters.limits": (n, 2),
    }
    for name, shape in shapes.items():
        require_tensor(name, tensors[name], shape=shape)


def require_tensor(name: str, tensor: "Tensor", *, shape: Sequence[int | None]) -> None:
    """Check number format, shape and values; None in `shape` is any size from 1 on.

    Raises:
        ValueError: Names the tensor.
    """
    if str(tensor.dtype) != "torch.float32":
        raise ValueError(f"{name} is {tensor.dtype}, expected float32")
    fits = len(tensor.shape) == len(shape) and all(
        size == wanted if wanted is not None else size > 0
        for size, wanted in zip(tensor.shape, shape, strict=True)
    )
    wanted = ", ".join("any" if size is None else str(size) for size in shape)
    _require(fits, name, f"of shape [{wanted}], not {list(tensor.shape)}")
    _require(bool(tensor.isfinite().all()), name, "finite: it holds NaN or infinity")


def require_table(document: object) -> dict[str, Any]:
    """Return an evaluation whose panels are objects with names.

    Raises:
        ValueError: Says what is not.
    """
    if not isinstance(document, dict):
        raise ValueError("it must be an object")  # noqa: TRY004 - of a file, not of an argument
    panels = document.get("panels", [])
    named = _all(panels, dict) and all(isinstance(each.get("panel"), str) for each in panels)
    _require(named, "panels", "a list of objects, each with the panel's text form")
    return document


def require_recordings(lines: Sequence[object]) -> None:
    """Check that every line is a recorded request with its answers.

    Raises:
        ValueError: Names the line.
    """
    for number, line in enumerate(lines, start=1):
        fine = isinstance(line, dict) and isinstance(line.get("prompt"), str)
        answers = line.get("answers", []) if isinstance(line, dict) else None
        fine = fine and _all(answers, dict) and all("panel" in each for each in answers or ())
        _require(fine, f"line {number}", "an object with a prompt and a list of answers")


def _require(fine: bool, name: str, wanted: str) -> None:
    if not fine:
        raise ValueError(f"{name} is wrong: it must be {wanted}")


def _all(values: object, kind: type) -> bool:
    return isinstance(values, list) and all(isinstance(value, kind) for value in values)


def _whole(values: object) -> bool:
    return isinstance(values, list) and bool(values) and all(type(value) is int for value in values)


def _is_whole(text: str) -> bool:
    return text.strip().lstrip("-").isdecimal()
