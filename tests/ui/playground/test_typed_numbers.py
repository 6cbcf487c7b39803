import math

import gradio as gr
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steering.errors import SteeringError
from steering.interventions.panel import KEYS, RANGES, Panel, parse
from steering.serving.engine import Engine, Supply
from steering.ui.playground import card_settings, typed_numbers
from tests.helpers.built_page import built, call

NO_NUMBERS = [None, "", "-", "e", "1,5", "1.5", math.nan, math.inf, -math.inf, True, [1], {}]
FIELDS = (gr.Slider, gr.Number, gr.Radio, gr.Dropdown)


@pytest.fixture
def demo(tiny, fitted):
    supply = Supply(
        model=lambda _name, _report: tiny,
        directions=lambda _name: fitted,
        recordings=lambda _name: (),
        names={"tiny": "Tiny", "other": "Other"},
    )
    return built(Engine("tiny", supply))


@given(st.floats(allow_nan=False, allow_infinity=False, width=32), st.integers(-50, 50))
def test_a_number_is_taken_as_it_is_or_refused_and_never_moved(value, low):
    high = low + 10
    if low <= value <= high:
        assert typed_numbers.number("x", value, low=low, high=high) == pytest.approx(
            value, abs=1e-10
        )
    else:
        with pytest.raises(SteeringError, match=f"out of range; give a number from {low} to"):
            typed_numbers.number("x", value, low=low, high=high)


@pytest.mark.parametrize("value", NO_NUMBERS)
@pytest.mark.parametrize("whole", [True, False])
def test_what_is_no_number_is_a_sentence_that_says_what_is_allowed(value, whole):
    kind = "a whole number" if whole else "a number"
    with pytest.raises(SteeringError, match=f"give {kind} from 0 to 3"):
        typed_numbers.number("x", value, low=0, high=3, whole=whole)


def test_a_whole_number_has_no_fraction():
    assert typed_numbers.number("k", 2.0, low=1, high=3, whole=True) == 2
    with pytest.raises(SteeringError, match=r"k=2\.5 is not a whole number"):
        typed_numbers.number("k", 2.5, low=1, high=3, whole=True)
    # Longer than any float: named, and cut.
    with pytest.raises(SteeringError, match=r"out of range; give a whole number from 0$"):
        typed_numbers.number("seed", -(10**400), low=0, high=math.inf, whole=True)


@pytest.mark.parametrize("alpha", [1.37, 0.001, 0.123456789, 1.05, 3])
def test_a_value_finer_than_the_slider_s_step_is_taken_alike_by_card_and_text_form(alpha, fitted):
    made = card_settings.panel_of(
        "flip", card_settings.start(Panel("flip"), fitted) | {"alpha": alpha}, fitted
    )
    assert made.resolved(fitted).alpha == alpha
    assert parse(str(made)) == made
    brought = card_settings.bring(made, fitted)
    assert brought.values["alpha"] == alpha
    assert brought.panel == made


def test_the_noise_of_a_slider_s_sums_is_not_in_the_text_form(fitted):
    values = card_settings.start(Panel("flip"), fitted) | {"alpha": 0.1 + 0.2}
    assert str(card_settings.panel_of("flip", values, fitted)) == "flip:alpha=0.3"


@pytest.mark.parametrize("kind", card_settings.FREE_KINDS)
@pytest.mark.parametrize("value", [*NO_NUMBERS, 9e9, -9e9, 10**30])
def test_a_card_says_what_is_wrong_with_any_control_and_what_is_allowed(kind, value, controlled):
    # One definition of the classes is no choice; of two, `test_card_settings` asks for one.
    for key in (set(KEYS[kind]) & set(card_settings.CONTROLS)) - {"classes"}:
        values = card_settings.start(Panel(kind), controlled) | {key: value}
        if key in RANGES:
            if key == "seed" and value in (9e9, 10**30) and value < 2**63:
                continue
            with pytest.raises(SteeringError, match=f"^{key} of {kind}.* from "):
                card_settings.panel_of(kind, values, controlled)
        else:
            with pytest.raises(SteeringError, match=key):
                card_settings.panel_of(kind, values, controlled)


def test_a_card_without_a_kind_says_so(fitted):
    for kind in (None, "", "nothing"):
        with pytest.raises(SteeringError, match="no edit is chosen"):
            card_settings.panel_of(kind, card_settings.start(Panel("flip"), fitted), fitted)


def test_gradio_s_own_check_never_stands_before_a_field(demo):
    checked = [
        [each.elem_id for each in fn.inputs]
        for fn in demo.fns.values()
        if fn.fn is not None and fn.preprocess and any(isinstance(i, FIELDS) for i in fn.inputs)
    ]
    # The list of models, which is not typed in.
    assert checked == [["chooser"]]
    raw = [fn for fn in demo.fns.values() if fn.fn is not None and not fn.preprocess]
    assert len(raw) > len(card_settings.SLOTS)


def taking_fields(demo):
    return [
        fn
        for fn in demo.fns.values()
        if fn.fn is not None and any(isinstance(each, FIELDS) for each in fn.inputs)
    ]


def request_at(fn):
    return [each.elem_id for each in fn.inputs].index("request")


@pytest.mark.parametrize("value", [None, math.nan, "", "x", 9e9, -1.5])
def test_no_handler_raises_whatever_one_field_or_all_of_them_hold(demo, value):
    taken = 0
    for fn in taking_fields(demo):
        is_choice = [each.elem_id for each in fn.inputs] == ["chooser"]
        if (fn.name == "run" or is_choice) and value is not None:
            continue  # a list of models is chosen from; runs have their own test below
        usual = [getattr(each, "value", None) for each in fn.inputs]
        fields = [at for at, each in enumerate(fn.inputs) if isinstance(each, FIELDS)]
        tries = [
            [value if at == broken else each for at, each in enumerate(usual)] for broken in fields
        ]
        for values in [*tries, [value] * len(usual)]:
            if fn.name != "run" or not values[request_at(fn)]:  # the model is waited for otherwise
                call(fn, values)
                taken += 1
    assert taken > 50


@pytest.mark.parametrize("value", [None, "", math.nan, 9e9, -1])
def test_a_run_with_a_broken_field_ends_in_a_sentence_about_it(demo, value):
    (run,) = (fn for fn in taking_fields(demo) if fn.name == "run")
    usual = {each: each.value for each in run.inputs}
    (request,) = (each for each in run.inputs if each.elem_id == "request")
    usual[request] = "How do I paint a fence?"
    for label in ("Longest answer,", "Temperature:", "Top-p:", "Seed:"):
        (field,) = (each for each in run.inputs if (each.label or "").startswith(label))
        word = label[:-1]
        broken = 2**63 if (word, value) == ("Seed", 9e9) else value
        (told,) = call(run, list((usual | {field: broken}).values()))
        notes = [each for each in told.values() if isinstance(each, str)]
        assert len(notes) == 1
        assert word.lower() in notes[0].lower()
        assert 'role="alert"' in notes[0]
