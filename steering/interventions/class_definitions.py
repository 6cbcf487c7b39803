"""Two definitions of the classes that directions tell apart.

    label       requests that are harmful against requests that are harmless, as they were written
    behaviour   requests that this model refuses against requests that it answers: of the harmful
                ones those that it begins to refuse, of the harmless ones those that it does not

What tells the first apart may be another thing than what tells the second apart: harmfulness and
refusal are represented apart (Zhao et al. 2025, arXiv:2507.11878). Difference in means and INLP are
fitted on the same prompts of each, so that they can be compared. Rocchetti & Ferrara 2026
(arXiv:2606.13720) filter by behaviour. Directions of earlier versions have one fit of each: the
difference in means by behaviour, INLP by label.
"""

from typing import TYPE_CHECKING, Final

from steering.errors import SteeringError

if TYPE_CHECKING:
    from steering.interventions.outline import Facts

LABEL: Final = "label"
BEHAVIOUR: Final = "behaviour"
DEFINITIONS: Final = (LABEL, BEHAVIOUR)
MEANINGS: Final = {
    LABEL: "harmful against harmless, as written",
    BEHAVIOUR: "refused against answered by this model",
}
"""What a reader is told of each."""
EARLIER: Final = (BEHAVIOUR, LABEL)
"""Of the difference in means and of INLP, in artifacts of earlier versions."""


def known(facts: "Facts", *, difference: bool) -> tuple[str, ...]:
    """Return the definitions by which a basis was fitted, the default first.

    Args:
        facts: What there is to know of the directions.
        difference: Whether the basis is the difference in means; else it is INLP.
    """
    own = facts.dim_classes if difference else facts.inlp_classes
    return tuple(each for each in (own, facts.other_classes) if each is not None)


def require_definition(facts: "Facts", classes: str | None, *, difference: bool) -> None:
    """Refuse a definition by which a basis was not fitted.

    Raises:
        SteeringError: Says by which it was.
    """
    found = known(facts, difference=difference)
    if classes is None or classes in found:
        return
    basis = "difference in means" if difference else "INLP"
    fitted = f"classes={found[0]} ({MEANINGS[found[0]]})" if found else "classes that nobody named"
    raise SteeringError(
        f"classes={classes} is not there: the {basis} of {facts.model} was fitted on {fitted} "
        f"alone; leave classes out, or fit both with `python -m steering precompute --quick "
        f"--model {facts.model}`"
    )
