"""Which prompts directions are fitted on, chosen by, and tested on."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from steering import prompts
from steering.errors import SteeringError

SEED = 42
"""Of the shuffle of other people's files (Arditi et al.'s seed)."""


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
        """Split other people's files, shuffled with a fixed seed: 60 / 15 / 25 %."""
        parts: dict[str, tuple[list[str], list[str], list[str]]] = {}
        sources = []
        for name, path in (("harmful", harmful), ("harmless", harmless)):
            texts = prompts.read(path)
            order = torch.randperm(len(texts), generator=torch.Generator().manual_seed(SEED))
            shuffled = [texts[index] for index in order.tolist()]
            first, second = int(0.6 * len(texts)), int(0.75 * len(texts))
            parts[name] = shuffled[:first], shuffled[first:second], shuffled[second:]
            if min(map(len, parts[name])) < 5:
                raise SteeringError(
                    f"{path} has {len(texts)} prompts; at least 31 are needed, so that each of "
                    "train, validation and test has 5"
                )
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            sources.append(f"{path.name} sha256:{digest}")
        train, validation, test = (
            {name: split[index] for name, split in parts.items()} for index in range(3)
        )
        return cls(train, validation, test, ", ".join(sources))

    def limited(self, n: int) -> "PromptSplits":
        """Return the same splits with at most `n` test prompts a set, evenly spaced in it."""
        test = {}
        for name, texts in self.test.items():
            size = min(n, len(texts))
            test[name] = [texts[index * len(texts) // size] for index in range(size)]
        return replace(self, test=test)
