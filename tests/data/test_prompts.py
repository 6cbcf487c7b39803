import csv
import gzip
import hashlib
import inspect
import json
import re
import string
from collections import Counter, defaultdict
from pathlib import Path
from statistics import mean

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline

import steering.data.prompts
from steering.data.prompts import Prompt, category_of, prompt_set, read, sha256
from steering.errors import SteeringError

ROOT = Path(__file__).parents[2]
PUBLIC = ROOT.parent / "shared" / "data"
SKIPPED = (
    "reads the splits of github.com/andyrdt/refusal_direction, which are not ours to ship; "
    "put them into shared/data beside this checkout"
)
LABELS = ("harmful", "harmless", "borderline")
SPLITS = ("train", "validation", "test")
PER_CATEGORY = {"train": 12, "validation": 9, "test": 5}

TOO_ALIKE = 0.55
"""Cosine of character 3- to 5-grams from which two prompts count as near-duplicates (chosen).

Prompts of these sets that are not partners stay below 0.40; a copy in which the longest word is
replaced has 0.57 to 0.9 (measured). Partners of a pair are alike on purpose and exempt.
"""


def every_prompt() -> list[Prompt]:
    return [p for label in LABELS for p in prompt_set(label)]


def normalised(text: str) -> str:
    return re.sub(r"[\W_]+", " ", text.lower()).strip()


def similarity(texts: list[str], others: list[str]) -> np.ndarray:
    ngrams = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5)).fit(texts + others)
    return (ngrams.transform(texts) @ ngrams.transform(others).T).toarray()


def partners() -> list[tuple[Prompt, Prompt]]:
    harmless = {p.pair: p for p in prompt_set("harmless")}
    return [(p, harmless[p.pair]) for p in prompt_set("harmful")]


# The sets


@pytest.mark.parametrize("label", ["harmful", "harmless"])
def test_every_category_is_split_twelve_to_nine_to_five(label) -> None:
    counts = defaultdict(Counter)
    for prompt in prompt_set(label):
        counts[prompt.category][prompt.split] += 1
    assert len(counts) == 16
    assert all(dict(splits) == PER_CATEGORY for splits in counts.values()), counts


@pytest.mark.parametrize("label", ["harmful", "harmless"])
def test_the_splits_hold_192_and_144_and_80_prompts(label) -> None:
    assert [len(prompt_set(label, split)) for split in SPLITS] == [192, 144, 80]


def test_borderline_prompts_are_never_for_fitting_and_cover_each_kind_in_both_splits() -> None:
    assert [len(prompt_set("borderline", split)) for split in SPLITS] == [0, 16, 80]
    kinds = {p.category for p in prompt_set("borderline")}
    assert len(kinds) == 8
    for split, count in (("validation", 2), ("test", 10)):
        found = Counter(p.category for p in prompt_set("borderline", split))
        assert found == dict.fromkeys(kinds, count)


def test_the_splits_make_up_the_whole_set_in_file_order() -> None:
    lines = (ROOT / "steering" / "data" / "prompts.jsonl").read_text(encoding="utf-8").splitlines()
    in_file = [Prompt(**json.loads(line)) for line in lines]
    assert every_prompt() == in_file
    for label in LABELS:
        of_label = [p for p in in_file if p.label == label]
        for split in SPLITS:
            assert list(prompt_set(label, split)) == [p for p in of_label if p.split == split]
    places = [(LABELS.index(p.label), p.category, SPLITS.index(p.split)) for p in in_file]
    assert places == sorted(places)


def test_each_harmful_prompt_has_one_harmless_partner_of_its_category_and_split() -> None:
    for label in ("harmful", "harmless"):
        assert sorted(p.pair for p in prompt_set(label)) == list(range(1, 417))
    for harmful, harmless in partners():
        assert (harmful.category, harmful.split) == (harmless.category, harmless.split)
    assert all(p.pair is None for p in prompt_set("borderline"))


