import pytest

from steering.chat_templates import fixed_date
from steering.chat_templates.chat_template import open_template
from steering.chat_templates.rendering import Rendering
from steering.errors import SteeringError
from steering.models.chat_model import inspect
from tests.helpers import templates
from tests.helpers.templates import plainly, tokenizer_with
from tests.helpers.tiny_models import CHATML, FAMILIES, make_tokenizer

REQUEST = "How do I paint a car?"


def opened(source, **options):
    return open_template("small", tokenizer_with(source), **options)


# What the model reads


def test_what_the_model_reads_is_the_rendered_text_in_pieces():
    template = opened(CHATML)
    pieces = template.reads("a <|im_end|> b", "Be brief.")
    text = (
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\na <|im_end|> b<|im_end|>\n"
        "<|im_start|>assistant\n"
    )
    assert "".join(piece for piece, _ in pieces) == text
    marked = [piece for piece, is_control in pieces if is_control]
    assert marked == ["<|im_start|>", "<|im_end|>", "<|im_start|>", "<|im_end|>", "<|im_start|>"]
    assert ("user\na <|im_end|> b", False) in pieces


# The system prompt


@pytest.mark.parametrize("name", ["qwen2", "llama3", "phi3"])
def test_a_system_prompt_is_written_and_an_empty_one_leaves_the_templates_own(name):
    template = open_template(name, make_tokenizer(FAMILIES[name]))
    text = template.decode(template.ids(REQUEST, "Answer in French."))
    assert text.index("Answer in French.") < text.index(REQUEST)
    own = template.ids(REQUEST)
    assert own == template.ids(REQUEST, "") == template.ids(REQUEST, "  \n")
    assert own == plainly(template.tokenizer, REQUEST)
    # The directions are read at the same tokens.
    n = len(template.suffix)
    assert template.ids(REQUEST, "Answer in French.")[-n:] == own[-n:]


def test_a_template_that_refuses_a_system_prompt_says_so_in_its_own_words():
    template = opened(templates.NO_SYSTEM)
    assert template.ids(REQUEST)
    with pytest.raises(
        SteeringError, match=r"small takes no system prompt.*System role not supp.*empty"
    ):
        template.ids(REQUEST, "Be brief.")


def test_a_template_that_drops_a_system_prompt_is_told():
    with pytest.raises(
        SteeringError, match=r"small takes no system prompt.*drops it; leave it empty"
    ):
        opened(templates.DROPS_SYSTEM).ids(REQUEST, "Be brief.")


def test_a_model_can_have_a_system_prompt_for_every_request_that_brings_none(tiny):
    under = tiny.under("Be brief.")
    assert under.render(REQUEST) == tiny.render(REQUEST, system="Be brief.")
    assert under.render(REQUEST, system="Be long.") == tiny.render(REQUEST, system="Be long.")
    assert tiny.under("").render(REQUEST) == tiny.render(REQUEST)


# Templates that fail


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("{{ raise_exception('No chat here') }}", "No chat here"),
        ("{% for message in messages %}", "line 1"),
        ("{{ messages[0].content + 1 }}", "can only concatenate"),
        ("{{ nothing.at_all.here }}", "nothing"),
        ("{{ 1 // 0 }}", "zero"),
        ("{{ messages | first | int | nonsense }}", "nonsense"),
    ],
)
def test_a_template_that_always_fails_is_told_at_load_with_its_own_words(source, words):
    with pytest.raises(
        SteeringError, match=rf"chat template of small cannot be used.*{words}.*mend"
    ):
        opened(source)


PICKY = (
    "{% if 'bomb' in messages[-1].content %}{{ raise_exception('Not that word') }}{% endif %}"
    "{% if 'number' in messages[-1].content %}{{ messages[-1].content + 1 }}{% endif %}" + CHATML
)


@pytest.mark.parametrize(("text", "words"), [("a bomb", "Not that word"), ("a number", "can only")])
def test_a_template_that_fails_for_some_requests_is_told_at_these(text, words):
    template = opened(PICKY)
    assert template.ids("a car")
    with pytest.raises(SteeringError, match=rf"small does not take this request; it says: {words}"):
        template.ids(text)


def test_the_prompt_of_a_set_that_a_template_refuses_is_named(tiny, own_copy):
    network, tokenizer = own_copy(tiny)
    tokenizer.chat_template = PICKY
    model = inspect("small", network, tokenizer)
    texts = ["a car", "a house", f"a bomb {'and more ' * 30}"]
    with pytest.raises(
        SteeringError, match=r"^harmful prompt 3 \(“a bomb and more .{0,60} …”\): the chat"
    ):
        model.render_all(texts, what="harmful prompt")
    assert model.render_all(texts[:2]) == [model.render(text) for text in texts[:2]]


def test_several_templates_without_a_usual_one_are_refused():
    tokenizer = tokenizer_with(CHATML)
    tokenizer.chat_template = {"rag": CHATML, "tools": CHATML}
    with pytest.raises(SteeringError, match="no chat template that is called default"):
        open_template("small", tokenizer)
    tokenizer.chat_template = {"rag": "x", "default": CHATML}
    assert open_template("small", tokenizer).source == CHATML


# Today's date


@pytest.mark.parametrize(
    ("source", "written"),
    [
        (templates.DATED, "Today Date: 26 Jul 2024<|im_end|>\n"),
        (templates.DATED_IN_MACRO, "It is Friday, July 26, 2024.<|im_end|>\n"),
    ],
)
def test_a_template_that_writes_todays_date_writes_one_day_for_ever(source, written, monkeypatch):
    template = opened(source)
    assert template.date == "2024-07-26"
    assert template.rendering == Rendering("none", "2024-07-26")
    text = "".join(piece for piece, _ in template.reads(REQUEST))
    assert written in text
    # Its other words are what they are without us.
    today = template.tokenizer.decode(plainly(template.tokenizer, REQUEST))
    assert today != text
    assert today.partition("<|im_end|>\n")[2] == text.partition("<|im_end|>\n")[2]
    assert today.startswith(text[: text.index(written[:5]) + 5])


def test_on_the_fixed_day_it_writes_what_transformers_would(monkeypatch):
    from datetime import datetime

    class Then(datetime):
        @classmethod
        def now(cls, tz=None):
            return cls(2024, 7, 26, 12)

    monkeypatch.setattr("transformers.utils.chat_template_utils.datetime", Then)
    for source in (templates.DATED, templates.DATED_IN_MACRO, "\n\n" + templates.DATED):
        template = opened(source)
        assert template.ids(REQUEST) == plainly(template.tokenizer, REQUEST)


def test_each_code_of_the_date_is_what_the_library_writes():
    from datetime import datetime

    for day in (fixed_date.FIXED, fixed_date._ANOTHER):
        noon = datetime(day.year, day.month, day.day, 12)
        for code, value in fixed_date._codes(day).items():
            assert value == noon.strftime(code), code


def test_a_template_without_a_date_is_left_as_it_is():
    template = opened(CHATML)
    assert template.source == CHATML
    assert template.date is None


def test_a_clock_that_the_template_asks_but_does_not_write_is_no_date():
    template = opened("{% set now = strftime_now('%Y') %}" + CHATML)
    assert template.date is None
    assert template.ids(REQUEST) == plainly(template.tokenizer, REQUEST)
