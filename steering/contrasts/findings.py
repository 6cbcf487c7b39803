"""What was found of a contrast, layer by layer, and what it comes to: it separates, or is nothing.

The rule: at each layer that was chosen, the difference in means is fitted on four fifths of the
texts and tells the others apart, five times, so that every text is held out once. The same is done
with shuffled labels. The contrast separates where p is at most .05 after Holm's correction for the
layers. INLP, its own shuffles and random directions stand beside that and decide nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from steering.contrasts.held_out import Chance, HeldOut
from steering.evaluation.crossed_interval import holm
from steering.formatting import between, p_value, plain
from steering.intervals import Interval

LEVEL: Final = 0.05
"""p up to which a layer counts; the convention of the field."""
RULE: Final = (
    "a contrast separates where, at one of its layers at least, the difference in means tells "
    f"held-out texts apart better than with shuffled labels: p at most {LEVEL:g} by permutation, "
    "after Holm's correction for the layers"
)


@dataclass(frozen=True)
class LayerFinding:
    """How well both methods tell the lists apart at one layer, and how well chance does.

    Attributes:
        layer: Block whose input was read.
        n: Held-out texts of both lists, each of which counts once.
        norm: Length of the difference in means, in the units of the residual stream.
        dim: Of the difference in means, with its test.
        p_holm: Its p after correction for the layers that were tested together.
        dim_random: Of random directions in its place.
        inlp: Accuracy of INLP's first classifier, with Wilson's 95 % interval.
        inlp_accuracies: Cross-validated accuracy of every direction that was kept, in order.
        inlp_stopped: Why INLP ended.
        inlp_shuffled: What `inlp` is on shuffled labels.
        inlp_random: Accuracy within random subspaces of INLP's rank, by the nearer class mean.
    """

    layer: int
    n: int
    norm: float
    dim: HeldOut
    p_holm: float
    dim_random: Chance
    inlp: Interval
    inlp_accuracies: tuple[float, ...]
    inlp_stopped: str
    inlp_shuffled: Chance
    inlp_random: Chance

    @property
    def separates(self) -> bool:
        """Whether held-out texts are told apart here better than with shuffled labels."""
        return self.p_holm <= LEVEL

    @property
    def rank(self) -> int:
        """How many directions INLP kept."""
        return len(self.inlp_accuracies)


@dataclass(frozen=True)
class Shortcut:
    """How well something trivial tells the lists apart.

    Attributes:
        what: What alone is looked at, as shown to the reader.
        accuracy: On held-out texts, with Wilson's 95 % interval.
    """

    what: str
    accuracy: Interval

    @property
    def works(self) -> bool:
        """Whether it is beyond chance."""
        return self.accuracy.low > 0.5


def corrected(findings: Sequence[LayerFinding]) -> tuple[LayerFinding, ...]:
    """Return the findings of layers that were tested together, with Holm's correction."""
    p_values = holm([each.dim.p_value for each in findings])
    return tuple(replace(each, p_holm=p) for each, p in zip(findings, p_values, strict=True))


def leading(findings: Sequence[LayerFinding], n_layers: int) -> LayerFinding:
    """Return the layer that edits start at.

    Of the layers whose accuracy is within the interval of the best, that nearest to half the depth:
    edits early and late in a model do less, and one text of 32 shall not decide (chosen). Layers
    below .8 of the depth come first (Arditi et al. 2024, arXiv:2406.11717, sec. 2.3).

    Args:
        findings: Of each layer that was chosen.
        n_layers: Decoder blocks of the model.
    """
    early = [each for each in findings if each.layer < 0.8 * n_layers] or list(findings)
    best = max((each.dim.accuracy for each in early), key=lambda each: each.estimate)
    alike = [each for each in early if each.dim.accuracy.estimate >= best.low]
    return min(alike, key=lambda each: (abs(each.layer - n_layers / 2), each.layer))


def verdict(findings: Sequence[LayerFinding], names: tuple[str, str], layer: int) -> str:
    """Return what the contrast comes to, in one sentence with its numbers.

    Args:
        findings: Of each layer that was chosen.
        names: Of the lists.
        layer: Where edits start, whose numbers are told if no other layer does better.
    """
    best = max(
        findings,
        key=lambda each: (-each.p_holm, each.dim.accuracy.estimate, each.layer == layer),
    )
    many = len(findings)
    found = [each.layer for each in findings if each.separates]
    accuracy = best.dim.accuracy
    numbers = (
        f"{plain(accuracy.estimate)} {between(accuracy.low, accuracy.high)} of {best.n} held-out "
        f"texts on their own side at layer {best.layer}, with shuffled labels "
        f"{plain(best.dim.shuffled.mean)} ({plain(best.dim.shuffled.low)} to "
        f"{plain(best.dim.shuffled.high)}), {p_value(best.p_holm)} after Holm over {many} "
        f"layer{'s' * (many > 1)}"
    )
    if not found:
        return (
            f"The contrast is nothing: no layer tells {names[0]} from {names[1]} better than "
            f"shuffled labels do ({numbers})."
        )
    return f"{names[0]} and {names[1]} separate at {len(found)} of {many} layers: {numbers}."


def warnings(
    shortcuts: Sequence[Shortcut], findings: Sequence[LayerFinding], names: tuple[str, str]
) -> tuple[str, ...]:
    """Return what a reader has to know before a direction is called that of the concept."""
    if not any(each.separates for each in findings):
        return ("What the panels do with these directions is what chance directions do.",)
    return tuple(
        f"{each.what} alone tells {names[0]} from {names[1]} in {plain(each.accuracy.estimate)} "
        f"{between(each.accuracy.low, each.accuracy.high)} of the held-out texts: the directions "
        "may be of that and not of the concept; make the lists alike in it."
        for each in shortcuts
        if each.works
    )
