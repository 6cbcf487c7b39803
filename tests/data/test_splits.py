import json
from pathlib import Path

import pytest

from steering.data import prompts as prompt_sets
from steering.data.splits import PromptSplits
from steering.errors import SteeringError


def write_prompts(path: Path, n: int, word: str) -> Path:
    path.write_text("\n".join(f"{word} number {i}" for i in range(n)))
    return path


def test_files_are_split_without_overlap_and_always_alike(tmp_path):
    bad = write_prompts(tmp_path / "bad.txt", 40, "bad")
    good = write_prompts(tmp_path / "good.txt", 60, "good")
    found = PromptSplits.of_files(bad, good)
    assert found == PromptSplits.of_files(bad, good)
    assert "bad.txt sha256:" in found.source
    assert "good.txt sha256:" in found.source
    for name, n in (("harmful", 40), ("harmless", 60)):
        parts = [found.train[name], found.validation[name], found.test[name]]
        assert [len(part) for part in parts] == [int(0.6 * n), int(0.15 * n), n // 4]
        assert len({text for part in parts for text in part}) == n
    # Shuffled: the files may be sorted by kind.
    assert found.train["harmful"] != [f"bad number {i}" for i in range(24)]


def test_31_prompts_are_enough_and_30_are_not(tmp_path):
    good = write_prompts(tmp_path / "good.txt", 31, "good")
    other = write_prompts(tmp_path / "other.txt", 31, "bad")
    assert PromptSplits.of_files(other, good).validation["harmful"]
    few = write_prompts(tmp_path / "few.txt", 30, "bad")
    with pytest.raises(SteeringError, match=r"few\.txt has 30 prompts; at least 31 are needed"):
        PromptSplits.of_files(few, good)
    with pytest.raises(SteeringError, match=r"few\.txt has 30 prompts"):
        PromptSplits.of_files(good, few)


@pytest.mark.parametrize("shared", ["good number 3", "Good  NUMBER 3 "])
def test_a_prompt_in_both_files_is_told(tmp_path, shared):
    good = write_prompts(tmp_path / "good.txt", 40, "good")
    bad = write_prompts(tmp_path / "bad.txt", 40, "bad")
    PromptSplits.of_files(bad, good)
    bad.write_text(f"{bad.read_text()}\n{shared}")
    with pytest.raises(SteeringError, match=r"1 prompts of .*bad\.txt are in .*good\.txt, too"):
        PromptSplits.of_files(bad, good)
    with pytest.raises(SteeringError, match="40 prompts"):
        PromptSplits.of_files(good, good)


def test_a_repeated_prompt_counts_once_and_is_never_on_both_sides_of_a_split(tmp_path):
    good = write_prompts(tmp_path / "good.txt", 40, "good")
    bad = write_prompts(tmp_path / "bad.txt", 40, "bad")
    once = PromptSplits.of_files(bad, good)
    bad.write_text(f"{bad.read_text()}\nbad number 7\nBad number  8")
    twice = PromptSplits.of_files(bad, good)
    assert twice.train == once.train
    assert twice.test == once.test
    assert "bad.txt sha256:" in twice.source
    assert "(without 2 repeated)" in twice.source
    many = write_prompts(tmp_path / "many.txt", 30, "bad")
    many.write_text("\n".join([many.read_text()] * 5))
    with pytest.raises(SteeringError, match=r"many\.txt has 30 different prompts; at least 31"):
        PromptSplits.of_files(many, good)


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    good = write_prompts(tmp_path / "good.txt", 40, "good")
    with pytest.raises(SteeringError, match=r"nowhere\.txt"):
        PromptSplits.of_files(tmp_path / "nowhere.txt", good)
    (tmp_path / "wrong.json").write_text(json.dumps([{"colour": "red"}] * 40))
    with pytest.raises(SteeringError, match=r"wrong\.json, entry 1"):
        PromptSplits.of_files(good, tmp_path / "wrong.json")


def test_the_own_splits_share_no_prompt():
    own = PromptSplits.own()
    parts = [texts for split in (own.train, own.validation, own.test) for texts in split.values()]
    texts = [text for part in parts for text in part]
    assert len(set(texts)) == len(texts)
    assert prompt_sets.sha256() in own.source
    assert set(own.test) == {"harmful", "harmless", "borderline"}
    assert set(own.train) == set(own.validation) == {"harmful", "harmless"}


def test_test_prompts_are_limited_alone_or_with_those_that_are_fitted_on():
    own = PromptSplits.own()
    tested, every = own.limited(5), own.limited(5, fitting=True)
    assert {len(texts) for texts in tested.test.values()} == {5}
    assert (tested.train, tested.validation) == (own.train, own.validation)
    for few, whole in ((every.train, own.train), (every.validation, own.validation)):
        assert few.keys() == whole.keys()
        for name, texts in few.items():
            assert len(texts) == 5
            assert set(texts) <= set(whole[name])
    assert every.test == tested.test
