"""Progress as lines of a log, for work that nobody may be watching on a page."""

import logging

from steering.system.progress import Report, Step

_PARTS = 10
"""Lines that a step is worth at most while it is counted (chosen)."""


def logged(report: Report, logger: logging.Logger) -> Report:
    """Return a report that also writes a line a step, and one for every tenth of a counted one.

    Args:
        report: Who else is told.
        logger: Where the lines go.
    """
    said: tuple[str, int] | None = None

    def tell(step: Step) -> None:
        nonlocal said
        part = _PARTS * step.done // step.total if step.total > 0 else 0
        if said != (step.label, part):
            said = (step.label, part)
            logger.info("%s%s", step.label, _amount(step))
        report(step)

    return tell


def _amount(step: Step) -> str:
    if step.total <= 0:
        return ""
    if step.unit == "B":
        return f": {step.done / 1e6:,.0f} of {step.total / 1e6:,.0f} MB"
    return f": {step.done:,} of {step.total:,}"
