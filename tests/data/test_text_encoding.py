import codecs
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from steering.data.text_encoding import BINARY_KINDS, decoded
from steering.errors import SteeringError

PATH = Path("prompts.txt")
WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1)


@given(text=WORDS, mark=st.sampled_from([b"", codecs.BOM_UTF8]))
def test_utf_8_is_read_to_the_letter_with_or_without_its_mark(text, mark):
    assume(not text.startswith("\ufeff"))
    assume(not any(text.encode().startswith(first) for first, _, _ in BINARY_KINDS.values()))
    assert decoded(mark + text.encode(), PATH) == text


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le"])
@given(text=st.text("abcdefgh ", min_size=8))
def test_wide_encodings_are_told_by_name_also_without_a_mark(encoding, text):
    name = encoding[:6].upper()
    with pytest.raises(SteeringError, match=f"it looks like {name}; save the set as UTF-8"):
        decoded(text.encode(encoding), PATH, what="set")


@pytest.mark.parametrize("ending", BINARY_KINDS)
def test_what_is_no_text_is_told_by_its_first_bytes_whatever_its_name(ending):
    first, name, remedy = BINARY_KINDS[ending]
    with pytest.raises(SteeringError) as caught:
        decoded(first + b"\0 more", PATH)
    assert str(caught.value) == f"prompts.txt is {name}, not a text file; {remedy}"


def test_a_byte_that_is_no_utf_8_is_found_in_its_line_behind_a_mark_too():
    for mark in (b"", codecs.BOM_UTF8):
        with pytest.raises(SteeringError, match=r"line 3: .* it reads 'crème'"):
            decoded(mark + b"one\ntwo\ncr\xe8me\nfour", PATH)
