"""Which prompts directions are fitted on, chosen by, and tested on."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from steering.data import prompts
from steering.errors import SteeringError

SEED = 42
"""Of the shuffle of other people's files (Arditi et al.'s seed)."""
_T = TypeVar("_T")


@dataclass(frozen=True)
class PromptSplits:
    """The prompts a run works with.

    Attributes:
        train: By class, for fitting.
        validation: By class, for choosing.
        test: By set, for the evaluation.
        source: Where they come from, with a SHA-256.
    """

    train: Mapping[str, Sequence[str]]
    validation: Mapping[str, Sequence[str]]
    test: Mapping[str, Sequence[str]]
    source: str

    @classmethod
    def own(cls) -> "PromptSplits":
        """Return the project's prompt sets."""
        classes: tuple[prompts.Label, ...] = ("harmful", "harmless")
        test: tuple[prompts.Label, ...] = (*classes, "borderline")
        return cls(
            {name: [p.text for p in prompts.prompt_set(name, "train")] for name in classes},
            {name: [p.text for p in prompts.prompt_set(name, "validation")] for name in classes},
            {name: [p.text for p in prompts.prompt_set(name, "test")] for name in test},
            f"steering/prompts.jsonl sha256:{prompts.sha256()}",
        )

    @classmethod
    def of_files(cls, harmful: Path, harmless: Path) -> "PromptSplits":
        """Split other people's files, shuffled with a fixed seed: 60 / 15 / 25 %.

        Of equal prompts the first counts: the others would be measured on what they were fitted on.

        Raises:
            SteeringError: If a file cannot be read or has too few different prompts, or a prompt
                stands in both.
        """
        parts: dict[str, tuple[list[str], list[str], list[str]]] = {}
        sources = []
        read = {path: prompts.read(path) for path in (harmful, harmless)}
        _require_disjoint(harmful, harmless, read)
        for name, path in (("harmful", harmful), ("harmless", harmless)):
            texts = different(read[path])
            import torch  # slow to import, and what the page needs of this module does without

            order = torch.randperm(len(texts), generator=torch.Generator().manual_seed(SEED))
            shuffled = [texts[index] for index in order.tolist()]
            first, second = int(0.6 * len(texts)), int(0.75 * len(texts))
            parts[name] = shuffled[:first], shuffled[first:second], shuffled[second:]
            if min(map(len, parts[name])) < 5:
                raise SteeringError(
                    f"{path} has {len(texts)} {'different ' * (len(texts) < len(read[path]))}"
                    "prompts; at least 31 are needed, so that each of train, validation and test "
                    "has 5"
                )
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            repeated = len(read[path]) - len(texts)
            left_out = f" (without {repeated} repeated)" if repeated else ""
            sources.append(f"{path.name} sha256:{digest}{left_out}")
        train, validation, test = (
            {name: split[index] for name, split in parts.items()} for index in range(3)
        )
        return cls(train, validation, test, ", ".join(sources))

    def limited(self, n: int, *, fitting: bool = False) -> "PromptSplits":
        """Return the same splits with at most `n` test prompts a set, evenly spaced in it.

        Args:
            n: How many.
            fitting: Limit what is fitted on and chosen by, too.
        """

        def few(sets: Mapping[str, Sequence[str]]) -> Mapping[str, Sequence[str]]:
            return {name: evenly(texts, n) for name, texts in sets.items()}

        tested = replace(self, test=few(self.test))
        if not fitting:
            return tested
        return replace(tested, train=few(self.train), validation=few(self.validation))


def evenly(items: Sequence[_T], n: int | None) -> list[_T]:
    """Return `n` of the items at most, evenly spaced in all of them; None for all."""
    size = len(items) if n is None else min(n, len(items))
    return [items[index * len(items) // size] for index in range(size)]


def same(text: str) -> str:
    """Return what two texts share that differ in spacing and case only."""
    return " ".join(text.split()).casefold()


def different(texts: Sequence[str]) -> list[str]:
    """Return the texts without those that repeat an earlier one, in order."""
    first: dict[str, str] = {}
    for text in texts:
        first.setdefault(same(text), text)
    return list(first.values())


def _require_disjoint(harmful: Path, harmless: Path, read: Mapping[Path, Sequence[str]]) -> None:
    """Refuse files that share prompts: what is in both classes does not tell them apart."""
    known = set(map(same, read[harmless]))
    if shared := [text for text in read[harmful] if same(text) in known]:
        raise SteeringError(
            f"{len(shared)} prompts of {harmful} are in {harmless}, too, for example "
            f"{shared[0][:60]!r}; a prompt is harmful or harmless, so take each out of one file"
        )
