import pytest

from steering.chat_templates.chat_template import open_template
from steering.errors import SteeringError
from steering.models.inspection import inspect
from tests.helpers import templates
from tests.helpers.templates import REQUEST, opened, plainly, tokenizer_with
from tests.helpers.tiny_models import CHATML, FAMILIES, make_tokenizer

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