def test_partners_open_with_the_same_word_and_end_with_the_same_sign() -> None:
    for harmful, harmless in partners():
        assert harmful.text.split()[0] == harmless.text.split()[0], (harmful, harmless)
        assert (harmful.text[-1] in ".?") == (harmless.text[-1] in ".?"), (harmful, harmless)
        assert harmful.text.endswith("?") == harmless.text.endswith("?"), (harmful, harmless)


def test_partners_are_of_equal_length_and_so_are_the_classes() -> None:
    words = [(len(a.text.split()), len(b.text.split())) for a, b in partners()]
    assert max(abs(a - b) for a, b in words) <= 2
    assert abs(mean(a - b for a, b in words)) < 0.25
    characters = [len(a.text) - len(b.text) for a, b in partners()]
    assert abs(mean(characters)) < 2
    borderline = mean(len(p.text.split()) for p in prompt_set("borderline"))
    assert abs(borderline - mean(a for a, _ in words)) < 1


def test_partners_share_wording_that_other_prompts_of_the_category_do_not() -> None:
    """The pairs are matched in topic: alike beyond what the category alone explains."""
    harmful, harmless = zip(*partners(), strict=True)
    alike = similarity([p.text for p in harmful], [p.text for p in harmless])
    category = np.array([p.category for p in harmful])
    same_category = (category[:, None] == category) & ~np.eye(len(category), dtype=bool)
    assert np.median(alike.diagonal()) > 0.3
    assert np.median(alike.diagonal()) > 4 * np.quantile(alike[same_category], 0.75)


def test_a_prompt_is_one_line_of_plain_text_of_six_to_twenty_two_words() -> None:
    for text in (p.text for p in every_prompt()):
        assert 6 <= len(text.split()) <= 22, text
        assert " ".join(text.split()) == text, text
        assert text.isascii(), text
        assert text.isprintable(), text
        assert text[0] in string.ascii_uppercase, text
        assert not text.endswith((",", ";", ":", "!", "..")), text


def test_no_text_occurs_twice_even_with_other_case_or_punctuation() -> None:
    counts = Counter(normalised(p.text) for p in every_prompt())
    assert [text for text, count in counts.items() if count > 1] == []


def test_no_two_prompts_but_partners_are_near_duplicates() -> None:
    prompts = every_prompt()
    texts = [p.text for p in prompts]
    alike = np.triu(similarity(texts, texts), k=1)
    found = [
        (texts[i], texts[j])
        for i, j in zip(*np.where(alike >= TOO_ALIKE), strict=True)
        if prompts[i].pair is None or prompts[i].pair != prompts[j].pair
    ]
    assert found == []


def test_the_measure_of_near_duplicates_sees_a_prompt_with_one_word_replaced() -> None:
    texts = [p.text for p in every_prompt()]
    reworded = "How do I train a puppy for brutal dog fights"
    original = next(t for t in texts if t.startswith("How do I train a puppy for illegal"))
    assert similarity([*texts, reworded], [reworded])[texts.index(original), 0] > TOO_ALIKE


def test_two_opening_words_do_not_tell_harmful_from_harmless() -> None:
    """A direction fitted on the pairs must not be one of grammar. Chance is 0.5."""
    assert accuracy_from(lambda text: " ".join(text.split()[:2])) < 0.6


def test_the_length_does_not_tell_harmful_from_harmless() -> None:
    assert accuracy_from(lambda text: f"words{len(text.split())} signs{len(text) // 8}") < 0.6


def test_the_words_as_a_whole_do_tell_them_apart() -> None:
    """The counter-check: the classifier of the two tests above can learn."""
    assert accuracy_from(lambda text: text) > 0.65


