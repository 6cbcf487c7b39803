"""The two formats in which every machine holds a tiny model."""

from steering.models.number_formats import Format

FLOAT32 = Format("cpu", "none", "float32")
BFLOAT16 = Format("cpu", "none", "bfloat16")
