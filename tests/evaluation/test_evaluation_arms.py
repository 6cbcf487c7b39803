from dataclasses import replace

import pytest
import torch

from steering.evaluation.evaluation_arms import (
    along_one,
    arms,
    arms_of,
    controls,
    random_ablations,
    wrong_layer,
)
from steering.interventions.panel import Panel, parse


def _mirrors_at_random(arm):
    return (arm.panel.name, arm.panel.basis) == ("flip", "random")


def test_the_whole_comparison_has_the_papers_four_its_doses_and_every_control(fitted):
    found = arms(fitted)
    assert found[0].panel == Panel("baseline")
    of_kind = {kind: [arm for arm in found if arm.kind == kind] for kind in ("paper", "control")}
    assert [str(arm.panel) for arm in of_kind["paper"]] == [
        *("actadd:c=-1", "actadd:c=1.5", "actadd:c=1", "ablation", "ablation:where=source"),
        *("nullspace:k=2", "flip:k=2", "flip:k=2,sites=block"),
    ]
    rank = fitted.subspace("inlp", fitted.inlp_point).rank
    for wanted in (
        *(Panel("flip", k=k, basis="random") for k in (fitted.default_k, rank)),
        Panel("nullspace", k=2, basis="random"),
        Panel("ablation", basis="random"),
        Panel("actadd", c=1.5, basis="random"),
    ):
        seeds = [arm.panel for arm in of_kind["control"] if replace(arm.panel, seed=None) == wanted]
        assert [panel.seed for panel in seeds] == [0, 1, 2, 3, 4]
    assert all(arm.panel.edit(fitted) is not None for arm in found[1:])


def test_settings_of_others_have_their_names(fitted):
    named = {arm.label: arm.panel for arm in arms(fitted)}
    authors = {label: p for label, p in named.items() if label.endswith("the authors' code")}
    for panel in authors.values():
        edit = panel.edit(fitted)
        # One block, three sites, whatever it does there.
        assert len({layer for layer, _ in edit.sites}) == 1
        assert {part for _, part in edit.sites} == {"input", "attention", "mlp"}
    assert {panel.name for panel in authors.values()} == {"ablation", "nullspace", "flip"}
    (everywhere,) = (p for label, p in named.items() if label.endswith("Arditi et al."))
    assert len(everywhere.edit(fitted).sites) == 3 * fitted.n_layers


def test_like_is_compared_with_like(fitted):
    flip = Panel("flip", k=2).edit(fitted)
    mirror, ablation = along_one(fitted)
    edit = mirror.panel.edit(fitted)
    assert (edit.sites, edit.alpha) == (flip.sites, flip.alpha)
    raw = fitted.raw(fitted.inlp_point)
    torch.testing.assert_close(edit.basis[0], raw / raw.norm())
    assert ablation.panel.edit(fitted).sites == Panel("nullspace", k=2).edit(fitted).sites


def test_shuffled_labels_are_an_arm_where_they_are_stored(fitted, controlled):
    assert not any(arm.panel.basis == "shuffled" for arm in arms(fitted))
    found = [arm.panel for arm in arms(controlled) if arm.panel.basis == "shuffled"]
    assert [str(panel) for panel in found] == [
        f"flip:k=2,basis=shuffled,seed={seed}" for seed in range(5)
    ]


def test_no_panel_comes_twice_even_where_the_default_rank_is_all_there_is(fitted):
    rank = fitted.subspace("inlp", fitted.inlp_point).rank
    panels = [arm.panel for arm in arms(replace(fitted, default_k=rank, default_c=-1.0))]
    assert len(panels) == len(set(panels))
    assert sum(p.name == "actadd" and p.basis is None for p in panels) == 2


def test_controls_have_the_rank_of_the_flip_that_they_are_compared_with(fitted):
    randoms = [arm for arm in controls(1, fitted) if _mirrors_at_random(arm)]
    assert {arm.panel.k for arm in randoms} == {1}
    assert {len(arm.panel.edit(fitted).basis) for arm in randoms} == {1}
    midpoint = next(arm for arm in controls(2, fitted) if arm.panel.center)
    assert midpoint.panel.k == fitted.default_k


def test_a_random_direction_is_ablated_just_as_the_found_one_is(fitted):
    found = Panel("ablation").edit(fitted)
    drawn = [arm.panel.edit(fitted) for arm in random_ablations(fitted)]
    assert all(edit.sites == found.sites and edit.alpha == found.alpha for edit in drawn)
    assert all(not edit.shift.any() and not edit.center.any() for edit in drawn)
    bases = torch.cat([found.basis, *(edit.basis for edit in drawn)])
    assert torch.linalg.matrix_rank(bases) == 6


def test_every_chosen_rank_has_its_random_subspaces_and_ablation_its_directions(fitted):
    found = arms_of([parse("flip:k=1"), parse("nullspace:k=2"), parse("flip:k=2")], fitted)
    assert [arm.panel.k for arm in found if _mirrors_at_random(arm)] == [1] * 5 + [2] * 5
    assert not any(arm.panel.basis == "random" for arm in found if arm.panel.name != "flip")
    found = arms_of([parse("ablation")], fitted)
    assert sum(arm.panel.basis == "random" and arm.panel.name != "flip" for arm in found) == 5


@pytest.mark.parametrize("panels", [[], ["baseline"], ["flip:k=1", "ablation"], ["nullspace:k=1"]])
def test_chosen_panels_always_come_with_baseline_and_controls(fitted, panels):
    found = arms_of([parse(text) for text in panels], fitted)
    assert found[0].kind == "baseline"
    chosen = [str(arm.panel) for arm in found if arm.kind == "beyond"]
    assert chosen == [text for text in panels if text != "baseline"]
    assert any(arm.label == "reflection along the difference in means" for arm in found)
    k = 1 if any("k=1" in text for text in panels) else fitted.default_k
    assert {arm.panel.k for arm in found if _mirrors_at_random(arm)} == {k}
    (wrong,) = (arm.panel for arm in found if arm.label.startswith("flip at layer"))
    assert wrong.k == k


def test_the_wrong_layer_is_another_fitted_one_at_about_half_the_depth(fitted):
    assert wrong_layer(2, fitted).layer == 2
    at_3 = replace(fitted, inlp_point=(-1, 3))
    assert wrong_layer(2, at_3).layer == 1
    only = replace(fitted, inlp={(-1, 1): fitted.inlp[-1, 1]})
    assert wrong_layer(2, only) is None
    assert len(arms(only)) == len(arms(fitted)) - 1
