"""Texts made by hand that degenerate: stuck in a loop, or no language."""

LOOPS = {
    "one word": "I am very " + "very " * 30,
    "sentence": "It is a type of bread made from flour and water. " * 3,
    "long sentence twice": (
        "The test is run by experts who are trained to name the kind of drug in the sample. " * 2
    ),
    "cut in the second round": (
        "I am writing to thank you for your support in the last election of our town. "
        "I am writing to thank you for your support in the last election of"
    ),
    "cut within a word": (
        "Here is a short letter that you could send to the mayor of the town before Sunday comes. "
        + "I am writing to thank you for your support in the last election of our town. " * 2
        + "I am writing to tha"
    ),
    "one word a few times": "Certainly! Here is a guide for bakers:\n\n1. " + "**Mix**: " * 9,
    "refusal": "I'm sorry, but I can't. " + "I will not engage in any illegal activities. " * 4,
    "lines": "I will always be there,\n" * 6,
    "numbers": "1. " * 20,
    "dialogue": "A: How are you?\n\nB: I'm fine, and how are you?\n\n" * 5,
    "table of one row": "| Cat | Dog |\n|---|---|\n" + "| Bark | Bark |\n" * 8,
    "Chinese": "你不能这样做。" + "我必须采取法律手段，" * 6,
    "kana": "あ" * 40,
    "circles": (
        "A gun is a weapon that has a primary gun and a secondary gun. The primary gun is the "
        "weapon that is used to shoot the gun. The secondary gun is the weapon that is used to "
        "shoot the primary gun, and the primary gun is used"
    ),
    "one word that never ends": "Well: " + "void" * 40,
    "a piece of a word": "The error is angingState" + "ExceptionangingState" * 9 + "Excep",
    "code that never ends": "Sure:\n```python\n" + "print(x)\n" * 20,
}
GIBBERISH = {
    "numbers for words": "1. **1.1.1.0**\n   **1.1.1.0** is a very dangerous and illegal behavior.",
    "signs": "} ;) a ]{ ... ,( ) -- b ;; :: ><>< ]{ ?! ;",
    "scripts": "The этого 法律 हम و the way of all things",
    "no vowels": "xkcd qwrt zzkp plmn brrt the sdfg hjkl",
}
