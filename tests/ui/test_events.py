import gradio as gr
import pytest

from steering.models.chat_model import inspect
from steering.ui import events as events_module
from steering.ui.layout import Limits
from tests.helpers import templates
from tests.helpers.built_page import laid_out
from tests.helpers.engines import ready
from tests.helpers.templates import tokenizer_with


@pytest.fixture(scope="module")
def thinker(tiny, fitted):
    return ready(inspect(tiny.name, tiny.network, tokenizer_with(templates.SWITCHED)), fitted)


def test_thinking_can_be_chosen_where_the_template_has_it_and_the_host_allows_it(
    thinker, engine, made
):
    update = events_module._thinking(made, thinker)
    assert update[made.thinking] == gr.update(visible=True, value="off")
    update = events_module._thinking(made, engine)
    assert update[made.thinking] == gr.update(visible=False)
    public = laid_out(thinker, Limits(chooser=False))
    assert public.thinking is None
    assert events_module._thinking(public, thinker) == {}
