"""The four claims of the paper, and what measured numbers say of each.

The claims are those of Rocchetti & Ferrara 2026 (arXiv:2606.13720, "Refusal Beyond a Single
Direction"). Each is a list of conditions on means over prompts that all have to hold; a condition
that a control fulfils as well is not the method's doing.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from steering.intervals import Interval, mean_interval

MARGIN: Final = 0.1
"""What counts as about as much (chosen): a tenth of the prompts, a tenth of the way between the
class means, or 0.1 nats a token, that is, a perplexity 1.105 times as high."""

MOST: Final = 0.5
"""What counts as most (the word's meaning): more than half."""

ClaimVerdict = Literal["supported", "not supported", "undecided"]
Measure = Literal[
    "refused_harmful", "refused_harmless", "looping", "loss", "t_harmful", "t_harmless"
]
"""Per prompt: 1 if refused or looping, else 0; `loss` in nats a token, of the baseline's answers to
harmless prompts under the edit; `t` the landing coordinate, 0 harmful, 1 harmless."""
Outcomes = Mapping[str, Mapping[str, Sequence[float | None]]]
"""By role, then measure: a value a prompt, the same prompts in the same order for all roles; None
where a prompt has none. The roles are those that CLAIMS names: `flip` has the starting rank,
`flip_all` every INLP direction, `random` is `averaged()` over seeds of the starting rank."""


@dataclass(frozen=True)
class Condition:
    """A weighted sum of panels' means lies above one number, or below another, or between both.

    Attributes:
        statement: The condition in words.
        measure: What is summed, prompt by prompt.
        weights: Weight of each role.
        above: The sum is above this.
        below: The sum is below this.
        slack: A sum that is surely less than this inside of the bounds counts as outside.
        control: Whether the sum is the distance from a control.
    """

    statement: str
    measure: Measure
    weights: Mapping[str, float]
    above: float = -math.inf
    below: float = math.inf
    slack: float = 0.0
    control: bool = False


@dataclass(frozen=True)
class ClaimPart:
    """What the numbers say of one condition.

    Attributes:
        statement: The condition in words.
        verdict: Supported if the whole interval is within the bounds; not supported if none of it
            is (but for the slack), or if a control is not wholly left behind; else undecided.
        interval: Of the condition's sum; None if something was not measured.
        n: Prompts behind it.
    """

    statement: str
    verdict: ClaimVerdict
    interval: Interval | None
    n: int


@dataclass(frozen=True)
class Finding:
    """What the numbers say of one claim.

    Attributes:
        claim: What the paper says.
        parts: What they say of each of its conditions.
    """

    claim: str
    parts: tuple[ClaimPart, ...]

    @property
    def verdict(self) -> ClaimVerdict:
        """Supported if all parts are; not supported if any is not; else undecided.

        Each part is tested at 95 %, and so is their conjunction (Berger 1982).
        """
        verdicts = {part.verdict for part in self.parts}
        if "not supported" in verdicts:
            return "not supported"
        return "undecided" if "undecided" in verdicts else "supported"

    @property
    def sentence(self) -> str:
        """The verdict, the claim, and the parts that decide, with their numbers."""
        deciding = [part for part in self.parts if part.verdict == self.verdict]
        head = self.verdict.capitalize()
        if self.verdict == "undecided" and all(part.interval for part in deciding):
            head += f" at n = {min(part.n for part in deciding)}"
        return " ".join([f"{head}: {self.claim}", *map(_told, deciding)])


def _told(part: ClaimPart) -> str:
    if part.interval is None:
        return f"{part.statement}: not measured."
    low, high = part.interval.low, part.interval.high
    return f"{part.statement}: {part.interval.estimate:+.2f} [{low:+.2f}, {high:+.2f}]."


def _more(statement: str, measure: Measure, one: str, other: str) -> Condition:
    return Condition(statement, measure, {one: 1.0, other: -1.0}, above=0.0, slack=MARGIN)


def _beyond_control(statement: str, measure: Measure, one: str, other: str) -> Condition:
    return Condition(statement, measure, {one: 1.0, other: -1.0}, above=0.0, control=True)


_SUPPRESSES: Final = (
    _more("Flipping suppresses refusals", "refused_harmful", "baseline", "flip"),
    _beyond_control("More than random subspaces do", "refused_harmful", "random", "flip"),
)

CLAIMS: Final[Mapping[str, tuple[Condition, ...]]] = {
    "Counterfactual flipping suppresses refusal about as well as directional ablation; nullspace "
    "projection does less.": (
        *_SUPPRESSES,
        Condition(
            f"Flipping leaves less than {MARGIN:.2f} more refusals than ablation",
            "refused_harmful",
            {"flip": 1.0, "ablation": -1.0},
            below=MARGIN,
        ),
        _more(
            "Nullspace projection leaves more than flipping", "refused_harmful", "nullspace", "flip"
        ),
    ),
    "The first few INLP directions keep most of the suppression at a perplexity near the "
    "baseline's.": (
        *_SUPPRESSES,
        Condition(
            "They suppress more than half of what all directions do, by this much",
            "refused_harmful",
            {"baseline": 1.0 - MOST, "flip_all": MOST, "flip": -1.0},
            above=0.0,
        ),
        Condition(
            f"The loss rises by less than {MARGIN:.2f} nats a token",
            "loss",
            {"flip": 1.0, "baseline": -1.0},
            below=MARGIN,
        ),
    ),
    "alpha = 1 lands between the harmful and harmless clusters, alpha = 2 in the opposite one.": (
        Condition(
            "alpha = 1, harmful: .25 < t < .75", "t_harmful", {"nullspace_all": 1.0}, 0.25, 0.75
        ),
        Condition(
            "alpha = 1, harmless: .25 < t < .75", "t_harmless", {"nullspace_all": 1.0}, 0.25, 0.75
        ),
        Condition("alpha = 2, harmful: t > .75", "t_harmful", {"flip_all": 1.0}, above=0.75),
        Condition("alpha = 2, harmless: t < .25", "t_harmless", {"flip_all": 1.0}, below=0.25),
        _beyond_control("Harmful ones land past random", "t_harmful", "flip_all", "random_all"),
        _beyond_control("Random lands past harmless ones", "t_harmless", "random_all", "flip_all"),
    ),
    "Activation addition makes the model refuse harmless prompts, and costs coherence.": (
        Condition(
            "More than half of harmless prompts turn into refusals",
            "refused_harmless",
            {"actadd": 1.0, "baseline": -1.0},
            above=MOST,
        ),
        _beyond_control("More than by random subspaces", "refused_harmless", "actadd", "random"),
        _more("More answers loop", "looping", "actadd", "baseline"),
        _more("The loss is above ablation's", "loss", "actadd", "ablation"),
        _more("The loss is above nullspace projection's", "loss", "actadd", "nullspace"),
        _more("The loss is above flipping's", "loss", "actadd", "flip"),
    ),
}
"""The paper's four claims as conditions that all have to hold. The paper states no thresholds: all
of them are chosen."""


def findings(outcomes: Outcomes, *, seed: int = 0) -> tuple[Finding, ...]:
    """Say of each of the paper's four claims whether these numbers support it.

    Args:
        outcomes: What was measured; a condition that misses something is undecided.
        seed: Of the bootstrap over prompts.
    """
    return tuple(
        Finding(claim, tuple(_weigh(condition, outcomes, seed) for condition in conditions))
        for claim, conditions in CLAIMS.items()
    )


def averaged(
    many: Sequence[Mapping[str, Sequence[float | None]]],
) -> dict[str, list[float | None]]:
    """Average several panels prompt by prompt: random subspaces become one control.

    Args:
        many: Outcomes of one panel each, of the same prompts. A measure that one of them lacks is
            left out, and a prompt on which one of them has no value has none.
    """
    shared = [name for name in many[0] if all(name in outcomes for outcomes in many)]
    means = {
        name: np.array([outcomes[name] for outcomes in many], dtype=np.float64).mean(axis=0)
        for name in shared
    }
    return {
        name: [value if math.isfinite(value) else None for value in values.tolist()]
        for name, values in means.items()
    }


def _weigh(condition: Condition, outcomes: Outcomes, seed: int) -> ClaimPart:
    columns = [outcomes.get(role, {}).get(condition.measure, ()) for role in condition.weights]
    values = np.array(columns, dtype=np.float64) if all(columns) else np.empty((len(columns), 0))
    values = values[:, np.isfinite(values).all(axis=0)]
    n = values.shape[1]
    if not n:
        return ClaimPart(condition.statement, "undecided", None, 0)
    sums = np.array(list(condition.weights.values())) @ values
    reach = 1.0 if condition.measure in ("refused_harmful", "refused_harmless", "looping") else 0.0
    interval = mean_interval(sums, reach=reach, seed=seed)
    return ClaimPart(condition.statement, _verdict(condition, interval), interval, n)


def _verdict(condition: Condition, interval: Interval) -> ClaimVerdict:
    if condition.above < interval.low and interval.high < condition.below:
        return "supported"
    inner_low, inner_high = condition.above + condition.slack, condition.below - condition.slack
    if condition.control or interval.high <= inner_low or interval.low >= inner_high:
        return "not supported"
    return "undecided"
