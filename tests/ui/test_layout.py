import gradio as gr

from steering.errors import SteeringError
from steering.serving.engine import Engine, Supply
from steering.ui.layout import HostLimits, strip_of, title_of
from steering.ui.playground import card_settings
from steering.ui.request_bar import EXAMPLES_EACH
from tests.helpers.built_page import built, laid_out, values_of


def engine_of(tiny, fitted, recordings=(), names=None):
    names = names or {"tiny": "Tiny", "other": "Other"}
    return Engine("tiny", Supply(lambda *_: tiny, lambda _: fitted, lambda _: recordings, names))


def nothing(_name):
    raise SteeringError("there are no directions; run precompute")


def test_a_public_host_offers_no_choice_of_model(tiny, fitted):
    def choosers(limits):
        components = built(engine_of(tiny, fitted), limits).blocks.values()
        return [each for each in components if each.elem_id == "chooser"]

    assert len(choosers(HostLimits())) == 1
    assert not choosers(HostLimits(chooser=False))


def test_without_directions_the_app_is_built_and_says_what_to_do(tiny):
    engine = Engine("tiny", Supply(lambda *_: tiny, nothing, lambda _: ()))
    assert engine.status.phase == "failed"
    assert "run precompute" in engine.status.sentence
    assert isinstance(built(engine), gr.Blocks)


def test_there_is_a_card_a_slot_and_a_button_an_example(made):
    assert [card.slot for card in made.cards] == list(card_settings.SLOTS)
    assert [label for label, _ in made.examples]
    assert len(made.examples) == 3 * EXAMPLES_EACH


def test_a_host_sets_the_length_that_answers_start_with(engine):
    assert laid_out(engine, HostLimits(max_new_tokens=7)).shared.length.value == 7


def test_what_is_asked_is_read_by_component_in_whatever_order_it_comes(made):
    values = values_of(made, "Hi", system="Be brief.", slots=["own"])
    values = dict(sorted(values.items(), key=lambda item: -item[0]._id))
    read = made.read(values)
    assert (read.prompt, read.system) == ("Hi", "Be brief.")
    assert list(read.settings) == list(card_settings.SLOTS)
    assert list(read.chosen) == ["baseline", "own"]
    assert read.settings["flip"].values["alpha"] == 2
    nothing = made.read(values | {made.request: None, made.shared.system: None})
    assert (nothing.prompt, nothing.system) == ("", "")


def test_a_model_is_called_by_its_title_and_a_stranger_by_its_name(tiny, fitted):
    known, stranger = (engine_of(tiny, fitted, names=each) for each in ({"tiny": "T"}, {"o": "O"}))
    assert (title_of(known), title_of(stranger)) == ("T", "tiny")
    assert "T" in strip_of(known)