def accuracy_from(feature) -> float:
    pairs = partners()
    texts = [feature(p.text) for pair in pairs for p in pair]
    is_harmful = [True, False] * len(pairs)
    # Partners stay in one fold, else the classifier is marked on the mirror of what it has learnt.
    groups = [pair[0].pair for pair in pairs for _ in pair]
    classifier = make_pipeline(CountVectorizer(), LogisticRegression(max_iter=1000))
    return cross_val_score(classifier, texts, is_harmful, groups=groups, cv=GroupKFold(5)).mean()


@pytest.mark.skipif(not PUBLIC.is_dir(), reason=SKIPPED)
def test_no_prompt_is_taken_from_the_public_files() -> None:
    public = [text for path in sorted(PUBLIC.glob("*.jsonl")) for text in read(path)]
    assert len(public) > 1000
    own = [p.text for p in every_prompt()]
    assert {normalised(t) for t in own}.isdisjoint({normalised(t) for t in public})
    alike = similarity(own, public)
    assert alike.max() < TOO_ALIKE, own[alike.max(axis=1).argmax()]


def test_the_hash_is_that_of_the_shipped_file() -> None:
    content = (ROOT / "steering" / "data" / "prompts.jsonl").read_bytes()
    assert sha256() == hashlib.sha256(content).hexdigest()


def test_the_shipped_file_is_parsed_once_and_prompts_cannot_be_changed() -> None:
    first, again = prompt_set("harmful")[0], prompt_set("harmful", "train")[0]
    assert first is again
    with pytest.raises(AttributeError):
        first.text = "something else"


@pytest.mark.parametrize(
    ("label", "split", "named"),
    [("rude", None, "no prompt set 'rude'"), ("harmful", "dev", "no split 'dev'")],
)
def test_an_unknown_label_or_split_is_an_error_that_lists_the_known_ones(
    label, split, named
) -> None:
    unchecked = inspect.unwrap(prompt_set)  # as in the app, where types are not checked
    with pytest.raises(SteeringError, match=named) as caught:
        unchecked(label, split)
    assert all(repr(known) in str(caught.value) for known in (SPLITS if split else LABELS))


@pytest.mark.parametrize(
    "change", [{"text": " "}, {"category": ""}, {"pair": None}, {"label": "borderline"}]
)
def test_a_prompt_that_breaks_the_rules_is_refused(change) -> None:
    fields = {"text": "Hi", "label": "harmful", "category": "c", "split": "train", "pair": 1}
    Prompt(**fields)
    with pytest.raises(ValueError, match=r"mend prompts\.jsonl"):
        Prompt(**(fields | change))


# The readers

TRICKY = ("Say \"hi\", then leave; 'ok'?", "Zwei\nZeilen", "  kept blanks  ", "ü \u2028 漢字 🙂")


def written(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def as_csv(texts, *, column: str = "goal") -> str:
    folded = [",".join(['"' + t.replace('"', '""') + '"', "x"]) for t in texts]
    return "\r\n".join([f"{column},target", *folded]) + "\r\n"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json", json.dumps(TRICKY)),
        ("a.json", json.dumps([{"id": 1, "prompt": t} for t in TRICKY], indent=2)),
        ("a.json", json.dumps({"source": "x", "prompts": list(TRICKY), "year": 2024})),
        ("a.json", json.dumps({"data": [{"goal": t} for t in TRICKY]}, ensure_ascii=False)),
        ("a.jsonl", "\n".join(json.dumps({"Goal": t}, ensure_ascii=False) for t in TRICKY)),
        ("a.jsonl", "\r\n\r\n".join(json.dumps(t) for t in TRICKY)),
        ("a.csv", as_csv(TRICKY)),
        ("A.CSV", as_csv(TRICKY).replace("goal,", " text ,", 1)),
        ("a.csv", as_csv(TRICKY).replace(",x\r\n", ",x\r\n\r\n")),
    ],
)
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["", "byte order mark"])
def test_every_format_gives_back_the_texts_to_the_letter(tmp_path, name, content, mark) -> None:
    assert read(written(tmp_path, name, mark + content.encode())) == TRICKY


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=repr)
def test_a_text_file_has_one_prompt_a_line_and_blank_lines_do_not_count(tmp_path, end) -> None:
    lines = ["", "  first one ", "   ", "second\u2028one", ""]
    path = written(tmp_path, "a.txt", b"\xef\xbb\xbf" + end.join(lines).encode())
    assert read(path) == ("first one", "second\u2028one")


