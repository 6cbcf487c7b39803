"""What commands do unless they are told otherwise; numbers only, so that --help needs no torch."""

from typing import Final

TOKENS: Final = 48
"""Length of the answers of an evaluation."""
ROWS: Final = 34
"""Rows per batch (chosen: enough for a prompt under all 27 panels of the whole comparison)."""
TRANSFER_PROMPTS: Final = 40
"""Harmful validation prompts that are answered for the table fit format x run format."""
SUITES: Final = ("decode", "prefill", "hooks", "start", "visitors", "gpu")
"""What can be timed."""
CROWD_VISITORS: Final = 30
"""Visitors of a bench that come at once."""
CROWD_MINUTES: Final = 5.0
"""How long they do."""
ROUNDS: Final = 5
"""Rounds of a bench: enough for a median with a spread."""
