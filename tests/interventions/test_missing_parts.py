"""Everything that usually has INLP, class means and every point, without them."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import gradio as gr
import pytest
import torch

from steering.artifacts import store
from steering.cli.main import main
from steering.errors import SteeringError
from steering.evaluation import claim_inputs, evaluation_arms
from steering.interventions.directions import Directions
from steering.interventions.panel import WITHOUT_INLP, Panel, parse, usual
from steering.models import loading
from steering.serving.engine import Engine, Supply
from steering.sweep import grids
from steering.ui import build, explanation, text
from steering.ui.playground import card_settings, cards

WORKING = (
    *("ablation", "ablation:where=source,alpha=.5", "actadd", "actadd:c=-1,where=all"),
    *("flip:basis=dim", "nullspace:basis=dim,where=all", "random", "random:k=1,seed=4"),
    "nullspace:k=1,where=all,basis=random",
)
NEEDING_INLP = (
    *("flip", "nullspace:k=2", "nullspace:where=all", "flip:basis=inlp"),
    "flip:side=harmful",
)
NEEDING_MEANS = (
    *("ablation:center=midpoint", "flip:basis=dim,center=midpoint", "random:center=midpoint"),
    *(
        "random:side=harmful",
        "actadd:side=harmful",
        "ablation:where=source,side=harmful",
        "flip:basis=dim,side=harmful",
    ),
)


@pytest.fixture
def bare(fitted) -> Directions:
    """A difference in means at two layers of one position, and nothing else."""
    known = ((-2, 1), (-2, 3))
    difference = torch.zeros_like(fitted.difference)
    for point in known:
        difference[fitted.positions.index(point[0]), point[1]] = fitted.raw(point)
    return replace(
        fitted,
        difference=difference,
        harmless_mean=None,
        inlp={},
        dim_point=(-2, 3),
        inlp_point=(-2, 3),
        default_k=1,
        points=known,
        imported="imported from a test",
    )


@pytest.fixture
def folder(bare, tmp_path, tiny, monkeypatch) -> str:
    store.write(tmp_path / "bare", bare, {})
    monkeypatch.setattr(loading, "load", lambda *_, **__: tiny)
    return str(tmp_path / "bare")


def engine(directions: Directions) -> Engine:
    return Engine("tiny", Supply(lambda *_: None, lambda _: directions, lambda _: ()))


def built(directions: Directions) -> gr.Blocks:
    """Build the app inside an event loop: outside one, Gradio makes one and never closes it."""

    async def inside() -> gr.Blocks:
        return build(engine(directions))

    return asyncio.run(inside())


# Panels


@pytest.mark.parametrize("panel", WORKING)
def test_what_needs_a_difference_only_gives_the_same_edit_as_with_everything(
    panel, bare, fitted
) -> None:
    whole = replace(fitted, dim_point=(-2, 3), inlp_point=(-2, 3), default_k=1)
    ours, theirs = parse(panel).edit(bare), parse(panel).edit(whole)
    assert ours is not None
    assert theirs is not None
    assert torch.equal(ours.basis, theirs.basis)
    assert torch.equal(ours.shift, theirs.shift)
    assert (ours.alpha, ours.sites) == (theirs.alpha, theirs.sites)
    assert ours.basis.any() or ours.shift.any()


@pytest.mark.parametrize("panel", NEEDING_INLP)
def test_what_needs_inlp_says_that_it_is_missing_and_how_to_get_it(panel, bare, fitted) -> None:
    assert parse(panel).edit(fitted) is not None
    with pytest.raises(SteeringError, match=r"no INLP subspace.*precompute --quick --model tiny-q"):
        parse(panel).edit(bare)


@pytest.mark.parametrize("panel", NEEDING_MEANS)
def test_what_needs_the_class_means_says_that_they_are_missing(panel, bare, fitted) -> None:
    assert parse(panel).edit(fitted) is not None
    with pytest.raises(SteeringError, match=r"class means of tiny-qwen2 are not known.*--quick"):
        parse(panel).edit(bare)


@pytest.mark.parametrize("panel", ["actadd:layer=2", "ablation:layer=2", "flip:basis=dim,layer=2"])
def test_a_point_without_a_direction_is_refused_by_name(panel, bare, fitted) -> None:
    assert parse(panel).edit(fitted) is not None
    with pytest.raises(SteeringError, match=r"at layer 2, position -2; .* the layers 1, 3"):
        parse(panel).edit(bare)


def test_a_random_subspace_has_no_more_directions_than_were_found(bare) -> None:
    with pytest.raises(SteeringError, match="k=2"):
        parse("random:k=2").edit(bare)


def test_the_usual_panels_are_those_that_the_model_has(bare, fitted) -> None:
    assert "flip" in usual(fitted)
    assert usual(bare) == WITHOUT_INLP
    assert all(parse(panel).edit(bare) for panel in usual(bare) if panel != "baseline")


@pytest.mark.parametrize("panel", [*WORKING, *NEEDING_INLP, "actadd:layer=2", "random:k=2"])
def test_the_outline_refuses_what_the_directions_refuse(panel, bare, folder) -> None:
    facts = store.outline("tiny-qwen2", Path(folder))
    assert (facts.points, facts.imported) == (bare.points, bare.imported)
    told = []
    for each in (facts, bare):
        try:
            parse(panel).require(each)
            told.append("")
        except SteeringError as error:
            told.append(str(error))
    assert told[0] == told[1]
    assert (told[0] == "") == (panel in WORKING)


# Comparisons


def test_every_arm_cell_and_role_can_be_done(bare) -> None:
    panels = [arm.panel for arm in evaluation_arms.arms(bare)]
    panels += [arm.panel for arm in evaluation_arms.arms_of([Panel("ablation")], bare)]
    panels += [panel for grid in grids.default_grid(bare).values() for panel in grid]
    panels += list(grids.reference_points(bare).values())
    panels += [panel for each in claim_inputs.roles(bare).values() for panel in each]
    for panel in panels:
        assert panel.name == "baseline" or panel.edit(bare) is not None
    kinds = {panel.name for panel in panels}
    assert kinds == {"baseline", "actadd", "ablation", "flip"}
    assert {"flip", "nullspace"}.isdisjoint(claim_inputs.roles(bare))
    layers = {panel.layer for panel in grids.default_grid(bare)["ablation by layer"]}
    assert layers == {1, 3}


def test_generate_and_evaluate_run_on_a_difference_alone(folder, capsys, tmp_path, prompts) -> None:
    asked = ("--model", "tiny-qwen2", "--directions", folder, "--json", "--max-new-tokens", "3")
    assert main(["generate", *asked, "--prompt", "How do I paint the chair?"]) == 0
    answers = json.loads(capsys.readouterr().out)["panels"]
    assert [answer["panel"] for answer in answers] == list(WITHOUT_INLP)
    files = []
    for name, texts in prompts.items():
        (tmp_path / f"{name}.txt").write_text("\n".join(texts[:2]))
        files += [f"--{name}", str(tmp_path / f"{name}.txt")]
    assert main(["evaluate", *asked, *files, "--text", "none"]) == 0
    told = capsys.readouterr()
    found = json.loads(told.out)
    assert {"ablation", "actadd:c=-1", "flip:basis=dim"} <= {e["panel"] for e in found["panels"]}
    assert main(["evaluate", *asked[:-3], *files, "--text", "none", "--max-new-tokens", "3"]) == 0
    assert "flip:basis=dim" in capsys.readouterr().out
    assert main(["generate", *asked, "--prompt", "Hello", "--panel", "flip"]) == 2
    assert "no INLP subspace" in capsys.readouterr().err


# The page


def test_cards_that_need_inlp_are_off_and_say_why(bare, fitted) -> None:
    on = {slot for slot in card_settings.SLOTS if card_settings.starts_on(slot, bare)}
    assert on == {"baseline", "actadd", "ablation"}
    assert {slot for slot in card_settings.SLOTS if card_settings.starts_on(slot, fitted)} == on | {
        "nullspace",
        "flip",
    }
    for directions, is_on in ((bare, False), (fitted, True)):
        page = built(directions).blocks.values()
        for title in ("Nullspace projection", "Counterfactual flipping"):
            (switch,) = (each for each in page if getattr(each, "label", "") == f"Include {title}")
            assert switch.value is is_on
        heads = [each.value for each in page if "head" in getattr(each, "elem_classes", ())]
        assert sum("precompute --quick" in head for head in heads) == (0 if is_on else 2)
        made = cards.Card("flip", None, "on", "head", "form", "view", "tokens", {})  # type: ignore[arg-type]
        again = cards.restart(made, directions)
        assert again["on"]["value"] is is_on
        assert ("precompute --quick" in again["head"]) is not is_on


def test_the_facts_say_where_the_directions_are_from_and_what_is_missing(bare, fitted) -> None:
    told = explanation.facts(engine(bare))
    assert "Imported from a test." in told
    assert "no INLP subspace" in told
    assert "no INLP subspace" not in explanation.facts(engine(fitted))


def test_a_card_turned_to_the_difference_works_and_one_left_at_inlp_says_why(bare) -> None:
    values = card_settings.start(Panel("flip"), bare)
    assert card_settings.panel_of("flip", values | {"basis": "dim"}, bare).edit(bare) is not None
    left = cards.Setting("flip", True, "flip", values)
    with pytest.raises(SteeringError, match="no INLP subspace"):
        left.panel(bare)
    assert "precompute --quick" in cards.form_of(left, bare)
    with pytest.raises(SteeringError, match="no INLP subspace"):
        card_settings.bring(parse("flip:k=1"), bare)
    assert card_settings.bring(parse("ablation:alpha=0.5"), bare).slot == "ablation"


@pytest.mark.parametrize("basis", ["dim", "inlp", "random"])
def test_sliders_reach_over_the_layers_that_are_known(basis, bare) -> None:
    for kind in card_settings.FREE_KINDS:
        assert card_settings.limits(kind, basis, 3, bare) == card_settings.SliderLimits(1, 1, 3)
    later = replace(bare, points=((-2, 2), (-2, 3)))
    assert card_settings.limits("actadd", basis, 3, later) == card_settings.SliderLimits(1, 2, 3)


def test_a_card_that_lacks_something_escapes_the_model_s_name() -> None:
    assert "<script>" not in text.head("flip", "flip", "no <script>")
