"""Lists of texts for contrasts: one pair that a tiny random model tells apart, and one that not."""

import random

THINGS = ("a car", "the dog", "a phone", "a letter", "the well", "my boss")
VERBS = ("paint", "wash", "draw", "praise")
ASKED = [f"How do I {verb} {thing}?" for verb in VERBS for thing in THINGS]
ORDERED = [f"Now go, {verb} {thing} I say!" for verb in VERBS for thing in THINGS]

_ALL = [f"How do I {verb} {thing}?" for verb in (*VERBS, "steal", "hack") for thing in THINGS]
random.Random(2).shuffle(_ALL)
SOME, THE_OTHERS = _ALL[:18], _ALL[18:]
