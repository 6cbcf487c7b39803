from dataclasses import replace

import pytest

from steering.contrasts.findings import (
    LayerFinding,
    Shortcut,
    corrected,
    leading,
    verdict,
    warnings,
)
from steering.contrasts.held_out import Chance, HeldOut, interval

CHANCE = Chance(0.5, 0.31, 0.69, 999)
NAMES = ("polite", "rude")


def found(layer: int, accuracy: float = 1.0, p: float = 0.001, n: int = 32) -> LayerFinding:
    held = interval(accuracy, n)
    return LayerFinding(
        layer=layer,
        n=n,
        norm=1.0,
        dim=HeldOut(held, CHANCE, p),
        p_holm=p,
        dim_random=CHANCE,
        inlp=held,
        inlp_accuracies=(accuracy, 0.6),
        inlp_stopped="because",
        inlp_shuffled=CHANCE,
        inlp_random=CHANCE,
    )


def test_p_values_are_corrected_for_the_layers():
    two = corrected([found(1, p=0.02), found(2, p=0.04)])
    assert [each.p_holm for each in two] == [0.04, 0.04]
    assert [each.dim.p_value for each in two] == [0.02, 0.04]
    assert all(each.separates for each in two)
    three = corrected([found(1, p=0.02), found(2, p=0.5), found(3, p=0.9)])
    assert not any(each.separates for each in three)


@pytest.mark.parametrize(
    ("layers", "start"),
    [
        ({4: 1.0, 11: 1.0, 16: 1.0}, 11),  # as good: nearest to half the depth
        ({4: 1.0, 11: 0.8, 16: 1.0}, 16),  # clearly worse there
        ({4: 1.0, 11: 0.94, 16: 1.0}, 11),  # two texts of 32 do not decide
        ({8: 1.0, 16: 1.0}, 8),  # as near: the earlier one
        ({4: 0.8, 22: 1.0}, 4),  # beyond .8 of the depth comes last
        ({22: 0.8, 23: 1.0}, 23),  # nothing else was chosen
    ],
)
def test_edits_start_in_the_middle_unless_another_layer_is_clearly_better(layers, start):
    findings = [found(layer, accuracy) for layer, accuracy in layers.items()]
    assert leading(findings, 24).layer == start


def test_what_separates_is_told_with_the_numbers_of_the_layer_where_edits_start():
    said = verdict([found(4), found(11), found(16, 0.6, 0.4)], NAMES, 11)
    assert said == (
        "polite and rude separate at 2 of 3 layers: 1.00 [0.89, 1.00] of 32 held-out texts on "
        "their own side at layer 11, with shuffled labels 0.50 (0.31 to 0.69), p = 0.001 after "
        "Holm over 3 layers."
    )


def test_nothing_is_called_nothing():
    said = verdict([found(4, 0.56, 0.2)], NAMES, 4)
    assert said.startswith("The contrast is nothing: no layer tells polite from rude better than ")
    assert said.endswith("p = 0.200 after Holm over 1 layer).")
    assert warnings([], [found(4, 0.56, 0.2)], NAMES) == (
        "What the panels do with these directions is what chance directions do.",
    )


def test_a_shortcut_is_warned_of_where_it_works():
    length, last = Shortcut("The length", interval(0.9, 32)), Shortcut("The end", interval(0.6, 32))
    assert length.works
    assert not last.works
    (said,) = warnings([length, last], [found(4)], NAMES)
    assert said.startswith("The length alone tells polite from rude in 0.90 [0.7")
    assert warnings([last], [found(4)], NAMES) == ()


def test_the_rank_is_how_many_directions_were_kept():
    assert found(4).rank == 2
    assert replace(found(4), inlp_accuracies=(0.9,)).rank == 1
