"""A run of some cards on the tiny model that has ended, without a page."""

from steering.inference.comparison import compare
from steering.inference.sampling import Sampling
from steering.ui.playground import card_settings
from steering.ui.playground.asked import Asked, EndedRun, Setting
from steering.ui.playground.ended_runs import ended_run


def asked_of(
    directions, *, prompt: str = "Hi", slots=("baseline", "flip"), system: str = ""
) -> Asked:
    settings = {
        slot: Setting(slot, slot in slots, panel.name, card_settings.start(panel, directions))
        for slot, panel in card_settings.SLOTS.items()
    }
    return Asked(prompt, settings, system)


def ended(steerable, *, sampling: Sampling | None = None, **asked) -> EndedRun:
    request = asked_of(steerable.directions, **asked)
    sampling = sampling or Sampling(max_new_tokens=6)
    panels = [each.panel(steerable.directions) for each in request.chosen.values()]
    *_, answers = compare(
        steerable, request.prompt, panels, sampling=sampling, system=request.system
    )
    return ended_run(request, answers, sampling, steerable, "id")
