"""A small document of patching, as `python -m steering patch` writes it."""

import copy

LAYERS, COLUMNS = [1, 3], [[-3], [-2], [-1], [-3, -2, -1]]
PARTS = {"whole": 0.9, "inside": 0.6, "outside": 0.2, "random": 0.01, "other": -0.05}


def grid(value: float) -> dict:
    """A grid whose first row is nothing and whose second is a value."""
    rows = [[0.0] * len(COLUMNS), [value] * len(COLUMNS)]
    return {
        "mean": rows,
        "low": [[each - 0.1 for each in row] for row in rows],
        "high": [[each + 0.1 for each in row] for row in rows],
    }


def made() -> dict:
    cells = {part: [[0.0] * len(COLUMNS)] * len(LAYERS) for part in PARTS}
    answers = {part: cells[part] for part in ("whole", "inside", "outside")}
    pair = {"pair": 7, "harmful": 2.0, "harmless": -2.0, "refusal": cells, "answer": answers}
    document = {
        "schema": 1,
        "model": "tiny",
        "n": 2,
        "looked_at": 8,
        "sorted_rightly": 3,
        "layers": LAYERS,
        "columns": COLUMNS,
        "tokens": ["", "<|im_end|>", "\n", ""],
        "same": [0.5, 1.0, 1.0, 0.8333],
        "basis": "inlp",
        "point": [-1, 3],
        "ranks": [[1, 1, 1, 0], [3, 2, 2, 0]],
        "restored": {
            "refusal": {part: grid(value) for part, value in PARTS.items()},
            "answer": {part: grid(PARTS[part]) for part in answers},
        },
        "over_whole": {"refusal": [1, 8], "answer": [0, 8]},
        "pairs": [pair, {**pair, "pair": 9}],
    }
    return copy.deepcopy(document)
