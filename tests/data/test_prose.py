import hashlib
import re
from pathlib import Path

import pytest

from steering.data import prose
from steering.data.prose import Passage, passages, read
from steering.errors import SteeringError
from steering.models import loading
from steering.sources import weights
from steering.sources.catalog import DEFAULT_MODEL
from steering.verdicts.rules import contains_refusal_phrase, judge

SHIPPED = Path(prose.__file__).with_name("prose.txt")


def test_there_are_many_genres_each_once_and_each_of_some_length():
    genres = [passage.genre for passage in passages()]
    assert len(set(genres)) == len(genres) >= 8
    for passage in passages():
        assert len(passage.paragraphs) >= 4
        assert 200 <= len(passage.text.split()) <= 600  # no genre outweighs the others


def test_the_prose_is_long_enough_for_a_perplexity():
    """Tokenizers make at least 1.2 tokens of a word with its punctuation, so that 4,500 words are
    beyond 5,000 tokens; the default model's own count is below."""
    words = sum(len(re.findall(r"\w+", passage.text)) for passage in passages())
    assert words >= 4_500


@pytest.mark.model
def test_the_prose_has_five_thousand_tokens_of_the_default_model():
    if weights.cached(DEFAULT_MODEL) is None:
        pytest.skip("the default model is not on this machine")
    tokenizer = loading.AutoTokenizer.from_pretrained(weights.fetch(DEFAULT_MODEL).folder)
    count = sum(len(tokenizer.encode(passage.text)) for passage in passages())
    assert count >= 5_000


def test_every_word_of_the_file_is_in_a_passage():
    text = SHIPPED.read_text("utf-8")
    without_headings = re.sub(r"(?m)^=== .*$", "", text)
    assert " ".join(passage.text for passage in passages()).split() == without_headings.split()
    assert "===" not in "".join(passage.text for passage in passages())


def test_nothing_in_it_sounds_like_a_refusal_or_a_loop():
    for passage in passages():
        for paragraph in passage.paragraphs:
            assert judge(paragraph).verdict == "answered", paragraph
            assert not contains_refusal_phrase(paragraph)


def test_no_paragraph_comes_twice():
    everything = [paragraph for passage in passages() for paragraph in passage.paragraphs]
    assert len(set(everything)) == len(everything)


def test_code_keeps_its_lines_and_indentation():
    (code,) = [passage for passage in passages() if passage.genre == "programming"]
    sources = [part for part in code.paragraphs if part.startswith("def ")]
    assert len(sources) >= 3
    for source in sources:
        compile(source, "prose", "exec")


def test_the_hash_is_that_of_the_file():
    digest = hashlib.sha256(SHIPPED.read_bytes()).hexdigest()
    assert prose.source() == f"steering/prose.txt sha256:{digest}"


# Files of one's own


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_empty_lines_part_the_paragraphs_of_any_file(tmp_path, line_end):
    file = tmp_path / "mine.md"
    content = "\n\n# A title\n\nOne line,\nand another.  \n \t\n\n    indented\nend\n"
    file.write_bytes(b"\xef\xbb\xbf" + content.replace("\n", line_end).encode())
    assert read(file) == Passage(
        "mine.md", ("# A title", "One line,\nand another.", "    indented\nend")
    )


def test_a_heading_of_the_shipped_file_means_nothing_in_another(tmp_path):
    file = tmp_path / "wiki.txt"
    file.write_text("=== History\nIt began here.\n")
    assert read(file).text == "=== History\nIt began here."


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "is empty"),
        (b" \n\t\n\n", "is empty"),
        (b"fine\nfine \xff\n", "line 2: not UTF-8"),
        (b"PK\x03\x04\x00\x00", "a spreadsheet or a zip archive, not a text file"),
        (b"a long line of text\x00and more of it", "zero bytes"),
    ],
)
def test_a_file_that_is_not_text_is_refused_with_a_reason(tmp_path, content, complaint):
    file = tmp_path / "odd.txt"
    file.write_bytes(content)
    with pytest.raises(SteeringError, match=complaint) as caught:
        read(file)
    assert "odd.txt" in str(caught.value)


def test_a_missing_file_and_a_folder_are_told_apart(tmp_path):
    with pytest.raises(SteeringError, match="there is no text file"):
        read(tmp_path / "none.txt")
    with pytest.raises(SteeringError, match="cannot be read"):
        read(tmp_path)


@pytest.mark.parametrize("paragraphs", [(), ("words", " \n")])
def test_a_passage_without_words_cannot_be_made(paragraphs):
    with pytest.raises(ValueError, match="no paragraph, or an empty one"):
        Passage("odd", paragraphs)
