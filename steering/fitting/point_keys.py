"""Points as keys of the lines that a stage keeps."""

from steering.interventions.outline import ExtractionPoint


def key_of(point: ExtractionPoint) -> str:
    """Return a point as the key of a stage's line."""
    return f"{point[0]},{point[1]}"


def point_of(key: str) -> ExtractionPoint:
    """Return the point that `key_of` made a key of."""
    position, layer = map(int, key.split(","))
    return position, layer
