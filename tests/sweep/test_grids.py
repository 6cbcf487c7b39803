from dataclasses import replace

import pytest
import torch

from steering.errors import SteeringError
from steering.interventions.inlp import Inlp
from steering.interventions.panel import Panel
from steering.interventions.subspace import Subspace
from steering.sweep import grids
from steering.sweep.grids import default_grid, expand, reference_points


def test_alternatives_are_multiplied_out_in_order():
    assert list(map(str, expand("flip:k=1|2,alpha=0|1.5"))) == [
        "flip:k=1,alpha=0",
        "flip:k=1,alpha=1.5",
        "flip:k=2,alpha=0",
        "flip:k=2,alpha=1.5",
    ]
    assert expand("ablation") == [Panel("ablation")]
    assert expand("random:seed=3") == [Panel("flip", basis="random", seed=3)]


@pytest.mark.parametrize(
    "text", ["flop:k=1|2", "flip:k=1|x", "flip:k=1|", "flip:k", "ablation:k=1"]
)
def test_a_grid_that_cannot_be_read_is_refused(text):
    with pytest.raises(SteeringError):
        expand(text)


def test_the_default_grid_has_an_edit_everywhere_and_ends_at_the_full_rank(fitted):
    grid = default_grid(fitted)
    rank = fitted.subspace("inlp", fitted.inlp_point).rank
    assert {panel.k for panel in grid["rank x alpha"]} >= {1, rank}
    assert {panel.alpha for panel in grid["rank x alpha"]} == set(grids.ALPHAS)
    assert {panel.layer for panel in grid["flip by layer"]} == {1, 2, 3}
    for panels in grid.values():
        for panel in panels:
            assert panel.edit(fitted) is not None


def test_a_coarse_look_at_many_layers_takes_only_some_of_them(fitted):
    place = fitted.inlp[-1, 1]
    many = replace(
        fitted,
        difference=fitted.difference[:, [2]].expand(-1, 30, -1),
        harmless_mean=fitted.harmless_mean[:, [2]].expand(-1, 30, -1),
        inlp={
            (-1, layer): Inlp(
                Subspace(place.subspace.basis, layer, -1, "INLP"), place.dev_accuracies, ""
            )
            for layer in range(1, 24)
        },
    )
    layers = {panel.layer for panel in default_grid(many)["flip by layer"]}
    assert grids.LAYERS <= len(layers) <= 2 * grids.LAYERS


def test_the_frontier_has_the_papers_four_and_every_control(fitted):
    points = reference_points(fitted)
    edits = {label: panel.edit(fitted) for label, panel in points.items()}
    assert {panel.name for panel in points.values()} == {
        "baseline",
        "actadd",
        "ablation",
        "nullspace",
        "flip",
    }
    random_bases = [edit.basis for label, edit in edits.items() if "random subspace" in label]
    assert len(random_bases) == 5
    assert not any(torch.equal(random_bases[0], other) for other in random_bases[1:])
    rank = len(edits["counterfactual flipping"].basis)
    assert {len(basis) for basis in random_bases} == {rank}
    assert sum("ablation of a random direction" in label for label in edits) == 5
    assert edits["control: flip about the midpoint"].center.any()
    assert len(edits["control: reflection along the difference in means"].basis) == 1
