from dataclasses import asdict, replace

import pytest

from steering.errors import SteeringError
from steering.inference.comparison import Answer
from steering.interventions.directions import ClassFit
from steering.interventions.panel import DEFAULT_PANELS, KEYS, Panel, choices, parse
from steering.ui.playground import card_settings
from steering.verdicts.judgement import NOT_FINISHED, OVERFLOWED
from steering.verdicts.rules import judge
from tests.helpers.doses import full


@pytest.mark.parametrize("panel", card_settings.SLOTS.values())
def test_a_card_starts_as_its_panel(panel, fitted):
    values = card_settings.start(panel, fitted)
    made = card_settings.panel_of(panel.name, values, fitted)
    assert made.resolved(fitted) == panel.resolved(fitted)
    assert made == panel


def test_the_first_cards_are_the_default_panels():
    forms = tuple(map(str, card_settings.SLOTS.values()))
    assert forms[: len(DEFAULT_PANELS)] == DEFAULT_PANELS


@pytest.mark.parametrize(
    ("kind", "change", "form"),
    [
        ("flip", {"k": 1}, "flip:k=1"),
        ("flip", {"alpha": 1.5, "where": "all"}, "flip:alpha=1.5,where=all"),
        ("nullspace", {"center": "midpoint"}, "nullspace:center=midpoint"),
        ("nullspace", {"basis": "random"}, "nullspace:basis=random"),
        ("actadd", {"c": 0.0}, "actadd:c=0"),
        ("ablation", {"side": "harmful", "layer": 1}, "ablation:layer=1,side=harmful"),
        ("actadd", {"basis": "random", "seed": 4}, "actadd:basis=random,seed=4"),
    ],
)
def test_only_what_differs_from_the_default_is_in_the_text_form(kind, change, form, fitted):
    made = card_settings.panel_of(kind, card_settings.start(Panel(kind), fitted) | change, fitted)
    assert str(made) == form
    assert parse(form).resolved(fitted) == made.resolved(fitted)


@pytest.mark.parametrize("kind", card_settings.FREE_KINDS)
def test_settings_survive_the_way_through_the_text_form(kind, controlled):
    values = card_settings.start(Panel(kind), controlled) | {
        "alpha": 0.7,
        "c": -2.5,
        "where": "all",
        "basis": "dim",
    }
    if "basis" in KEYS[kind]:
        values["k"] = 1
    made = card_settings.panel_of(kind, values, controlled)
    again = card_settings.panel_of(kind, card_settings.start(made, controlled), controlled)
    assert again.resolved(controlled) == made.resolved(controlled)


def test_an_emptied_number_is_an_error_that_names_it(fitted):
    values = card_settings.start(Panel("flip"), fitted) | {"k": None}
    with pytest.raises(SteeringError, match="k of flip is empty"):
        card_settings.panel_of("flip", values, fitted)


def test_the_rank_goes_up_to_what_inlp_kept_at_that_layer(fitted):
    for layer in (1, 2, 3):
        place = (fitted.inlp_point[0], layer)
        assert (
            card_settings.limits("flip", "inlp", layer, fitted).k
            == fitted.inlp[place].subspace.rank
        )


def test_one_direction_has_rank_one_and_exists_at_every_layer_but_the_first(fitted):
    assert card_settings.limits("flip", "dim", 2, fitted) == card_settings.SliderLimits(
        1, 1, fitted.n_layers - 1
    )


def test_inlp_sliders_stay_where_inlp_was_fitted(fitted):
    reach = card_settings.limits("nullspace", "inlp", 1, fitted)
    assert (reach.lowest_layer, reach.highest_layer) == (1, 3)


def test_without_directions_the_page_still_has_values_to_show():
    values = card_settings.start(Panel("flip"), None)
    assert values["alpha"] == 2
    assert str(card_settings.panel_of("flip", values, None)) == "flip"


def test_a_recording_is_found_however_its_panels_are_spelled(fitted):
    spelled = parse("flip").resolved(fitted)
    text = "I cannot help with that. " * 5
    # As the first version of the rules judged it: all that the page shows is judged anew.
    stored = Answer(panel=str(spelled), text=text, ended=True, verdict="broken").as_dict()
    del stored["gibberish"]
    stored["first_tokens"] = [["I", 0.5]]
    panels = {"flip": parse("flip"), "nullspace": parse("nullspace")}
    found = card_settings.recorded({"answers": [stored]}, panels, fitted)
    assert found["nullspace"] is None
    judged = asdict(judge(text))
    assert (judged["verdict"], judged["looping"]) == ("refused", True)
    assert found["flip"] == Answer(
        panel="flip", text=text, ended=True, first_tokens=(("I", 0.5),), **judged
    )


def test_a_recorded_overflow_and_an_unfinished_thought_stay_what_they_were():
    for verdict, found in (("broken", OVERFLOWED), ("not_finished", NOT_FINISHED)):
        stored = Answer(panel="flip", text="", verdict=verdict).as_dict()
        shown = card_settings.recorded({"answers": [stored]}, {"flip": parse("flip")}, None)
        answer = shown["flip"]
        assert (answer.verdict, answer.reason) == (found.verdict, found.reason)


def test_a_recording_with_other_settings_is_not_shown(fitted):
    stored = Answer(panel="flip:k=1", text="yes").as_dict()
    assert card_settings.recorded({"answers": [stored]}, {"flip": parse("flip")}, fitted) == {
        "flip": None
    }


