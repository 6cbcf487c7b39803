from dataclasses import replace

from steering.evaluation.eraser_arms import erasers, with_erasers
from steering.evaluation.evaluation_arms import arms, arms_of
from steering.interventions.panel import parse

NAMES = ("leace", "ace", "alterrep")


def test_erasers_stand_behind_the_comparison_which_stays_what_it_is(controlled):
    usual = arms(controlled)
    found = with_erasers(usual, controlled)
    assert found[: len(usual)] == usual
    assert not {arm.panel.name for arm in usual} & set(NAMES)
    assert {arm.panel.name for arm in found} >= set(NAMES)
    assert len({arm.panel for arm in found}) == len(found)


def test_every_eraser_has_five_random_controls_of_its_own_kind(controlled):
    found = erasers(controlled)
    own = [arm.panel for arm in found if arm.kind == "beyond"]
    for panel in own:
        drawn = [
            arm.panel
            for arm in found
            if arm.kind == "control" and (arm.panel.name, arm.panel.c) == (panel.name, panel.c)
        ]
        assert [each.seed for each in drawn] == [0, 1, 2, 3, 4]
        assert {each.basis for each in drawn} == {"random"}
    assert [str(panel) for panel in own] == [
        *("leace", "ace:c=0", "ace:c=1", "ablation:where=source,sites=input"),
        *("alterrep:k=2,c=-1", "alterrep:k=2,c=1"),
    ]


def test_what_a_model_lacks_is_left_out(fitted):
    names = {arm.panel.name for arm in erasers(fitted)}
    assert names == {"ace", "alterrep", "ablation"}
    bare = replace(fitted, harmless_mean=None, inlp={}, inlp_point=fitted.dim_point)
    assert {arm.panel.name for arm in erasers(bare)} == {"ablation"}


def test_an_eraser_that_is_chosen_alone_has_its_random_controls(controlled):
    found = [arm.panel for arm in arms_of([parse("leace"), parse("alterrep:k=2,c=1")], controlled)]
    for name in ("leace", "alterrep"):
        drawn = [each for each in found if each.name == name and each.basis == "random"]
        assert [each.seed for each in drawn] == [0, 1, 2, 3, 4]