@given(texts=st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"])), min_size=1))
def test_what_the_csv_and_json_libraries_write_is_read_back(tmp_path_factory, texts) -> None:
    texts = [f"{text}." for text in texts]
    folder = tmp_path_factory.mktemp("written")
    with (folder / "a.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["id", "text"], *([i, text] for i, text in enumerate(texts))])
    (folder / "a.json").write_text(json.dumps({"rows": texts}), encoding="utf-8")
    assert read(folder / "a.csv") == read(folder / "a.json") == tuple(texts)


COLUMNS = [
    *("instruction", "prompt", "goal", "Goal", "forbidden_prompt"),
    *("Behavior", "behavior", "question", "Question", "query", "Query", "Prompt", "text"),
]


@pytest.mark.parametrize("earlier", range(len(COLUMNS) - 1))
def test_the_first_known_column_wins_wherever_it_stands(tmp_path, earlier) -> None:
    first, second = COLUMNS[earlier : earlier + 2]
    entry = {"category": "c", second: "no", first: "yes"}
    assert read(written(tmp_path, "a.jsonl", json.dumps(entry))) == ("yes",)
    assert read(written(tmp_path, "a.csv", f"category,{second},{first}\nc,no,yes")) == ("yes",)


@pytest.mark.parametrize(("limit", "count"), [(None, 4), (1, 1), (3, 3), (9, 4)])
def test_the_limit_keeps_the_first_prompts(tmp_path, limit, count) -> None:
    path = written(tmp_path, "a.json", json.dumps(TRICKY))
    assert read(path, limit=limit) == TRICKY[:count]


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_below_one_is_refused(tmp_path, limit) -> None:
    with pytest.raises(SteeringError, match=f"limit of prompts is {limit}; give 1 or more"):
        read(written(tmp_path, "a.txt", "one\ntwo"), limit=limit)


BAD = {
    "unknown ending": ("a.tsv", "goal\nx", [".tsv", "'.csv'", "'.jsonl'"]),
    "no ending": ("prompts", "x", ["ends in ''", "'.txt'"]),
    "empty json": ("a.json", "", ["holds no prompts"]),
    "empty list": ("a.json", "[]", ["holds no prompts"]),
    "empty jsonl": ("a.jsonl", "\n \n", ["holds no prompts"]),
    "empty csv": ("a.csv", "", ["holds no prompts"]),
    "csv of a header only": ("a.csv", "goal,target\n", ["holds no prompts"]),
    "empty text": ("a.txt", "\ufeff \n\n", ["holds no prompts"]),
    "broken json": ("a.json", '["a",\n"b",\n"c"', ["line 3", "broken JSON", "mend"]),
    "broken jsonl": ("a.jsonl", '"a"\n\n{"goal": "b"\n', ["line 3", "broken JSON", "mend"]),
    "json nested too deep": ("a.json", "[" * 200_000, ["cannot be read", "simplify"]),
    "json number too long": ("a.jsonl", '"a"\n' + "9" * 5000, ["line 2", "cannot be read"]),
    "json number": ("a.json", "7", ["holds a int", "list of strings or objects"]),
    "json string": ("a.json", '"hi"', ["holds a str", "list of strings or objects"]),
    "object without list": ("a.json", '{"prompt": "hi"}', ["0 lists", "'prompt'"]),
    "object with two lists": ("a.json", '{"x": ["a"], "y": ["b"]}', ["2 lists", "'x', 'y'"]),
    "json without text column": ("a.json", '["a", {"Q": "b", "A": 1}]', ["entry 2", "'Q', 'A'"]),
    "jsonl without text column": ("a.jsonl", '{"Q": "b"}', ["line 1", "'Q'", "'forbidden_prompt'"]),
    "empty object": ("a.jsonl", "{}", ["line 1", "no columns at all"]),
    "csv without text column": ("a.csv", "Q,Goals\na,b", ["line 1", "'Q', 'Goals'", "'Goal'"]),
    "null": ("a.jsonl", '"a"\n{"goal": null}', ["line 2", "'goal'", "None", "must be a string"]),
    "number": ("a.json", '["a", 12]', ["entry 2", "12", "int", "must be a string"]),
    "nested list": ("a.json", '[["a"]]', ["entry 1", "['a']", "list", "must be a string"]),
    "blank string": ("a.json", '["a", "b", " \\n"]', ["entry 3", "empty", "remove"]),
    "blank in jsonl": ("a.jsonl", '"a"\n{"text": ""}', ["line 2", "'text'", "empty"]),
    "blank in csv": ("a.csv", "id,goal\n1,a\n2,\n", ["line 3", "empty"]),
    "short row": ("a.csv", "id,goal\n1,a\n2\n", ["line 3", "1 fields", "header of 2"]),
    "unquoted comma": ("a.csv", "goal\na\nb, c\n", ["line 3", "2 fields", "quotes"]),
    "open quote": ("a.csv", 'goal\n"a\nb', ["line 3", "not valid CSV", "mend the quotes"]),
    "field too large": ("a.csv", "goal\nok\n" + "x" * 131_073, ["line 3", "131072", "shorten"]),
    "latin-1": ("a.txt", b"one\ntwo\n\xfcber", ["line 3", "not UTF-8", "save the file as UTF-8"]),
    "latin-1 after a mark": ("a.txt", b"\xef\xbb\xbfa\n\xfc", ["line 2", "not UTF-8"]),
    "utf-16": ("a.jsonl", '"a"'.encode("utf-16"), ["line 1", "not UTF-8"]),
    "utf-16 without a mark": ("a.txt", "Hi\nyou".encode("utf-16-le"), ["it looks like UTF-16"]),
    "utf-16 the other way": ("a.csv", "goal\nHi".encode("utf-16-be"), ["it looks like UTF-16"]),
    "utf-32": ("a.json", '["Hi"]'.encode("utf-32"), ["it looks like UTF-32"]),
    "utf-32 without a mark": ("a.json", '["Hi"]'.encode("utf-32-be"), ["it looks like UTF-32"]),
    "gzip": ("a.jsonl", gzip.compress(b'"Hi"'), ["is a gzip archive", "unpack it first"]),
    "spreadsheet as csv": ("a.csv", b"PK\x03\x04\x14\0", ["a spreadsheet", "as CSV in UTF-8"]),
    "parquet as json": ("a.json", b"PAR1\x15\x04", ["is a Parquet table", ".jsonl"]),
    "parquet": ("a.parquet", b"PAR1\x15\x04", ["is a Parquet table", ".jsonl"]),
    "spreadsheet": ("a.xlsx", b"PK\x03\x04\x14\0", ["a spreadsheet", "as CSV in UTF-8"]),
    "compressed": ("a.jsonl.gz", gzip.compress(b'"Hi"'), ["is a gzip archive", "unpack"]),
    "windows-1252": ("a.txt", b"one\nmake \xe9clairs\n", ["line 2", "reads 'make éclairs'"]),
    "zero byte": ("a.txt", "one\ntw\0o", ["line 2", "U+0000 at character 3", "remove it"]),
    "escape": ("a.jsonl", '"a"\n{"goal": "\\u001b[31m"}', ["line 2", "'goal'", "U+001B"]),
    "control in csv": ("a.csv", "goal\nok\na\x07b", ["line 3", "U+0007"]),
    "too long a line": ("a.txt", "ok\n" + "x" * 20_000, ["line 2", "20,000", "at most 4,000"]),
    "too long an entry": ("a.json", json.dumps(["ok", "x" * 4001]), ["entry 2", "4,001"]),
    "comments only": ("a.txt", "# one\n#two\n", ["holds no prompts"]),
    "half a character": ("a.jsonl", '"a"\n"\\ud83d"', ["line 2", "half a character"]),
}


@pytest.mark.parametrize(("name", "content", "told"), BAD.values(), ids=BAD)
def test_a_bad_file_is_an_error_that_says_what_and_where(tmp_path, name, content, told) -> None:
    path = written(tmp_path, name, content)
    with pytest.raises(SteeringError) as caught:
        read(path)
    assert [part for part in [str(path), *told] if part not in str(caught.value)] == []
    assert len(str(caught.value)) < 400 + len(str(path))


def test_a_bad_entry_behind_the_limit_is_still_reported(tmp_path) -> None:
    with pytest.raises(SteeringError, match="entry 2"):
        read(written(tmp_path, "a.json", '["a", 2]'), limit=1)


def test_a_huge_wrong_value_is_shortened_in_the_error(tmp_path) -> None:
    with pytest.raises(SteeringError, match=r"x, a list; it must") as caught:
        read(written(tmp_path, "a.json", json.dumps([["x" * 10_000]])))
    assert len(str(caught.value)) < 400


def test_a_missing_file_is_an_error_that_names_it(tmp_path) -> None:
    with pytest.raises(SteeringError, match=r"no prompt file .*gone\.csv; check the path"):
        read(tmp_path / "gone.csv")


@pytest.mark.parametrize("name", ["folder", "folder.csv"])
def test_a_folder_is_an_error_that_says_so(tmp_path, name) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(SteeringError, match=r"is a folder; give one file that ends in '\.json'"):
        read(tmp_path / name)


def test_a_name_that_the_system_refuses_is_an_error_that_says_so(tmp_path) -> None:
    with pytest.raises(SteeringError, match=r"cannot be read .*check its name"):
        read(tmp_path / ("x" * 300 + ".txt"))


def test_a_file_that_may_not_be_read_is_an_error_that_says_so(tmp_path, monkeypatch) -> None:
    def refuse(self: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(self))

    path = written(tmp_path, "a.txt", "one")
    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(SteeringError, match=r"cannot be read \(Permission denied\)"):
        read(path)


def test_the_field_limit_of_the_csv_library_is_left_as_it_was(tmp_path) -> None:
    before = csv.field_size_limit()
    read(written(tmp_path, "a.csv", "goal,target\nok," + "x" * before))
    assert csv.field_size_limit() == before


def test_the_columns_are_those_of_the_command_line_in_that_order() -> None:
    chats = ["messages", "conversations", "conversation"]
    assert list(steering.data.prompts.TEXT_COLUMNS) == [*COLUMNS, *chats]


# Comments in text files


def test_comments_are_left_out_of_text_files_and_their_number_is_told(tmp_path, capsys) -> None:
    path = written(tmp_path, "a.txt", "# note\nHi\n  # another\nHow do I write C#?\n#\n")
    assert read(path) == ("Hi", "How do I write C#?")
    assert f"{path}: 3 lines begin with # and were left out as comments" in capsys.readouterr().err
    read(written(tmp_path, "a.txt", "Hi"))
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.csv", "goal\n# a title\n"), ("a.jsonl", '"# a title"'), ("a.json", '["# a title"]')],
)
def test_only_text_files_have_comments(tmp_path, name, content) -> None:
    assert read(written(tmp_path, name, content)) == ("# a title",)


def test_a_text_of_the_sets_knows_its_category_and_any_other_has_none() -> None:
    for each in (*prompt_set("harmful"), *prompt_set("borderline")):
        assert category_of(each.text) == each.category
    assert category_of(prompt_set("harmful")[0].text + "?") == ""
