import dataclasses

import pytest

from steering.sources.catalog import DEFAULT_MODEL, GgufSource, WheelSource, catalog, find

PAPER = {
    "gemma-2b-it": (18, 2048),
    "qwen1.5-1.8b-chat": (24, 2048),
    "yi-6b-chat": (32, 4096),
    "llama-2-7b-chat": (32, 4096),
    "llama-3-8b-instruct": (32, 4096),
}


def test_the_default_model_can_be_had_without_the_hub() -> None:
    entry = catalog()[DEFAULT_MODEL]
    assert entry.wheels is not None
    assert len(entry.wheels.packages) == 6
    assert next(iter(catalog())) == DEFAULT_MODEL  # shown first


def test_the_papers_five_models_are_there_with_their_sizes() -> None:
    assert {name: (catalog()[name].n_layers, catalog()[name].d_model) for name in PAPER} == PAPER


def test_only_the_publishers_that_ask_for_a_licence_are_gated() -> None:
    gated = {name for name, entry in catalog().items() if entry.gated}
    assert gated == {
        "gemma-2b-it",
        "llama-2-7b-chat",
        "llama-3-8b-instruct",
        "llama-3.2-1b-instruct",
        "llama-3.2-3b-instruct",
        "gemma-3-1b-it",
    }


def test_what_is_fetched_is_the_file_or_two_bytes_a_weight() -> None:
    assert catalog()[DEFAULT_MODEL].download_bytes == 491_400_064
    entry = catalog()["qwen3-0.6b"]
    assert entry.download_bytes == 2 * entry.parameters


def test_the_hashes_are_the_publishers() -> None:
    found = {name: entry.gguf.sha256 for name, entry in catalog().items() if entry.gguf}
    assert found == {
        "qwen2.5-coder-0.5b-instruct": (
            "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32"
        ),
        "smollm2-135m-instruct": (
            "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
        ),
    }


@pytest.mark.parametrize("name", list(PAPER))
def test_a_paper_model_has_the_refusal_openers_of_arditi(name: str) -> None:
    expected = ("I", "As") if name.startswith("qwen") else ("I",)
    assert catalog()[name].refusal_openers == expected


def test_fewer_bits_are_less_memory_but_embeddings_stay() -> None:
    for entry in catalog().values():
        memory = entry.weight_bytes
        assert memory["bfloat16"] == 2 * entry.parameters
        assert 2 * entry.embeddings < memory["nf4"] < memory["int8"] < memory["bfloat16"]


def test_every_entry_says_in_one_sentence_what_it_is_for() -> None:
    for entry in catalog().values():
        assert entry.note.endswith(".")
        assert entry.note.count(". ") == 0


def test_a_model_is_found_by_name_and_by_hub_repository_in_any_case() -> None:
    entry = catalog()["gemma-2b-it"]
    assert find("Gemma-2B-it") is entry
    assert find("google/Gemma-2b-IT") is entry
    assert find("google/gemma") is None
    assert find("") is None


def test_the_catalog_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        catalog()["mine"] = catalog()[DEFAULT_MODEL]  # type: ignore[index]
    with pytest.raises(dataclasses.FrozenInstanceError):
        catalog()[DEFAULT_MODEL].name = "mine"  # type: ignore[misc]


@pytest.mark.parametrize("bad", ["", "a" * 63, "A" * 64, "g" * 64])
def test_a_malformed_hash_is_refused(bad: str) -> None:
    with pytest.raises(ValueError, match="malformed"):
        GgufSource("org/name", "file.gguf", bad, 1)


def test_wheels_must_pair_up_with_members_and_be_pinned() -> None:
    assert WheelSource(("a==1",), ("a/data",)).packages == ("a==1",)
    with pytest.raises(ValueError, match="1 wheels for 2 members"):
        WheelSource(("a==1",), ("a/data", "b/data"))
    with pytest.raises(ValueError, match="not pinned"):
        WheelSource(("a",), ("a/data",))


def test_an_entry_needs_exactly_one_place_for_its_weights() -> None:
    entry = catalog()[DEFAULT_MODEL]
    with pytest.raises(ValueError, match="one of the two"):
        dataclasses.replace(entry, hub="org/name")
    with pytest.raises(ValueError, match="one of the two"):
        dataclasses.replace(entry, gguf=None)
    with pytest.raises(ValueError, match="no GGUF file to check"):
        dataclasses.replace(catalog()["gemma-2b-it"], wheels=entry.wheels)
    with pytest.raises(ValueError, match="no refusal openers"):
        dataclasses.replace(entry, refusal_openers=())
