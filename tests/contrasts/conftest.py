"""Contrasts of the tiny model: lists that differ, and lists that do not."""

import pytest

from steering.contrasts.contrast_fit import Contrast, ContrastSettings, fit_contrast
from steering.contrasts.text_lists import TextLists, text_lists
from steering.system.generators import returned
from tests.helpers.two_lists import ASKED, ORDERED, SOME, THE_OTHERS


@pytest.fixture(scope="session")
def lists() -> TextLists:
    return text_lists(ASKED, ORDERED, ("asked", "ordered"))


@pytest.fixture(scope="session")
def contrast(tiny, lists) -> Contrast:
    return returned(fit_contrast(tiny, lists, ContrastSettings(layers=(1, 3))))


@pytest.fixture(scope="session")
def nothing(tiny) -> Contrast:
    return returned(fit_contrast(tiny, text_lists(SOME, THE_OTHERS, ("some", "others"))))
