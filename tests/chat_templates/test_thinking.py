import pytest

from steering.chat_templates.chat_template import open_template
from steering.chat_templates.rendering import Rendering
from steering.errors import SteeringError
from tests.helpers import templates
from tests.helpers.templates import CHANNEL_SPECIALS, plainly, tokenizer_with
from tests.helpers.tiny_models import CHATML

REQUEST = "How do I paint a car?"
ASSISTANT = "<|im_end|>\n<|im_start|>assistant"


def opened(source, thinking="auto", **options):
    options = {"added": ("<think>", "</think>"), **options}
    return open_template("thinker", tokenizer_with(source, **options), thinking=thinking)


QWENS = {"off": f"{ASSISTANT}\n<think>\n\n</think>\n\n", "on": f"{ASSISTANT}\n<think>\n"}
MODES = {
    "left to the model": (templates.SWITCHED, QWENS),
    "opened by the template": (templates.SWITCHED_OPEN, QWENS),
    "in the request, too": (
        templates.IN_REQUEST,
        {"off": f"/nothink{ASSISTANT}\n<think></think>", "on": f"{ASSISTANT}\n<think>"},
    ),
    "a closing sign alone": (
        templates.CLOSED_TAG,
        {"off": f"{ASSISTANT}\n</think>", "on": f"{ASSISTANT}\n<think>"},
    ),
    "in the system prompt": (
        templates.IN_SYSTEM,
        {"off": f"{ASSISTANT}\n", "on": f"{ASSISTANT}\n"},
    ),
}


@pytest.mark.parametrize("kind", MODES)
def test_thinking_is_off_unless_asked_for_and_ends_where_the_first_token_varies(kind):
    source, ends = MODES[kind]
    assert opened(source).mode == opened(source, "off").mode
    for asked, end in ends.items():
        template = opened(source, asked)
        assert template.rendering == Rendering(asked)
        assert template.mode.choices == ("off", "on")
        text = template.decode(template.ids(REQUEST))
        assert text.endswith(REQUEST + end)
        # Position -1 is the last token before the first that varies.
        assert "".join(template.suffix) == end
    assert opened(source).ids(REQUEST) != opened(source, "on").ids(REQUEST)


def test_with_thinking_off_the_ids_are_those_of_the_switch_in_transformers():
    template = opened(templates.SWITCHED)
    assert template.ids(REQUEST) == plainly(template.tokenizer, REQUEST, enable_thinking=False)
    template = opened(templates.SWITCHED_OPEN, "on")
    assert template.ids(REQUEST) == plainly(template.tokenizer, REQUEST, enable_thinking=True)


def test_a_template_that_always_opens_the_thinking_has_it_on():
    template = opened(templates.ALWAYS)
    assert template.rendering == Rendering("on")
    assert template.mode.choices == ("on",)
    assert template.ids(REQUEST) == plainly(template.tokenizer, REQUEST)
    with pytest.raises(
        SteeringError, match=r"thinker always opens the thinking.*choose on or auto"
    ):
        opened(templates.ALWAYS, "off")


def test_a_template_without_thinking_knows_none():
    assert opened(CHATML).rendering == opened(CHATML, "off").rendering == Rendering("none")
    with pytest.raises(SteeringError, match=r"thinker knows no thinking.*choose off or auto"):
        opened(CHATML, "on")
    with pytest.raises(SteeringError, match="unknown thinking 'maybe'; allowed: auto, on, off"):
        opened(CHATML, "maybe")


def test_a_word_in_the_template_is_no_switch():
    source = "{# thinking, enable_thinking, reasoning_effort: 'none' #}" + CHATML
    assert opened(source).rendering == Rendering("none")


def test_of_channels_the_one_is_opened_that_is_asked_for():
    for asked, end in (
        ("off", "<|start|>assistant<|channel|>final<|message|>"),
        ("on", "<|start|>assistant<|channel|>analysis<|message|>"),
    ):
        template = opened(templates.CHANNELS, asked, specials=CHANNEL_SPECIALS)
        assert template.rendering == Rendering(asked)
        ids = template.ids(REQUEST)
        assert template.decode(ids).endswith(f"{REQUEST}<|end|>{end}")
        assert template.tokenizer.convert_tokens_to_ids("<|message|>") == ids[-1]


# Thinking apart from the answer


def reply(template, text):
    return template.split(template.tokenizer.encode(text, add_special_tokens=False))


@pytest.mark.parametrize("source", [templates.SWITCHED, templates.SWITCHED_OPEN, templates.ALWAYS])
def test_the_answer_begins_behind_the_thinking(source):
    template = opened(source, "on")
    found = reply(template, "Let me see.\n</think>\n\nI can help.<|im_end|>")
    assert (found.thinking, found.answer, found.is_answered) == ("Let me see.", "I can help.", True)
    cut = reply(template, "Let me see. I cannot")
    assert (cut.thinking, cut.answer, cut.is_answered) == ("Let me see. I cannot", "", False)
    empty = reply(template, "")
    assert (empty.thinking, empty.answer, empty.is_answered) == ("", "", False)


def test_where_the_closing_sign_is_no_token_of_its_own_the_answer_is_whole():
    template = opened(templates.ALWAYS, added=())
    found = reply(template, "Hm.</think>>Yes")
    assert (found.thinking, found.answer) == ("Hm.", ">Yes")


def test_a_model_that_opens_the_thinking_by_itself_is_understood():
    template = opened(CHATML)
    found = reply(template, "<think>Hm.</think>Yes")
    assert (found.thinking, found.answer, found.is_answered) == ("Hm.", "Yes", True)
    assert not reply(template, "<think>Hm.").is_answered
    plain = reply(template, "Use <think> and </think> in your text.")
    assert plain.thinking is None
    assert plain.answer == "Use <think> and </think> in your text."


def test_of_channels_the_last_is_the_answer():
    template = opened(templates.CHANNELS, "on", specials=CHANNEL_SPECIALS)
    found = reply(
        template, "Hm.<|end|><|start|>assistant<|channel|>final<|message|>I can help.<|ret|>"
    )
    assert (found.thinking, found.answer, found.is_answered) == ("Hm.", "I can help.", True)
    assert not reply(template, "Hm.<|end|><|start|>assistant<|channel|>").is_answered
    off = opened(templates.CHANNELS, specials=CHANNEL_SPECIALS)
    assert reply(off, "I can help.<|ret|>").answer == "I can help."


def test_without_thinking_a_reply_is_what_the_tokenizer_decodes(tiny):
    for text in ("I cannot.", " Sure<|im_end|>", "a </think> b", "猫"):
        ids = tiny.tokenizer.encode(text, add_special_tokens=False)
        assert tiny.template.split(ids).answer == tiny.tokenizer.decode(
            ids, skip_special_tokens=True
        )
        for n in range(len(ids)):
            assert "\ufffd" not in tiny.template.split(ids[:n]).answer
