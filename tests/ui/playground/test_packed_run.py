import json
import zlib
from base64 import urlsafe_b64encode

import pytest

from steering.artifacts import saved_runs
from steering.errors import SteeringError
from steering.maps.steerable_model import SteerableModel
from steering.ui.playground import ended_runs, packed_run
from tests.helpers.ended import ended

NASTY = 'Say </script> & "<b>" + %2B héllo 語'


@pytest.fixture(scope="module")
def document(tiny, fitted):
    return ended_runs.document(ended(SteerableModel(tiny, fitted), prompt=NASTY))


def word_of(data: bytes) -> str:
    return urlsafe_b64encode(zlib.compress(data, 9)).decode().rstrip("=")


def test_a_packed_run_is_the_run_again(document):
    word = packed_run.packed(document)
    assert packed_run.unpacked(word) == saved_runs.parsed(json.dumps(document), "x")
    assert set(word) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def test_a_run_that_is_too_long_for_a_link_is_refused(document, monkeypatch):
    length = len(packed_run.packed(document))
    monkeypatch.setattr(packed_run, "MOST_SIGNS", length)
    assert packed_run.packed(document)
    monkeypatch.setattr(packed_run, "MOST_SIGNS", length - 1)
    with pytest.raises(SteeringError, match="save the run as data"):
        packed_run.packed(document)


def test_a_bomb_is_not_unpacked(monkeypatch):
    word = word_of(b" " * 2**24)
    assert len(word) < packed_run.MOST_SIGNS
    made = zlib.decompressobj
    most = []

    class Watched:
        def __init__(self):
            self.inner = made()

        def decompress(self, data, limit):
            found = self.inner.decompress(data, limit)
            most.append(len(found))
            return found

    monkeypatch.setattr(zlib, "decompressobj", Watched)
    with pytest.raises(SteeringError, match="unpacks to more than 1,048,576 bytes"):
        packed_run.unpacked(word)
    assert most == [2**20 + 1]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda word: word[:-8], "is damaged"),
        (lambda word: word[:40] + "AAAA" + word[44:], "is damaged"),
        (lambda word: word + "AAAA", "is damaged"),
        (lambda _: "", "is damaged"),
        (lambda _: "A", "is damaged"),
        (lambda word: word[:9] + "\n" + word[9:], "is damaged"),
        (lambda _: "é" * 8, "is damaged"),
        (lambda _: word_of(b"\xff"), "is damaged"),
        (lambda _: word_of(b"{}"), "the run in this link is no saved run"),
        (lambda _: "A" * 30_001, "has 30,001 signs"),
    ],
)
def test_a_word_that_is_no_run_is_told(document, change, words):
    with pytest.raises(SteeringError, match=words):
        packed_run.unpacked(change(packed_run.packed(document)))
