"""Requests to answer."""

import pytest


@pytest.fixture
def sets(prompts) -> dict[str, list[str]]:
    return {"harmful": prompts["harmful"][:2], "harmless": [prompts["harmless"][0], "How?"]}
