"""Steps whose replica is lost after so many columns."""

from dataclasses import replace
from itertools import islice

from steering.serving.from_the_start import ReplicaLostError
from steering.serving.shared_steps import SharedSteps


class Losing(SharedSteps):
    """Loses a replica for each number it is given; then all goes well."""

    def __init__(self, model, after):
        super().__init__(model)
        self.after = list(after)

    def generate(self, *asked, **more):
        columns = super().generate(*asked, **more)
        if not self.after:
            yield from columns
            return
        yield from islice(columns, self.after.pop(0))
        columns.close()
        raise ReplicaLostError


def losing(*after):
    """Return what `Supply.steps` may be."""
    return lambda model, turn: (Losing(replace(model, turn=turn), after), 192)
