"""A contrast of the tiny model, and the tab over it."""

import asyncio

import gradio as gr
import pytest

from steering.contrasts.contrast_fit import ContrastSettings, fit_contrast
from steering.contrasts.text_lists import text_lists
from steering.system.generators import returned
from steering.ui.contrast.contrast_section import section
from tests.helpers.two_lists import ASKED, ORDERED


@pytest.fixture(scope="session")
def asked_and_ordered(tiny):
    lists = text_lists(ASKED, ORDERED, ("asked", "ordered"))
    return returned(fit_contrast(tiny, lists, ContrastSettings(layers=(1, 3))))


@pytest.fixture(scope="session")
def tab():
    """The tab, laid out once: no test changes it."""

    async def inside():
        with gr.Blocks():
            return section(chooser=True), section(chooser=False)

    return asyncio.run(inside())
