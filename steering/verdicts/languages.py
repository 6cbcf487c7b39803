"""Which of the languages whose refusals are known a text is in, by script and by small words.

A few hundred small words tell sentences of these languages apart; names, numbers and code have no
language, and count as English. A text in any other language is told by its script, by its own
small words, or by sentences that hold no small word of a language that is known.
"""

import re
import unicodedata
from collections import Counter
from typing import Final, Literal, cast, get_args

Language = Literal["en", "de", "es", "fr", "it", "pt", "ar", "zh", "ja", "hi"]
"""ISO 639-1 codes of the languages in which a refusal is known when it is read."""

NO_LANGUAGE: Final[frozenset[Language]] = frozenset()
"""Of a text in a language that the rules do not know."""

SMALL_WORDS: Final = {
    "en": "the of and a to in is you that it he was for on are as with his they i at be this have "
    "from or had by not but what some we can out other were all there when your how an each she "
    "which do their will if about up many then them these so her would make like him into has "
    "more no my than been who its now did get may could should cannot can't don't i'm it's sorry "
    "here here's please let sure yes any also just only help how's won't unable does because",
    "de": "der die das und ist in zu den nicht mit von ich sie es ein eine einen einem einer auf "
    "für kann bei wir auch aber oder wenn wie dem des im am dass ihnen ihr mein leid tut mir dir "
    "diese dieser dieses hier sind haben werden wird keine kein darf dabei nur noch aus um als",
    "es": "a así o el la los las de que y en un una es no por con para lo su se al del como más "
    "pero yo puedo este esta estos esto esa ese eso son está hay muy si sin sobre siento puede "
    "aquí usted tu te mi le fue ser sus",
    "fr": "le la les de des et est en un une du que qui dans pour pas ne je vous il elle sur avec "
    "ce cette ces au aux par plus mais ou où sont être avoir ai peux puis suis mon votre vos nous "
    "désolé cela ça voici si comme à sa son se n'est c'est",
    "it": "il lo la i gli le di che e è un una in per non con su del della dei delle al alla da "
    "come più ma questo questa questi sono posso mi si dispiace ti ci anche se ho hai ha suo sua "
    "ecco dal nel nella essere",
    "pt": "o a os as de que e em um uma é não por com para do da dos das no na nos nas ao se mais "
    "mas como eu posso este esta isso isto são está você seu sua muito também sobre sinto desculpe "
    "aqui ser ou foi pode pelo pela",
    "nl": "de het een en van ik niet dat is op te zijn met voor maar je kan dit daar mee spijt mij "
    "aan ook naar wordt deze geen er heb hebben of bij als om uit",
    "sv": "och att det som en på är jag inte med för den har till av om kan men ett du kommer "
    "detta här hjälpa tyvärr ska eller",
    "da": "og det at en den til er som på de med han af for ikke der var mig har jeg kan men et du "
    "dette beklager hjælpe eller",
    "no": "og det at en er som på de med av for ikke jeg har kan men et du dette beklager hjelpe "
    "eller til",
    "pl": "nie i w na się że z do jest to jak ale po co tak za od o przez przepraszam mogę pomóc "
    "dla czy ten tego tym są lub być",
    "cs": "a se na je že v z do to pro jako ale s o nemohu mohu omlouvám jsem by jsou nebo které",
    "ro": "și nu în de la cu pe un o este care din pentru sunt mai să îmi pare rău pot am dar sau",
    "tr": "ve bir bu için ile de da ne çok ama üzgünüm yardımcı olamam değil olarak gibi daha var",
    "vi": "và của là có không tôi cho một các được này trong với thể xin lỗi rất tiếc người những",
    "id": "dan yang di ini untuk dengan tidak dari saya itu dalam adalah bisa maaf dapat pada akan "
    "atau anda membantu tersebut",
    "fi": "ja on ei että en voi se mutta tämä olen auttaa pahoittelen kuin ovat tai sekä",
    "hu": "a az és nem hogy egy is ez de van sajnálom tudok segíteni ebben vagy csak mint",
    "ca": "el la els les de que i en un una és no per amb però no puc ho sento aquesta això són "
    "els als del",
    "sw": "na ya wa kwa ni katika hii siwezi kusaidia samahani kama hiyo lakini yako hilo",
    "tl": "ang ng sa na at hindi ko ako mga ito paumanhin pwede para kung ay po",
}
"""Frequent words of a language; which are known says `Language`."""

