import json

import pytest
import torch
from safetensors.torch import save_file

from steering.artifacts.differences import difference, values_of


@pytest.fixture
def pair(tmp_path):
    """Write two files of one name in two folders."""

    def write(name: str, *contents: object):
        paths = []
        for folder, content in zip(("before", "after"), contents, strict=True):
            (tmp_path / folder).mkdir(exist_ok=True)
            paths.append(tmp_path / folder / name)
            if name.endswith("safetensors"):
                save_file(content, paths[-1])
            else:
                text = content if isinstance(content, str) else json.dumps(content)
                paths[-1].write_text(text)
        return difference(*paths)

    return write


def test_equal_files_are_the_same(pair):
    found = pair("a.json", {"k": [1, 2.5, "x"]}, {"k": [1, 2.5, "x"]})
    assert found["identical"]
    assert (found["changed"], found["numbers"], found["largest"]) == (0, 2, 0.0)


def test_numbers_are_compared_by_how_much_and_words_by_where(pair):
    found = pair(
        "a.json",
        {"rate": 0.5, "n": 80, "verdict": "supported", "gone": 1, "none": None},
        {"rate": 0.75, "n": 80, "verdict": "undecided", "new": 2, "none": 1.0},
    )
    assert not found["identical"]
    assert (found["changed"], found["largest"]) == (3, 0.25)
    assert [each["path"] for each in found["changes"]] == ["verdict", "none", "rate"]
    assert (found["missing"], found["added"]) == (["gone"], ["new"])


def test_panels_are_known_by_their_text_not_by_their_place(pair):
    one, other = {"panel": "flip", "kl": 0.1}, {"panel": "ablation", "kl": 0.3}
    found = pair("a.json", {"panels": [one, other]}, {"panels": [other, {**one, "kl": 0.2}]})
    (change,) = found["changes"]
    assert (change["path"], change["before"], change["after"]) == ("panels[flip].kl", 0.1, 0.2)


def test_tables_are_read_by_panel(pair):
    found = pair(
        "a.csv", "panel,kl\nflip,0.1\nablation,0.25\n", "panel,kl\nablation,0.5\nflip,0.1\n"
    )
    assert (found["changed"], found["largest"]) == (1, 0.25)


def test_tensors_are_compared_number_by_number(pair, tmp_path):
    one = {"basis": torch.eye(2), "means": torch.zeros(3)}
    found = pair("a.safetensors", one, {**one, "means": torch.tensor([0.0, 0.5, 0.0])})
    assert (found["numbers"], found["changed"], found["largest"]) == (7, 1, 0.5)
    assert found["changes"][0]["path"] == "means[1]"
    assert len(values_of(tmp_path / "before" / "a.safetensors")) == 7
