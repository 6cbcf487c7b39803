"""The transfer table in words and as Markdown, from the document that `transfer` makes."""

from typing import Final

from steering.artifacts.transfer_document import TransferDocument, TransferPair
from steering.intervals import IntervalEntry
from steering.verdicts.judgement import told_of_version

TRANSFER_COLUMNS: Final = (
    "fitted in",
    "run in",
    "DiM cosine",
    "INLP span cosine",
    "rms dt",
    "drift / spread",
    "map",
    "refused: ablation",
    "difference",
    "refused: flip",
    "difference",
)


def rows(document: TransferDocument) -> list[tuple[str, ...]]:
    """Return the cells of every pair of formats, as text, in the order of `TRANSFER_COLUMNS`.

    A difference is to the directions that were fitted in the run format itself, over the same
    prompts.
    """
    return [
        (
            pair["fit"],
            pair["run"],
            f"{pair['dim_cosine']:.3f}",
            f"{pair['inlp_cosine']:.3f}",
            f"{pair['t_rms']:.3f}",
            f"{pair['spread_share']:.3f}",
            pair["verdict"],
            *_refused(pair, "ablation"),
            *_refused(pair, "flip"),
        )
        for pair in document["pairs"]
    ]


def _refused(pair: TransferPair, panel: str) -> tuple[str, str]:
    found = pair["refused"][panel]
    if pair["fit"] == pair["run"]:
        return _rate(found), "-"
    change = found["difference"]
    return _rate(found), (
        f"{change['estimate']:+.2f} [{change['low']:+.2f}, {change['high']:+.2f}]"
    )


def _rate(found: IntervalEntry) -> str:
    return f"{found['estimate']:.2f} [{found['low']:.2f}, {found['high']:.2f}]"


def baselines(document: TransferDocument) -> str:
    """Return how much the unedited model refuses in every format, in one sentence."""
    said = ", ".join(f"{each['run']} {_rate(each['refused'])}" for each in document["baseline"])
    whose = told_of_version(document.get("judge_version", 1))
    own = f"Unedited, the model refuses of the same {document['n']} prompts: {said}."
    return f"{own} {whose}".rstrip()


def markdown(document: TransferDocument) -> str:
    """Return the table with a sentence on the unedited model."""
    lines = [" | ".join(TRANSFER_COLUMNS), " | ".join("---" for _ in TRANSFER_COLUMNS)]
    lines += [" | ".join(row) for row in rows(document)]
    return "\n".join([*(f"| {line} |" for line in lines), "", baselines(document)])
