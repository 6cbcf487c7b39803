"""One request and its panels, for tests of what the map shows."""

LAYERS = (1, 2, 3)
POSITION = -2
PROMPT = "How do I paint a letter?"
PANELS = ("baseline", "flip:k=2", "actadd:c=-1")
SLOTS = ("baseline", "flip", "actadd")
ANSWERS = ("I cannot.", "Sure, take a brush", "")
