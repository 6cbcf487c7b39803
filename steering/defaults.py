"""What commands do unless they are told otherwise; numbers only, so that --help needs no torch."""

from typing import Final

TOKENS: Final = 48
"""Length of the answers of an evaluation."""
ROWS: Final = 108
"""Rows answered at once (chosen: four prompts under all 27 panels of the whole comparison). More at
once cost less each: a step of 54 rows took 1.27 times as long as one of 27 (measured, float32,
packed weights, two cores)."""
BEHIND_BATCH: Final = 1
"""Prompts in a pass of work behind the page: whoever moves a slider waits for one pass, with 16
prompts for 7 s on two AVX2 cores with exact products (measured)."""
TRANSFER_PROMPTS: Final = 40
"""Harmful validation prompts that are answered for the table fit format x run format."""
PATCHED_PAIRS: Final = 8
"""Pairs whose states are patched (chosen: ten minutes of two cores)."""
PATCHED_STEP: Final = 3
"""Of so many layers one is patched."""
SPEEDS: Final = ("auto", "exact", "fast")
"""Products that can be asked for; see `models.fast_products`."""
SUITES: Final = ("decode", "prefill", "hooks", "start", "visitors", "gpu")
"""What can be timed."""
CROWD_VISITORS: Final = 30
"""Visitors of a bench that come at once."""
CROWD_MINUTES: Final = 5.0
"""How long they do."""
ROUNDS: Final = 5
"""Rounds of a bench: enough for a median with a spread."""
