import pytest
from hypothesis import given
from hypothesis import strategies as st

from steering.chat_templates.chat_template import open_template
from steering.chat_templates.token_texts import token_texts
from tests.helpers.tiny_models import FAMILIES, make_tokenizer


@pytest.fixture(scope="module")
def templates():
    return {name: open_template(name, make_tokenizer(each)) for name, each in FAMILIES.items()}


TEXTS = (
    "I cannot help with that request.",
    " leading blank,  two blanks\n\nand lines",
    "Ünïcödé 猫 🦊🐻",
    "",
    "🦊",
)


def test_the_texts_of_tokens_make_up_the_text_of_all_in_every_family(templates):
    for template in templates.values():
        for text in TEXTS:
            ids = template.encode(text)
            texts = template.texts(ids)
            assert len(texts) == len(ids)
            assert "".join(texts) == template.decode(ids)
            assert "\ufffd" not in "".join(texts)


@given(ids=st.lists(st.integers(0, 402), max_size=40))
def test_so_do_those_of_any_tokens_also_of_broken_characters(templates, ids):
    for name in ("qwen2", "llama2", "gemma"):
        texts = templates[name].texts(ids)
        assert len(texts) == len(ids)
        assert "".join(texts) == templates[name].decode(ids)


def test_a_character_of_several_tokens_belongs_to_the_last(templates):
    template = templates["qwen2"]
    ids = template.encode("a🦊b")
    texts = template.texts(ids)
    assert texts[0] == "a"
    assert texts[-1] == "b"
    assert [text for text in texts[1:-1] if text] == ["🦊"]
    assert texts[-2] == "🦊"


def test_a_blank_before_a_word_is_kept_where_one_token_alone_loses_it(templates):
    template = templates["llama2"]
    ids = template.encode("I am sorry")
    assert "".join(template.decode([token]) for token in ids) != "I am sorry"
    assert "".join(template.texts(ids)) == "I am sorry"


def test_control_tokens_are_shown_as_text(templates):
    template = templates["qwen2"]
    end = template.tokenizer.eos_token_id
    assert template.texts([*template.encode("ok"), end])[-1] == "<|im_end|>"


def test_the_work_grows_with_the_number_of_tokens_only(templates):
    """Each token is decoded with its neighbours, never with all before it."""
    template = templates["qwen2"]
    seen = []

    def decode(tokens):
        seen.append(len(tokens))
        return template.decode(tokens)

    ids = template.encode("word " * 200)
    token_texts(ids, decode)
    assert sum(seen) < 10 * len(ids)
