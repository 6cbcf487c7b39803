"""What to cite: a model's results made with this program, and the papers whose methods it has."""

import re
from collections.abc import Mapping
from typing import Any, Final

_SPECIAL: Final = re.compile(r"([&%$#_{}])")
PAPERS: Final = """\
@article{rocchetti2026refusal,
  title  = {Refusal Beyond a Single Direction: A Preliminary Comparison of Diff-in-Means
            and INLP},
  author = {Rocchetti, Elisabetta and Ferrara, Alfio},
  year   = {2026},
  note   = {arXiv:2606.13720}
}
@article{arditi2024refusal,
  title  = {Refusal in Language Models Is Mediated by a Single Direction},
  author = {Arditi, Andy and others},
  year   = {2024},
  note   = {arXiv:2406.11717}
}
@article{ravfogel2020null,
  title  = {Null It Out: Guarding Protected Attributes by Iterative Nullspace Projection},
  author = {Ravfogel, Shauli and others},
  year   = {2020},
  note   = {arXiv:2004.07667}
}
"""
"""BibTeX of the papers."""


def bibtex(model: str, command: str, version: str, made: Mapping[str, Any] | None = None) -> str:
    """Return BibTeX of a model's results and of the papers.

    Args:
        model: Its name.
        command: Makes the results again.
        version: Of this program.
        made: Their provenance, for weights, prompts, number format and versions; None if unknown.
    """
    made = made or {}
    weights, versions = made.get("weights") or {}, made.get("versions") or {}
    facts = {
        "weights sha256": weights.get("sha256"),
        "revision": weights.get("revision"),
        "prompts": made.get("prompts"),
        "number format": made.get("dtype"),
        "quantization": made.get("quantization"),
        **{name: versions.get(name) for name in ("torch", "transformers")},
    }
    said = [f"{name} {value}" for name, value in facts.items() if value]
    note = _plain("; ".join([f"made by: {command}", *said]))
    key = re.sub(r"[^a-z0-9]+", "", model.rpartition("/")[2].lower()) or "model"
    return (
        f"@misc{{refusal-steering-{key},\n"
        f"  title  = {{Refusal steering of {_plain(model)}: directions and measurements}},\n"
        "  author = {{The authors of Refusal Steering Playground}},\n"
        f"  howpublished = {{Refusal Steering Playground {version}}},\n"
        f"  note   = {{{note}}}\n"
        f"}}\n{PAPERS}"
    )


def _plain(text: str) -> str:
    """Return a text of which LaTeX reads no sign as its own; a backslash is left out."""
    return _SPECIAL.sub(r"\\\1", text.replace("\\", "")).replace("~", " ").replace("^", " ")
