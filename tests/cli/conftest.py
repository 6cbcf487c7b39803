"""What commands are given: directions and prompts of the tiny model, which is all that loads."""

import pytest

from steering.artifacts import store
from steering.models import loading


@pytest.fixture
def directions(tmp_path, fitted, tiny, monkeypatch) -> str:
    """The folder of the tiny model's directions; whatever is loaded is the tiny model."""
    store.write(tmp_path / "made", fitted, {})
    monkeypatch.setattr(loading, "load", lambda *_, **__: tiny)
    return str(tmp_path / "made")


@pytest.fixture
def files(tmp_path, prompts) -> list[str]:
    for name, texts in prompts.items():
        (tmp_path / f"{name}.txt").write_text("\n".join(texts[:4]))
    return [
        *("--harmful", str(tmp_path / "harmful.txt")),
        *("--harmless", str(tmp_path / "harmless.txt")),
    ]


@pytest.fixture
def no_loading(monkeypatch) -> None:
    def load(*_, **__):
        raise AssertionError("the model was loaded before the mistake was told")

    monkeypatch.setattr(loading, "load", load)


@pytest.fixture
def own_cache(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("STEERING_CACHE", str(tmp_path / "cache"))
