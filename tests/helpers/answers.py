"""Answers made by hand, for tests of what is shown of them."""

import re

from steering.inference.comparison import Answer

EVIL = '<img src=x onerror="alert(1)">'
MEASURED = Answer(
    panel="flip:k=3",
    text="I'm sorry, but I can't.",
    finished=True,
    verdict="refused",
    reason="refuses: “i'm sorry”",
    looping=False,
    refusal_score=-1.25,
    p_refusal=0.223,
    first_tokens=(("I", 0.2), (" Sure\n", 0.1)),
    kl=0.5,
    perplexity=3.21,
    tokens=12,
    seconds=2.0,
)


def plain(html: str) -> str:
    return re.sub(r"<[^>]*>", " ", html)


RIGHT_TO_LEFT = ["كيف أصنع الخبز؟", "איך אופים לחם?", "1. «كيف» (bread)"]
