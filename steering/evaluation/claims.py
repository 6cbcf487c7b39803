"""What measured numbers say of the paper's claims.

Every part has three outcomes. Supported and not supported both need evidence, an interval that lies
on one side as a whole; what lies between is undecided, of controls as of anything else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from jaxtyping import Float

from steering.evaluation.claim_conditions import CLAIMS, Claim, Condition, Measure
from steering.evaluation.crossed_interval import crossed_interval
from steering.intervals import Interval

ClaimVerdict = Literal["supported", "not supported", "undecided"]
Role = Sequence[Mapping[str, Sequence[float | None]]]
"""Of one panel, or of a control's seeds: by measure, a value a prompt, the same prompts in the same
order for all roles; None where a prompt has none."""
Outcomes = Mapping[str, Role]
"""By role; see `claim_inputs.roles`."""
_LEVEL: Final = 0.05
"""Probability with which a verdict may be wrong (the convention of the field)."""
_RATES: Final = ("refused_harmful", "refused_harmless", "looping", "looping_long")


@dataclass(frozen=True)
class ClaimPart:
    """What the numbers say of one condition.

    Attributes:
        statement: The condition in words.
        verdict: Supported if the whole interval is within the bounds; not supported if none of it
            is (but for the slack), at a level that is divided by the number of parts; undecided
            else.
        interval: Of the condition's sum, at 95 %; None if something was not measured.
        n: Prompts behind it.
        illustration: Whether the claim does not hang on it.
    """

    statement: str
    verdict: ClaimVerdict
    interval: Interval | None
    n: int
    illustration: bool = False


@dataclass(frozen=True)
class Finding:
    """What the numbers say of one claim.

    Attributes:
        number: Of the claim, or of its line.
        claim: What the paper says.
        parts: What they say of each of its conditions.
    """

    number: str
    claim: str
    parts: tuple[ClaimPart, ...]

    @property
    def counted(self) -> tuple[ClaimPart, ...]:
        """The parts that the claim hangs on."""
        return tuple(part for part in self.parts if not part.illustration)

    @property
    def verdict(self) -> ClaimVerdict:
        """Supported if all parts are; not supported if any is not; else undecided.

        Each part is supported at 95 %, and so is their conjunction (Berger 1982). That any is not
        supported holds at 95 % as well, since each is tested at its share of the level.
        """
        verdicts = {part.verdict for part in self.counted}
        if "not supported" in verdicts:
            return "not supported"
        return "undecided" if "undecided" in verdicts else "supported"

    @property
    def sentence(self) -> str:
        """The verdict on this model, the claim, and the parts that decide, with their numbers."""
        deciding = [part for part in self.counted if part.verdict == self.verdict]
        head = self.verdict.capitalize()
        if self.verdict == "undecided" and all(part.interval for part in deciding):
            head += f" at n = {min(part.n for part in deciding)}"
        return " ".join([f"{head} on this model: {self.claim}", *map(_told, deciding)])


def _told(part: ClaimPart) -> str:
    if part.interval is None:
        return f"{part.statement}: not measured."
    low, high = part.interval.low, part.interval.high
    return f"{part.statement}: {part.interval.estimate:+.2f} [{low:+.2f}, {high:+.2f}]."


def findings(outcomes: Outcomes, *, seed: int = 0) -> tuple[Finding, ...]:
    """Say of each of the paper's claims whether these numbers support it.

    Args:
        outcomes: What was measured; a condition that misses something is undecided.
        seed: Of the bootstrap over prompts.
    """
    return tuple(_finding(claim, outcomes, seed) for claim in CLAIMS if _is_own(claim, outcomes))


def _is_own(claim: Claim, outcomes: Outcomes) -> bool:
    """Whether a claim is no other's repetition: the chosen coefficient may be the paper's."""
    roles = {role for each in claim.conditions for role, _, _ in each.terms}
    both = [outcomes.get(role, ()) for role in ("actadd", "actadd_paper")]
    same = all(both) and both[0][0] is both[1][0]
    return "actadd" not in roles or not same


def _finding(claim: Claim, outcomes: Outcomes, seed: int) -> Finding:
    counted = sum(not each.illustration for each in claim.conditions)
    parts = [_weigh(each, outcomes, seed, counted) for each in claim.conditions]
    return Finding(claim.number, claim.words, tuple(parts))


def _weigh(condition: Condition, outcomes: Outcomes, seed: int, counted: int) -> ClaimPart:
    measures: dict[Measure, list[tuple[str, float]]] = {}
    for role, measure, weight in condition.terms:
        measures.setdefault(measure, []).append((role, weight))
    sets = [_terms(outcomes, measure, terms) for measure, terms in measures.items()]
    n = min((terms[0].shape[1] for terms in sets if terms), default=0)
    if not n or not all(sets):
        return ClaimPart(condition.statement, "undecided", None, 0, condition.illustration)
    reach = 1.0 if all(measure in _RATES for measure in measures) else 0.0
    found, firm = (
        crossed_interval(sets, reach=reach, confidence=1 - level, seed=seed)
        for level in (_LEVEL, _LEVEL / counted)
    )
    verdict = _verdict(condition, found, firm)
    return ClaimPart(condition.statement, verdict, found, n, condition.illustration)


def _terms(
    outcomes: Outcomes, measure: Measure, terms: Sequence[tuple[str, float]]
) -> list[Float[np.ndarray, "_seed prompt"]]:
    """Return a measure's weighted values by role, of prompts that all have one; empty if none."""
    found = []
    for role, weight in terms:
        columns = [panel.get(measure, ()) for panel in outcomes.get(role, ())]
        if not columns or not all(columns):
            return []
        found.append(weight * np.array(columns, dtype=np.float64))
    fine = np.isfinite(np.concatenate(found)).all(axis=0)
    return [values[:, fine] for values in found] if fine.any() else []


def _verdict(condition: Condition, found: Interval, firm: Interval) -> ClaimVerdict:
    if condition.above < found.low and found.high < condition.below:
        return "supported"
    inner_low, inner_high = condition.above + condition.slack, condition.below - condition.slack
    if firm.high <= inner_low or firm.low >= inner_high:
        return "not supported"
    return "undecided"
