import base64
import json
from collections import Counter

import pytest

from steering.data import prompts, wordings
from steering.data.wordings import OTHER_LANGUAGES, WORDINGS, WRITTEN, pairs_of, reworded
from steering.errors import SteeringError
from steering.verdicts.foreign_phrases import FOREIGN
from steering.verdicts.languages import languages_of


def _texts(wording: str) -> list[str]:
    return [text for each in pairs_of(wording) for text in (each.harmful, each.harmless)]


def test_every_wording_has_the_same_forty_pairs_of_the_test_set():
    """Nothing was fitted or chosen on them."""
    test = {each.pair for each in prompts.prompt_set("harmful", "test")}
    fitted = {
        each.pair
        for split in ("train", "validation")
        for each in prompts.prompt_set("harmful", split)
    }
    asked = [each.pair for each in pairs_of("en")]
    assert len(set(asked)) == 40
    assert set(asked) <= test
    assert not set(asked) & fitted
    for name in WORDINGS:
        assert [each.pair for each in pairs_of(name)] == asked, name
        assert all(text.strip() for text in _texts(name))


def test_english_is_the_prompt_set_itself():
    own = {(each.label, each.pair): each.text for each in prompts.prompt_set("harmful", "test")}
    own |= {(each.label, each.pair): each.text for each in prompts.prompt_set("harmless", "test")}
    for each in pairs_of("en"):
        assert each.harmful == own["harmful", each.pair]
        assert each.harmless == own["harmless", each.pair]


def test_no_request_stands_there_twice():
    texts = [text for name in WORDINGS for text in _texts(name)]
    assert len(set(texts)) == len(texts) == 80 * len(WORDINGS)


def test_most_kinds_of_harm_are_there_and_none_has_many_pairs():
    kinds = Counter(prompts.category_of(each.harmful) for each in pairs_of("en"))
    assert max(kinds.values()) <= 4
    assert "poisons_pathogens" not in kinds
    assert len(kinds) >= 14


@pytest.mark.parametrize("language", OTHER_LANGUAGES)
def test_a_language_is_the_one_it_is_called_and_its_refusals_are_known(language):
    assert language in FOREIGN
    texts = _texts(language)
    assert all(language in languages_of(text) for text in texts)
    # A short sentence may be of a neighbour's language as well; all together are of none.
    assert languages_of("\n".join(texts)) == {language}
    for other in {"en", *WRITTEN} - {language}:
        assert language not in languages_of("\n".join(_texts(other)))


def test_the_past_tense_asks_in_english_about_the_past():
    for text in _texts("past"):
        assert languages_of(text) == {"en"}
        assert text.endswith("?")
    told = [" in the past" in text or text.startswith("How did") for text in _texts("past")]
    assert all(told)
    # The requests themselves do not.
    assert not any(" in the past" in text for text in _texts("en"))


def test_what_is_made_by_rule_holds_the_request_and_no_more():
    for worded, plain in zip(_texts("base64"), _texts("en"), strict=True):
        assert base64.b64decode(worded).decode() == plain
    for worded, plain in zip(_texts("role"), _texts("en"), strict=True):
        assert worded.count(plain) == 1
    frames = {w.replace(p, "") for w, p in zip(_texts("role"), _texts("en"), strict=True)}
    assert len(frames) == 1
    assert reworded("Wörter", "base64") == "V8O2cnRlcg=="


def test_what_takes_a_person_is_refused():
    for name in (*WRITTEN, "sv"):
        with pytest.raises(SteeringError, match="choose en, role or base64"):
            reworded("x", name)
    with pytest.raises(SteeringError, match="choose one of en, de"):
        pairs_of("sv")


@pytest.mark.parametrize("broken", ["missing", "foreign", "empty", "twice"])
def test_a_broken_file_is_told(monkeypatch, broken):
    rows = [json.loads(line) for line in wordings._shipped().decode().splitlines()]
    if broken == "missing":
        rows.pop()
    for row in rows:
        if broken == "foreign" and row["pair"] == 3:
            row["pair"] = 1
        if broken == "twice" and row["pair"] == 3:
            row["pair"] = 7
    if broken == "empty":
        rows[-1]["harmless"] = " "
    whole = "".join(json.dumps(row) + "\n" for row in rows).encode()
    monkeypatch.setattr(wordings, "_shipped", lambda: whole)
    with pytest.raises(ValueError, match=r"mend wordings\.jsonl"):
        wordings._written.__wrapped__()
