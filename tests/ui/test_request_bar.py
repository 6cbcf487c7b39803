from steering.serving.engine import Engine, Supply
from steering.ui.request_bar import EXAMPLE_LABELS, EXAMPLES_EACH, examples


def engine_of(tiny, fitted, recordings=()):
    names = {"tiny": "Tiny"}
    return Engine("tiny", Supply(lambda *_: tiny, lambda _: fitted, lambda _: recordings, names))


def test_examples_come_from_the_recordings_first(tiny, fitted):
    recorded = {"prompt": "Recorded one", "label": "harmless", "answers": []}
    found = examples(engine_of(tiny, fitted, (recorded,)))
    assert found["harmless"][0] == "Recorded one"
    assert {len(each) for each in found.values()} == {EXAMPLES_EACH}


def test_every_label_has_a_menu_with_a_meaning(made):
    assert list(EXAMPLE_LABELS) == ["harmful", "harmless", "borderline"]
    assert len({prompt for prompt, _ in made.examples}) == 3 * EXAMPLES_EACH
    assert all(meaning.endswith(".") for _, meaning in EXAMPLE_LABELS.values())
