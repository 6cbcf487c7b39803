import pytest

from steering.evaluation import ranking
from tests.helpers.results_page import DOCUMENT, changed, rate


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"looping_rate": rate(0.05)}, {"ablation"}),
        ({"looping_rate": rate(0.051)}, {"actadd:c=-1"}),
        ({"difference": {"high": 0.0}}, {"actadd:c=-1"}),
        ({"refusal_rate": rate(0.125)}, {"ablation", "actadd:c=-1"}),
    ],
)
def test_an_edit_that_loops_or_changes_no_more_than_chance_is_not_the_best(values, expected):
    assert ranking.best(changed("ablation", **values)["panels"]) == expected


def test_only_controls_that_differ_in_the_seed_alone_are_one_row():
    blocks = ranking.together(DOCUMENT["panels"])
    assert [len(block) for block in blocks] == [1] * 9 + [5, 1, 1, 1, 2, 2]
    assert [ranking.name_of(block) for block in blocks[-2:]] == [
        "random subspace of rank 11, mean of 2 seeds",
        "ablation of a random direction, mean of 2 seeds",
    ]
    others = [{"panel": f"random:k={k},seed=0", "kind": "control"} for k in (2, 3)]
    assert len(ranking.together(others)) == 2
    chosen = [{"panel": f"random:k=2,seed={seed}", "kind": "beyond"} for seed in (0, 1)]
    assert len(ranking.together(chosen)) == 2
