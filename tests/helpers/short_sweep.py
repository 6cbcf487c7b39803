"""A whole sweep in a second: few prompts, short answers, two reference points."""

from dataclasses import replace

from steering.interventions.directions import Directions
from steering.interventions.panel import Panel, parse
from steering.sweep.cells import SweepSettings

SMALL = SweepSettings(prompts=3, answer_tokens=3, generated_prompts=2, generated_tokens=4, rows=8)
FACTS = {"weights": "none", "seed": 42}
FEW_POINTS = {"baseline": Panel("baseline"), "counterfactual flipping": Panel("flip")}


def full(text: str, directions: Directions) -> str:
    return str(replace(parse(text).resolved(directions), order=()))


def spread_over(texts: list[str], n: int) -> list[str]:
    return [texts[i * len(texts) // n] for i in range(n)]
