"""Single tokens as people read them, in every kind of vocabulary."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steering.chat_templates.chat_template import open_template
from steering.chat_templates.readable_tokens import answer_texts, readable_token
from tests.helpers import templates as sources
from tests.helpers.templates import opened
from tests.helpers.tiny_models import FAMILIES, make_tokenizer

TEXT = "I am sorry: 猫🦊 é,\nno"


@pytest.fixture(scope="module")
def templates():
    return {name: open_template(name, make_tokenizer(each)) for name, each in FAMILIES.items()}


def pieces(template, text):
    before = template.ids("Hi")
    ids = template.encode(text)
    return [template.readable(ids[i], [*before, *ids[:i]]) for i in range(len(ids))]


def test_every_token_is_readable_in_every_family(templates):
    for template in templates.values():
        found = pieces(template, TEXT)
        assert all(found)
        assert not any("\ufffd" in piece for piece in found)
        # What is no byte adds up to the text.
        assert "".join(piece for piece in found if "⟨" not in piece).strip() == TEXT


@pytest.mark.parametrize("family", ["qwen2", "llama2"])
def test_parts_of_a_character_are_bytes_and_the_last_is_the_character(templates, family):
    assert pieces(templates[family], "猫🦊")[-7:] == [
        *("⟨E7⟩", "⟨8C⟩", "猫"),
        *("⟨F0⟩", "⟨9F⟩", "⟨A6⟩", "🦊"),
    ]


def test_a_blank_is_kept_where_something_stands_before(templates):
    template = templates["llama2"]
    before = template.ids("Hi")
    (token,) = template.encode(" I")[-1:]
    assert template.readable(token, before).endswith("I")
    assert any(piece.startswith(" ") for piece in pieces(template, "I am sorry"))


def test_a_wrong_byte_after_text_is_shown_as_what_it_is(templates):
    template = templates["qwen2"]
    (first, *_), (letter,) = template.encode("🦊"), template.encode("z")
    assert template.readable(first, [letter]) == "⟨F0⟩"
    assert template.readable(letter, [letter, first]) == "z"


def test_what_no_bytes_spell_is_left_as_it_is():
    def decode(tokens):
        return "".join(("a", "", "\ufffd")[token] for token in tokens)

    assert readable_token(1, [0], decode, lambda _: None) == ""
    assert readable_token(1, [0], decode, lambda _: "漢") == ""
    assert readable_token(2, [0], decode, lambda _: "▁漢") == "\ufffd"


@given(ids=st.lists(st.integers(0, 402), max_size=24))
def test_the_parts_of_an_answer_make_it_up_whatever_the_tokens(templates, ids):
    for name in ("qwen2", "llama2"):
        template = templates[name]
        parts = template.answer_texts(ids)
        assert len(parts) == len(ids)
        assert "".join(parts) == template.split(ids).answer


def test_each_part_is_written_by_its_own_token(templates):
    template = templates["qwen2"]
    ids = template.encode("no 🦊!")
    parts = template.answer_texts(ids)
    assert parts[-1] == "!"
    assert parts[-2] == "🦊"
    assert parts[-5:-2] == ["", "", ""]


def test_thinking_and_control_tokens_write_nothing_of_the_answer():
    template = opened(sources.SWITCHED)
    text = "<think>\nwell\n</think>\n\nYes, no"
    ids = template.tokenizer.encode(text, add_special_tokens=False)
    parts = answer_texts(ids, template.split)
    assert "".join(parts) == template.split(ids).answer == "Yes, no"
    thought = len(template.tokenizer.encode("<think>\nwell\n</think>", add_special_tokens=False))
    assert not any(parts[:thought])
