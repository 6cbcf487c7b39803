"""The tiny model as a folder, saved once."""

import shutil
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def saved(tiny, tmp_path_factory) -> Path:
    """`tiny` as a folder, with every optional file that transformers reads."""
    folder = tmp_path_factory.mktemp("saved") / "tiny"
    tiny.network.save_pretrained(folder)
    tiny.tokenizer.save_pretrained(folder)
    for name in ("special_tokens_map.json", "added_tokens.json", "preprocessor_config.json"):
        (folder / name).write_text("{}")
    return folder


@pytest.fixture
def folder(saved, tmp_path) -> Path:
    """A copy that a test may spoil."""
    return Path(shutil.copytree(saved, tmp_path / "mine"))
