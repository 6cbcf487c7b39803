from steering.evaluation.evaluation_arms import along_one, paper
from steering.evaluation.matched_controls import SCORED_SEEDS
from steering.evaluation.scored_arms import families, scored_arms
from steering.interventions.panel import Panel


def test_everything_of_the_paper_is_read_once(fitted):
    found = [arm.panel for arm in scored_arms(fitted)]
    assert len(found) == len(set(found))
    assert {arm.panel for arm in (*paper(fitted), *along_one(fitted))} <= set(found)


def test_what_is_ranked_has_20_seeds_and_flipping_every_kind_of_control(controlled):
    found = families(controlled)
    flip = Panel("flip", k=controlled.default_k)
    kinds = {family.kind: family for family in found if family.arm.panel == flip}
    assert set(kinds) == {"random", "covariance", "equal step", "shuffled"}
    for family in found:
        seeds = len(set(family.seeds))
        assert seeds == len(family.seeds) == (5 if family.kind == "shuffled" else len(SCORED_SEEDS))
        assert all(panel.edit(controlled) is not None for panel in family.seeds)
    assert len(SCORED_SEEDS) >= 20


def test_without_stored_states_random_controls_are_left(fitted):
    assert {family.kind for family in families(fitted)} == {"random"}
    # An addition at another coefficient is the same control at another length.
    additions = [f.arm.panel for f in families(fitted) if f.arm.panel.name == "actadd"]
    assert additions == [Panel("actadd", c=fitted.default_c)]