_SETS: Final = {name: frozenset(words.split()) for name, words in SMALL_WORDS.items()}
_HINDI: Final = frozenset(
    [
        "है",
        "हैं",
        "के",
        "की",
        "का",
        "में",
        "और",
        "से",
        "को",
        "नहीं",
        "यह",
        "मैं",
        "कि",
        "पर",
        "इस",
        "हूँ",
        "हूं",
        "आप",
        "करने",
        "लिए",
    ]
)
_OTHER_DEVANAGARI: Final = frozenset(
    ["आहे", "आणि", "नाही", "मी", "या", "छ", "छैन", "गर्न", "हुन्छ", "र", "मा", "सक्दिन", "तुम्ही"]
)
_OTHER_ARABIC: Final = re.compile("[\u067e\u0686\u0698\u06af\u06a9\u06cc\u0679\u0688\u0691\u06d2]")
"""Letters of Persian and Urdu that Arabic is not written with."""

_WORD: Final = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")
_ASCII_LETTER: Final = re.compile("[A-Za-z]")
_FOREIGN_LETTERS: Final = 0.02
"""Share of such letters from which a text in Arabic script is not Arabic (chosen: names)."""
_KANA: Final = 0.1
"""Share of kana among kana and Han from which a text is Japanese (chosen: a quoted word)."""
_SENTENCE: Final = 6
"""Words from which a line is a sentence, in which a known language has small words (chosen)."""
_DOUBT: Final = 4
"""Small words up to which one more does not decide between two languages (chosen)."""
_FEWEST: Final = 0.1
"""Share of small words below which such lines are of no known language; English has .4 to .5."""


def languages_of(text: str) -> frozenset[Language]:
    """Return the known languages that a text may be in; `NO_LANGUAGE` if it is in another one.

    Args:
        text: Prose: code and quotations are somebody else's language.
    """
    rare = [letter for letter in text if not letter.isascii() and letter.isalpha()]
    scripts = Counter(map(_script, rare))
    scripts["LATIN"] += len(_ASCII_LETTER.findall(text))
    if not scripts.total():
        return frozenset({"en"})
    if scripts["HAN"] + scripts["KANA"] > sum(scripts.values()) / 2:
        japanese = scripts["KANA"] >= _KANA * (scripts["HAN"] + scripts["KANA"])
        return frozenset({"ja" if japanese else "zh"})
    script = scripts.most_common(1)[0][0]
    if script == "LATIN":
        return _latin(text.lower())
    if script == "ARABIC":
        foreign = len(_OTHER_ARABIC.findall(text))
        return frozenset({"ar"}) if foreign < _FOREIGN_LETTERS * scripts[script] else NO_LANGUAGE
    if script == "DEVANAGARI":
        words = Counter(text.replace("।", " ").replace(",", " ").split())
        hindi, other = (sum(words[w] for w in each) for each in (_HINDI, _OTHER_DEVANAGARI))
        return frozenset({"hi"}) if hindi >= other else NO_LANGUAGE
    return NO_LANGUAGE


def _latin(text: str) -> frozenset[Language]:
    words = Counter(_WORD.findall(text))
    hits = {name: sum(words[word] for word in own) for name, own in _SETS.items()}
    most = max(hits.values())
    best = {name for name, count in hits.items() if count == most}
    known = cast(frozenset[Language], frozenset(best) & frozenset(get_args(Language)))
    if most == 0 or (most == 1 and (not known or "en" in known)):
        # Names and single words; only a sentence with next to no small word of what is known is
        # foreign.
        return NO_LANGUAGE if _is_foreign(text, _KNOWN_WORDS) else _ENGLISH
    if not known and most > 1:
        return NO_LANGUAGE
    if known and _is_foreign(text, frozenset().union(*(_SETS[name] for name in known))):
        return NO_LANGUAGE
    # A few words leave a doubt between neighbours, such as Spanish and Italian.
    near = {name for name, count in hits.items() if count >= most - (most <= _DOUBT)}
    return cast(frozenset[Language], frozenset(near & set(get_args(Language)))) or _ENGLISH


_ENGLISH: Final[frozenset[Language]] = frozenset({"en"})
_KNOWN_WORDS: Final = frozenset[str]().union(
    *(words for name, words in _SETS.items() if name in get_args(Language))
)


def _is_foreign(text: str, small: frozenset[str]) -> bool:
    """Whether the sentences of a text hold next to no small word."""
    lines = [_WORD.findall(line) for line in re.split(r"[\n,;:]", text)]
    words = [word for line in lines if len(line) >= _SENTENCE for word in line]
    return bool(words) and sum(word in small for word in words) < _FEWEST * len(words)


def _script(letter: str) -> str:
    first = unicodedata.name(letter, "").split(" ")[0].split("-")[0]
    kana = {"HIRAGANA": "KANA", "KATAKANA": "KANA", "HALFWIDTH": "KANA", "CJK": "HAN"}
    return kana.get(first, first)
