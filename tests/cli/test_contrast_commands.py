import json

import pytest

from steering.cli.main import main
from steering.contrasts import contrast_bundle
from steering.models import loading
from tests.helpers.commands import document, refused
from tests.helpers.two_lists import ASKED, ORDERED, SOME, THE_OTHERS


@pytest.fixture
def two_files(tmp_path) -> list[str]:
    return written(tmp_path, asked=ASKED, ordered=ORDERED)


@pytest.fixture
def kept(tmp_path, tiny, two_files, own_cache, monkeypatch, capsys) -> str:
    """A contrast of the tiny model, kept by the command."""
    monkeypatch.setattr(loading, "load", lambda *_, **__: tiny)
    path = tmp_path / "kept.zip"
    assert (
        main(["contrast", *of_tiny(tiny), *two_files, "--layers", "1,3", "--out", str(path)]) == 0
    )
    capsys.readouterr()
    return str(path)


def written(folder, **lists: list[str]) -> list[str]:
    found = []
    for option, (name, texts) in zip(("--first", "--second"), lists.items(), strict=True):
        (folder / f"{name}.txt").write_text("\n".join(texts))
        found += [option, str(folder / f"{name}.txt")]
    return found


def of_tiny(tiny) -> list[str]:
    return ["--model", tiny.name]


def test_it_says_what_the_contrast_is_worth_and_keeps_it(
    tmp_path, tiny, two_files, own_cache, monkeypatch, capsys
) -> None:
    monkeypatch.setattr(loading, "load", lambda *_, **__: tiny)
    path = tmp_path / "kept.zip"
    options = ["contrast", *of_tiny(tiny), *two_files, "--layers", "1,3", "--out", str(path)]
    assert main(options) == 0
    told = capsys.readouterr().out
    assert told.startswith("asked and ordered separate at 2 of 2 layers: ")
    for words in ("shuffled 0.", "random directions 0.", "The last token alone: 1.00 [", "Kept;"):
        assert words in told
    found = document(capsys, *options, "--json", "--names", "question, command")
    assert found["names"] == ["question", "command"]
    assert found["separates"] is True
    assert [each["layer"] for each in found["layers"]] == [1, 3]
    assert found["file"] == str(path)
    assert contrast_bundle.load(path, tiny).texts.names == ("question", "command")


def test_nothing_is_called_nothing(tmp_path, tiny, own_cache, monkeypatch, capsys) -> None:
    monkeypatch.setattr(loading, "load", lambda *_, **__: tiny)
    files = written(tmp_path, some=SOME, others=THE_OTHERS)
    assert main(["contrast", *of_tiny(tiny), *files, "--layers", "all"]) == 0
    told = capsys.readouterr().out
    assert told.startswith("The contrast is nothing: no layer tells some from others better")
    assert "Note: What the panels do with these directions is what chance directions do." in told
    assert "Kept" not in told


def test_generate_takes_a_kept_contrast_for_directions(kept, tiny, capsys) -> None:
    panels = ["--panel", "baseline", "--panel", "actadd:c=3", "--panel", "flip:basis=shuffled"]
    found = document(
        capsys,
        *("generate", *of_tiny(tiny), "--directions", kept, *panels, "--json"),
        *("--prompt", "How do I wash it?", "--max-new-tokens", "4"),
    )
    assert len(found["panels"]) == 3
    assert found["panels"][1]["kl"] > 0


def test_locate_says_on_whose_side_a_request_lies(kept, tiny, capsys) -> None:
    arguments = ["locate", *of_tiny(tiny), "--directions", kept, "--map", "pca"]
    options = ["--panel", "baseline", "--panel", "flip"]
    found = document(capsys, *arguments, *options, "--json", "--prompt", "How do I wash the dog?")
    assert found["classes"] == ["asked", "ordered"]
    assert found["panels"][0]["nearest"] == "asked"
    assert len(found["components"]) == 2
    assert main([*arguments, "--prompt", "How do I wash the dog?"]) == 0
    assert "t: 0 asked, 1 ordered" in capsys.readouterr().out
    told = refused(
        capsys, *arguments[:-1], "umap", "--panel", "baseline", "--prompt", "How do I wash the dog?"
    )
    assert "no UMAP was made" in told


def test_a_kept_contrast_of_another_model_is_refused_before_anything_is_loaded(
    kept, no_loading, capsys
) -> None:
    told = refused(capsys, "generate", "--model", "other", "--directions", kept, "--prompt", "Hi")
    assert "holds a contrast that was fitted on tiny-qwen2, and the model here is other" in told


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--names", "one"], "--names 'one' has 1 names; give two"),
        (["--layers", "a"], "layers 'a' is no list of block inputs"),
        (["--out", "found.pt"], "a contrast is kept as a .zip file"),
    ],
)
def test_mistakes_are_told_before_the_model_is_loaded(
    two_files, no_loading, capsys, options, said
) -> None:
    assert said in refused(capsys, "contrast", *two_files, *options)


def test_lists_that_cannot_be_told_apart_are_refused_before_the_model_is_loaded(
    tmp_path, no_loading, capsys
) -> None:
    files = written(tmp_path, one=ASKED, other=ASKED)
    assert "hold the same 24 texts" in refused(capsys, "contrast", *files)
    files = written(tmp_path, one=ASKED[:15], other=ORDERED)
    assert "'one' has 15 different texts" in refused(capsys, "contrast", *files)


def test_a_layer_that_does_not_exist_is_named(two_files, tiny, monkeypatch, capsys) -> None:
    monkeypatch.setattr(loading, "load", lambda *_, **__: tiny)
    told = refused(capsys, "contrast", *of_tiny(tiny), *two_files, "--layers", "1,9")
    assert "layer 9 has no contrast: choose among layers 1 to 3 of tiny-qwen2" in told
    assert json.dumps(told)  # one line, no traceback
