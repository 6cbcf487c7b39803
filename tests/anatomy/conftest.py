"""The tiny model with openers that make about half of its first tokens refusals."""

from dataclasses import replace

import pytest

from steering.anatomy import harm_and_refusal
from steering.artifacts.resumable import Stages
from steering.data.splits import PromptSplits, evenly
from steering.maps.steerable_model import SteerableModel


@pytest.fixture(scope="session")
def shy(tiny, fitted):
    """A steerable model that begins to refuse some prompts of each kind and not others."""
    size = tiny.network.config.vocab_size
    openers = {str(number): number for number in range(0, size, 2)}
    return SteerableModel(replace(tiny, openers=openers), fitted)


@pytest.fixture(scope="session")
def few():
    own = PromptSplits.own()
    return replace(
        own,
        train={name: evenly(texts, 40) for name, texts in own.train.items()},
        validation={name: evenly(texts, 12) for name, texts in own.validation.items()},
        test={name: evenly(texts, 8) for name, texts in own.test.items()},
    )


@pytest.fixture(scope="session")
def measured(shy, few, tmp_path_factory):
    """The document of the tiny model, made once: no test changes it."""
    stages = Stages(["a test"])
    stages.folder = tmp_path_factory.mktemp("stages")
    return harm_and_refusal.document(shy, few, stages)
