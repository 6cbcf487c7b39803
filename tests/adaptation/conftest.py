"""Prompts to fit again on, and the tiny model in the number format that is asked for."""

import pytest
import torch

from steering.data.splits import PromptSplits
from steering.models.chat_model import NumberFormat
from steering.models.inspection import inspect
from steering.models.number_formats import Format
from tests.helpers.tiny_models import HARMFUL, HARMLESS


@pytest.fixture(scope="module")
def splits():
    sets = {"harmful": HARMFUL, "harmless": HARMLESS}
    return PromptSplits(sets, {name: texts[:6] for name, texts in sets.items()}, sets, "test")


@pytest.fixture(scope="module")
def load(tiny):
    """The tiny model, in the dtype that is asked for."""
    loaded: list[str] = []

    def load(wanted: Format):
        loaded.append(wanted.name)
        network = type(tiny.network)(tiny.network.config)
        network.load_state_dict(tiny.network.state_dict())
        dtype = getattr(torch, wanted.dtype)
        return inspect(
            tiny.name,
            network.to(dtype),
            tiny.tokenizer,
            openers=tuple(tiny.openers),
            number_format=NumberFormat("none", dtype, wanted.name),
        )

    load.loaded = loaded
    return load


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STEERING_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield
