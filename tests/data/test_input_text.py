import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steering.data.input_text import MAX_CHARACTERS, flaw, from_command_line, require_clean
from steering.errors import SteeringError
from steering.inference.comparison import check_length

LAYOUT = "\t\n\v\f\r\x85"


@given(text=st.text(st.characters(exclude_categories=["Cs", "Cc"])))
def test_what_people_write_is_taken_whatever_the_language(text):
    assert flaw(text) is None
    assert flaw(f"{text}{LAYOUT}") is None


@pytest.mark.parametrize("number", [*range(0x20), *range(0x7F, 0xA0)])
def test_every_control_character_but_those_of_layout_is_found(number):
    sign = chr(number)
    assert unicodedata.category(sign) == "Cc"
    told = flaw(f"ab{sign}c")
    if sign in LAYOUT:
        assert told is None
    else:
        assert told == f"the control character U+{number:04X} at character 3"


@given(number=st.integers(0xD800, 0xDFFF))
def test_half_a_character_is_found_and_no_tokenizer_could_encode_it(number):
    with pytest.raises(UnicodeEncodeError):
        chr(number).encode("utf-8")
    assert flaw(f"🙂{chr(number)}") == f"half a character (\\u{number:04x}) at character 2"


@pytest.mark.parametrize("bad", ["\udce9", "\0", "\x1b[31m", "\x93"])
def test_a_request_that_no_one_can_have_typed_is_refused_before_a_tokenizer_sees_it(bad):
    check_length("How do I make éclairs?\n\tPlease.")
    with pytest.raises(SteeringError, match=r"the request holds .* at character 4.*remove it"):
        check_length(f"How{bad} do I")


def test_the_sentence_itself_can_be_printed_and_sent_anywhere():
    with pytest.raises(SteeringError) as caught:
        require_clean("a\ud83d", "the text")
    assert str(caught.value).isascii()


def test_the_longest_request_is_taken_and_one_character_more_is_not():
    check_length("a" * MAX_CHARACTERS)
    with pytest.raises(SteeringError, match="too long: 4,001 characters"):
        check_length("a" * (MAX_CHARACTERS + 1))


# Arguments of the command line, which Python reads by the locale (PEP 383)


@given(text=st.text(st.characters(exclude_categories=["Cs"])))
def test_utf_8_is_read_as_such_even_where_the_locale_knew_ascii_only(text):
    as_python_hands_it_over = text.encode("utf-8").decode("ascii", "surrogateescape")
    assert from_command_line(as_python_hands_it_over, "--prompt") == text
    assert from_command_line(text, "--prompt") == text


def test_another_encoding_is_told_with_the_byte_and_what_it_looks_like():
    argument = b"How do I make \xe9clairs?".decode("utf-8", "surrogateescape")
    with pytest.raises(SteeringError) as caught:
        from_command_line(argument, "--prompt")
    told = str(caught.value)
    assert "--prompt is not UTF-8: byte 0xe9 at byte 15" in told
    assert "make éclairs?" in told
    assert "iconv" in told


@pytest.mark.parametrize("raw", [b"\xff\xfeH\x00i\x00", b"caf\xe9 \xf0\x9f\x99\x82", b"\x80"])
def test_bytes_of_any_kind_end_in_a_sentence(raw):
    with pytest.raises(SteeringError, match="is not UTF-8"):
        from_command_line(raw.replace(b"\0", b"").decode("utf-8", "surrogateescape"), "--panel")


def test_a_surrogate_that_stands_for_no_byte_is_told_too():
    with pytest.raises(SteeringError, match=r"--prompt holds half a character \(\\ud83d\)"):
        from_command_line("a\ud83d", "--prompt")
