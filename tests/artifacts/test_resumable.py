import pytest
import torch

from steering.artifacts.resumable import Stages


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("STEERING_CACHE", str(tmp_path / "cache"))


def test_a_stage_computes_each_key_once_and_returns_them_in_order():
    seen: list[str] = []

    def compute(key: str) -> dict[str, str]:
        seen.append(key)
        return {"twice": key * 2}

    stages = Stages(["a"])
    assert stages.lines("words", ["b", "a"], compute) == [{"twice": "bb"}, {"twice": "aa"}]
    assert Stages(["a"]).lines("words", ["a", "c", "b"], compute) == [
        {"twice": "aa"},
        {"twice": "cc"},
        {"twice": "bb"},
    ]
    assert seen == ["b", "a", "c"]


def test_what_was_known_before_an_interruption_is_kept():
    def compute(key: str) -> dict[str, str]:
        if key == "c":
            raise KeyboardInterrupt
        return {"is": key}

    with pytest.raises(KeyboardInterrupt):
        Stages(["a"]).lines("words", ["a", "b", "c"], compute)
    seen: list[str] = []

    def again(key: str) -> dict[str, str]:
        seen.append(key)
        return {"is": key}

    found = Stages(["a"]).lines("words", ["a", "b", "c"], again)
    assert found == [{"is": "a"}, {"is": "b"}, {"is": "c"}]
    assert seen == ["c"]


def test_results_that_come_in_an_order_of_their_own_are_returned_in_that_of_the_keys():
    asked = []

    def compute(todo):
        asked.append(todo)
        for key in reversed(todo):
            if key == "a":
                raise KeyboardInterrupt
            yield key, {"is": key}

    with pytest.raises(KeyboardInterrupt):
        Stages(["a"]).streamed("words", ["b", "a", "c", "b"], compute)

    def rest(todo):
        asked.append(todo)
        return [(key, {"is": key}) for key in todo]

    found = Stages(["a"]).streamed("words", ["b", "a", "c", "b"], rest)
    assert found == [{"is": key} for key in ("b", "a", "c", "b")]
    assert asked == [["b", "a", "c"], ["b", "a"]]
    Stages(["a"]).streamed("words", ["a", "c"], rest)  # nothing is asked for where all is known
    assert len(asked) == 2


@pytest.mark.parametrize("cut", [1, 9, 20])
def test_a_last_line_that_was_cut_off_is_dropped_and_computed_again(cut):
    def compute(key: str) -> dict[str, str]:
        return {"猫": key}

    stages = Stages(["a"])
    expected = stages.lines("words", ["a", "b"], compute)
    path = stages.folder / "words.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    assert stages.lines("words", ["a", "b"], compute) == expected
    assert path.read_bytes() == whole


def test_tensors_of_a_stage_are_computed_once():
    calls: list[int] = []

    def compute() -> dict[str, torch.Tensor]:
        calls.append(1)
        return {"x": torch.arange(3.0)}

    first = Stages(["a"]).tensors("states", compute)
    second = Stages(["a"]).tensors("states", compute)
    assert torch.equal(first["x"], second["x"])
    assert len(calls) == 1
