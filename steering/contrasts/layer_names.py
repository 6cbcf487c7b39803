"""Which layers a contrast is fitted at, as people write them."""

from steering.errors import SteeringError


def layers_named(text: str) -> tuple[int, ...] | None:
    """Return the layers of a list as in `8,12,16`; None for an empty text, which leaves the choice.

    Raises:
        SteeringError: If it is no list of whole numbers.
    """
    if not text.strip():
        return None
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and part.isascii() for part in parts):
        raise SteeringError(
            f"layers {text[:60]!r} is no list of block inputs; give whole numbers, as in 8,12,16"
        )
    return tuple(map(int, parts))