@pytest.mark.parametrize(
    ("panel", "slot", "form"),
    [
        ("flip:k=1,alpha=1", "flip", "flip:k=1,alpha=1"),
        ("flip:basis=dim", "flip", "flip:basis=dim"),
        ("nullspace:k=1,where=all", "nullspace", "nullspace:k=1,where=all"),
        ("actadd:c=-0.5", "actadd", "actadd:c=-0.5"),
        ("ablation:layer=1,where=source", "ablation", "ablation:layer=1,where=source"),
        ("random:seed=3", "own", "flip:basis=random,seed=3"),
    ],
)
def test_a_panel_is_brought_to_its_card(panel, slot, form, fitted):
    for text in (panel, full(parse(panel), fitted)):
        brought = card_settings.bring(parse(text), fitted)
        assert (brought.slot, str(brought.panel)) == (slot, form)
        made = card_settings.panel_of(brought.kind, brought.values, fitted)
        assert made.resolved(fitted) == parse(panel).resolved(fitted)


@pytest.mark.parametrize(
    ("panel", "problem"),
    [
        ("baseline", "has no settings"),
        ("flip:k=99", "99"),
        ("flip:layer=0", "layer"),
        ("actadd:position=-1", "no card has the controls"),
        ("flip:sites=block", "no card has the controls that flip:sites=block needs"),
        ("nullspace:sites=input", "no card has the controls"),
        ("flip:basis=covariance", "no card has the controls"),
        ("ablation:basis=shuffled", "no card has the controls"),
        ("nonsense", "unknown panel"),
        ("None", "unknown panel"),
    ],
)
def test_what_no_card_can_show_is_a_sentence(panel, problem, fitted):
    with pytest.raises(SteeringError, match=problem):
        card_settings.bring(parse(panel), fitted)


def test_without_directions_no_card_is_set():
    with pytest.raises(SteeringError, match="precompute"):
        card_settings.bring(parse("flip"), None)


@pytest.mark.parametrize("kind", card_settings.FREE_KINDS)
@pytest.mark.parametrize("known", [True, False])
def test_a_card_starts_with_a_word_that_its_kind_can_be(kind, known, fitted):
    values = card_settings.start(Panel(kind), fitted if known else None)
    for key in {"basis", "where", "side"} & set(KEYS[kind]):
        assert values[key] in choices(kind, key)


@pytest.fixture
def by_both(fitted):
    """By label, and by a behaviour by which INLP kept one direction at every place."""
    first = {
        point: replace(found, subspace=found.subspace.leading(1))
        for point, found in fitted.inlp.items()
    }
    return replace(
        fitted, other=ClassFit("behaviour", -fitted.difference, fitted.harmless_mean, first)
    )


def test_what_directions_tell_apart_is_chosen_where_both_were_fitted(by_both):
    values = card_settings.start(Panel("flip"), by_both)
    assert values["classes"] == "label"
    assert str(card_settings.panel_of("flip", values, by_both)) == "flip"
    other = card_settings.panel_of("flip", values | {"classes": "behaviour", "k": 1}, by_both)
    assert str(other) == "flip:classes=behaviour"
    brought = card_settings.bring(parse("nullspace:classes=behaviour,k=1"), by_both)
    assert brought.values["classes"] == "behaviour"
    assert str(brought.panel) == "nullspace:classes=behaviour"
    # The rank goes up to what INLP kept by that definition.
    reach = card_settings.limits("flip", "inlp", 1, by_both.of("behaviour"))
    assert reach.k == 1 < card_settings.limits("flip", "inlp", 1, by_both).k
    for wrong in (None, "refused", 9e9):
        with pytest.raises(SteeringError, match="classes"):
            card_settings.panel_of("flip", values | {"classes": wrong}, by_both)
    with pytest.raises(SteeringError, match="k of flip"):
        card_settings.panel_of("flip", values | {"classes": "behaviour", "k": 2}, by_both)


def test_what_was_fitted_by_one_definition_alone_is_no_choice(controlled):
    old = replace(controlled, dim_classes="behaviour", inlp_classes="label")
    assert card_settings.definitions("ablation", "dim", old) == ("behaviour",)
    assert card_settings.definitions("ablation", "inlp", old) == ("label",)
    assert card_settings.definitions("flip", "random", old) == ("label",)
    for kind in card_settings.FREE_KINDS:
        values = card_settings.start(Panel(kind), old)
        # Whatever a browser still has of another basis.
        for classes in ("label", "behaviour", None):
            panel = card_settings.panel_of(kind, values | {"classes": classes}, old)
            assert "classes" not in str(panel)
    imported = replace(controlled, dim_classes=None, inlp_classes=None)
    assert card_settings.definitions("flip", "inlp", imported) == ()
    assert card_settings.definitions("flip", "inlp", None) == ()


def test_leace_has_the_layers_whose_covariance_is_known_and_says_where_none_is(fitted, controlled):
    reach = card_settings.limits("leace", "dim", 2, controlled)
    assert (reach.k, reach.lowest_layer, reach.highest_layer) == (1, 2, 2)
    assert card_settings.lacking("leace", "dim", controlled) is None
    problem = card_settings.lacking("leace", "dim", fitted)
    assert "needs their covariance" in problem
    with pytest.raises(SteeringError, match="needs their covariance"):
        card_settings.panel_of("leace", card_settings.start(Panel("leace"), fitted), fitted)


@pytest.mark.parametrize("text", ["leace", "ace:c=0.5", "alterrep:k=1,c=-2", "leace:alpha=2"])
def test_more_erasers_come_onto_the_own_card(text, controlled):
    brought = card_settings.bring(parse(text), controlled)
    assert (brought.slot, str(brought.panel)) == ("own", text)
