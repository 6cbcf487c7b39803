from dataclasses import replace

from steering.evaluation.arm_matrix import matrix


def test_every_place_basis_operator_and_reach_is_there_once(fitted):
    found = matrix(fitted)
    edits = [arm.panel.edit(fitted) for arm in found]
    wholes = [arm.panel.resolved(fitted) for arm in found]
    # Two places; three bases; removed on three sites, mirrored on one and on three; two reaches.
    assert len(found) == len(set(wholes)) == 2 * 3 * 3 * 2
    assert {whole.point for whole in wholes} == {fitted.dim_point, fitted.inlp_point}
    kinds = {(w.basis, w.k, w.alpha, w.acts_at, w.where) for w in wholes}
    assert len(kinds) == 18
    assert {(w.alpha, w.acts_at) for w in wholes} == {(1, "block"), (2, "input"), (2, "block")}
    assert all(edit is not None for edit in edits)


def test_a_place_has_the_bases_that_are_known_there(fitted):
    few = {point: each for point, each in fitted.inlp.items() if point != fitted.dim_point}
    found = matrix(replace(fitted, inlp=few))
    at_dim = [a.panel for a in found if a.panel.resolved(fitted).point == fitted.dim_point]
    assert {panel.basis for panel in at_dim} == {"dim"}
    assert len(found) == 4 * 6
