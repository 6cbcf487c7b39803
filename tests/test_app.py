"""What the app makes of its environment; serving it is tested in ui/test_first_page.py."""

import asyncio
import importlib
import importlib.util

import gradio
import pytest

from steering.app import App
from steering.cli.main import main
from steering.errors import SteeringError


@pytest.mark.parametrize("name", ["STEERING_QUEUE", "STEERING_MAX_NEW_TOKENS"])
@pytest.mark.parametrize("value", ["0", "-1", "many", "1.5"])
def test_a_setting_that_is_no_whole_number_is_a_mistake_of_the_user(name, value, monkeypatch):
    monkeypatch.setenv(name, value)
    with pytest.raises(SteeringError, match=rf"{name}={value} is not a whole number from 1; leave"):
        App()


def test_a_log_that_cannot_be_kept_is_a_mistake_of_the_user(monkeypatch):
    async def inside():  # outside an event loop Gradio makes one and never closes it
        return App()

    app = asyncio.run(inside())
    monkeypatch.setenv("STEERING_LOG", "loud")
    with pytest.raises(SteeringError, match="STEERING_LOG=loud is unknown; allowed: info, debug"):
        app.serve()


def test_without_gradio_the_command_says_what_to_install(monkeypatch, capsys):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        "steering.app.find_spec", lambda name: None if name == "gradio" else found(name)
    )
    assert main(["serve"]) == 2
    assert "pip install 'refusal-steering-playground[app]'" in capsys.readouterr().err


def test_the_entry_of_a_space_has_the_page_as_demo():
    async def inside():  # as above
        return importlib.import_module("app")

    assert isinstance(asyncio.run(inside()).demo, gradio.Blocks)
