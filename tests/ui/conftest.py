"""The page over the tiny model, laid out once in a process: no test changes it."""

import pytest

from tests.helpers.built_page import laid_out
from tests.helpers.engines import ready


@pytest.fixture(scope="session")
def engine(tiny, fitted):
    return ready(tiny, fitted)


@pytest.fixture(scope="session")
def made(engine):
    """The page, laid out once: no test changes it."""
    return laid_out(engine)
