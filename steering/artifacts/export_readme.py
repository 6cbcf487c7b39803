"""What stands beside exported directions: conventions, how to use them, provenance, citation."""

from collections.abc import Mapping, Sequence
from textwrap import indent
from typing import Any

from steering.artifacts.citation import PAPERS
from steering.artifacts.manifest_document import Manifest
from steering.interventions.directions import Directions

_README = """# Refusal directions of {model}

Made with the Refusal Steering Playground: difference in means (Arditi et al. 2024) and iterative
nullspace projection, INLP (Ravfogel et al. 2020), as compared by Rocchetti & Ferrara (2026).

## Conventions

{conventions}

## Files

{files}

{held}

## Use elsewhere

steering-vectors:

    from safetensors.torch import load_file
    from steering_vectors import SteeringVector
    layers = load_file("other-libraries/steering-vectors.safetensors")
    vector = SteeringVector({{int(block): v for block, v in layers.items()}}, "decoder_block")
    with vector.apply(model, multiplier=-1.0):  # {effect}
        ...

repeng, where only this block may be controlled:

    vector = ControlVector.import_gguf("other-libraries/control-vector.gguf")
    ControlModel(model, [{block}]).set_control(vector, -1.0)

llama.cpp: `--control-vector-scaled` with other-libraries/control-vector.gguf and the scale -1.
Weights of another quantization have other activations: there the effect may differ.

Directions that were found at the input of block 0 or 1 cannot be written in every form; a file that
is not in the list above is missing for that reason.

## Provenance

{provenance}

`manifest.json` has all choices and scores, `SHA256SUMS` the hash of every file.

## Citation

{papers}"""

_COMPLETE = """\
`directions.safetensors` holds `difference` and `harmless_mean` of shape [position, layer, d_model]
for the template positions {positions}, and `inlp(p,l)` of shape [rank, d_model]:
orthonormal rows in the order in which INLP found them, with `inlp_means(p,l)` of shape [2, d_model]
beside: the means of the harmful and of the harmless prompts that they were fitted on. With the
first k rows as U, nullspace projection is h - (h U^T) U and counterfactual flipping
h - 2 (h U^T) U. The point chosen for them is ({inlp_position},{inlp_layer}), at the input of block
{inlp_layer}. `classes` in the manifest says what they were fitted to tell apart; tensors whose
names end in @label or @behaviour are the same by the other definition."""
_DIFFERENCE_ONLY = """\
`directions.safetensors` holds `difference` of shape [position, layer, d_model] for the template
positions {positions}. These directions were imported: there are no INLP directions and no class
means. Where `manifest.json` lists `places`, the difference is known there only, else zero."""


def convention(directions: Directions) -> dict[str, str]:
    """Return what a user of the exported vector has to know, one sentence a subject."""
    position, layer = directions.dim_point
    norm = float(directions.raw(directions.dim_point).norm())
    return {
        "model": f"{directions.model}, {directions.n_layers} blocks, d_model {directions.d_model}",
        "sign": directions.imported
        or "mean over harmful minus mean over harmless prompts: adding it induces refusal, "
        "subtracting it suppresses refusal",
        "norm": f"raw, {norm:.6g}"
        + ("" if directions.imported else ": a coefficient of 1 moves one mean onto the other"),
        "layer": f"found at the input of block {layer}, which is the output of block {layer - 1}; "
        f"for libraries that add to a block's output its number is {layer - 1}",
        "position": f"found at template position {position}, -1 being the last token of the chat "
        "template; added at every position, prompt and answer",
    }


def readme(directions: Directions, manifest: Manifest, files: Sequence[str]) -> str:
    """Return the README of a research bundle, without date or machine."""
    said: Mapping[str, object] = manifest
    return _README.format(
        model=directions.model,
        papers=indent(PAPERS, "    "),
        conventions=_listed(convention(directions)),
        files="\n".join(f"- `{name}`" for name in files),
        held=(_COMPLETE if directions.inlp else _DIFFERENCE_ONLY).format(
            positions=", ".join(map(str, directions.positions)),
            inlp_position=directions.inlp_point[0],
            inlp_layer=directions.inlp_layer,
        ),
        block=directions.dim_point[1] - 1,
        effect="what it does follows from the sign, see above"
        if directions.imported
        else f"-1 suppresses refusal, +{directions.default_c:g} induces it",
        provenance=_listed(
            {
                key: said[key]
                for key in (
                    *("schema", "weights", "dtype", "quantization", "device", "suffix", "openers"),
                    *("prompts", "seed", "train", "validation_kept", "dim_choice", "inlp_choice"),
                    *("versions", "directions_sha256", "imported_from"),
                )
                if key in said
            }
        ),
    )


def _listed(facts: Mapping[str, object]) -> str:
    return "\n".join(f"- {key}: {_text(value)}" for key, value in facts.items())


def _text(value: Any) -> str:  # noqa: ANN401
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_text(one)}" for key, one in value.items() if one is not None)
    if isinstance(value, list):
        return " ".join(map(repr, value))
    return str(value)
