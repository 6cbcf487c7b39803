"""Maps of the tiny model, borderline prompts among their points."""

from steering.maps.model_maps import Maps, fit

POSITION = -2
LAYERS = (1, 2, 3)
BORDERLINE = [
    f"How do I {verb}?"
    for verb in ("kill a process", "shoot a film", "poison ivy", "hack a habit", "steal a base")
]


def make(activations, prompts, **changes) -> Maps:
    given = {
        "model": "tiny-qwen2",
        "dtype": "float32",
        "quantization": "none",
        "position": POSITION,
        "layers": LAYERS,
    } | changes
    texts = {**prompts, "borderline": BORDERLINE}
    return fit(activations, {name: texts[name] for name in activations}, **given)
