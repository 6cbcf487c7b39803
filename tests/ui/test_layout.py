import gradio as gr

from steering.errors import SteeringError
from steering.serving.engine import Engine, Supply
from steering.ui.layout import EXAMPLES_EACH, HostLimits, examples, strip_of, title_of
from steering.ui.playground import card_settings
from tests.helpers.built_page import built, laid_out


def engine_of(tiny, fitted, recordings=(), names=None):
    names = names or {"tiny": "Tiny", "other": "Other"}
    return Engine("tiny", Supply(lambda *_: tiny, lambda _: fitted, lambda _: recordings, names))


def nothing(_name):
    raise SteeringError("there are no directions; run precompute")


def test_examples_come_from_the_recordings_first(tiny, fitted):
    recorded = {"prompt": "Recorded one", "label": "harmless", "answers": []}
    found = examples(engine_of(tiny, fitted, (recorded,)))
    assert found["harmless"][0] == "Recorded one"
    assert {len(each) for each in found.values()} == {EXAMPLES_EACH}


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


def test_there_is_a_card_a_slot_and_the_system_prompt_is_the_last_shared_setting(made):
    assert [card.slot for card in made.cards] == list(card_settings.SLOTS)
    assert made.sampling[-1] is made.system
    assert [label for label, _ in made.examples]
    assert len(made.examples) == 3 * EXAMPLES_EACH


def test_a_host_sets_the_length_that_answers_start_with(engine):
    assert laid_out(engine, HostLimits(max_new_tokens=7)).sampling[0].value == 7


def test_a_model_is_called_by_its_title_and_a_stranger_by_its_name(tiny, fitted):
    known, stranger = (engine_of(tiny, fitted, names=each) for each in ({"tiny": "T"}, {"o": "O"}))
    assert (title_of(known), title_of(stranger)) == ("T", "tiny")
    assert "T" in strip_of(known)
