import re

import pytest

from steering.artifacts.citation import bibtex

MADE = {
    "weights": {"source": "hub", "sha256": "ab" * 32, "revision": None},
    "prompts": "steering/prompts.jsonl sha256:cd",
    "dtype": "float32",
    "quantization": "none",
    "versions": {"torch": "2.13.0", "python": "3.11"},
}


def fields(entry: str) -> dict[str, str]:
    return dict(re.findall(r"^  (\w+) += \{(.*)\},?$", entry, re.MULTILINE))


def test_a_result_is_cited_with_what_made_it_and_with_the_papers():
    own, *papers = re.split(
        r"^(?=@)", bibtex("a/Tiny_1", "run --model a/Tiny_1", "1.2", MADE), flags=re.M
    )[1:]
    assert own.startswith("@misc{refusal-steering-tiny1,\n")
    note = fields(own)["note"]
    assert r"made by: run --model a/Tiny\_1" in note
    assert "sha256 " + "ab" * 32 in note
    assert "number format float32" in note
    assert "torch 2.13.0" in note
    assert "revision" not in note
    assert len(papers) == 3


@pytest.mark.parametrize("model", ["a}b{c", "50 % & more", "C:\\models\\x", "_", "~^#$"])
def test_no_name_breaks_the_entry(model):
    text = bibtex(model, f"run --model {model}", "1.2")
    assert text.count("\\{") == text.count("\\}") * model.count("{") // max(model.count("}"), 1)
    bare = re.sub(r"\\[{}]", "", text)
    depth = 0
    for sign in re.findall(r"[{}]", bare):
        depth += 1 if sign == "{" else -1
        assert depth >= 0
    assert depth == 0
    assert not re.search(r"(?<!\\)[%&#$]", text)
