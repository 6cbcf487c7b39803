"""On the front is what no other place beats in both; the chosen one is shown wherever it lies."""

from hypothesis import given
from hypothesis import strategies as st

from steering.artifacts import store
from steering.artifacts.fronts import front, fronts_of
from steering.sources import catalog


def row(layer: int, bypass: float, kl: float) -> dict[str, float]:
    return {"position": -1, "layer": layer, "bypass": bypass, "induce": 0.0, "kl": kl}


def test_a_place_that_another_beats_is_not_on_the_front():
    rows = [row(1, -3.0, 0.3), row(2, -2.0, 0.1), row(3, -1.0, 0.2), row(4, 0.0, 0.05)]
    found = front(rows, (-1, 2))
    assert [each["layer"] for each in found] == [4, 2, 1]
    assert [each["chosen"] for each in found] == [False, True, False]
    assert found[0]["n"] is None
    # One that is beaten is shown where it was chosen, and says so.
    beaten = front(rows, (-1, 3))
    assert [(each["layer"], each["leads"]) for each in beaten] == [
        (4, True),
        (2, True),
        (3, False),
        (1, True),
    ]
    assert front([], None) == []


@given(st.lists(st.tuples(st.floats(-9, 9), st.floats(0, 2)), min_size=1, max_size=20))
def test_no_place_of_the_front_is_beaten_and_every_other_one_is(scores):
    rows = [row(layer, *pair) for layer, pair in enumerate(scores)]
    leading = {each["layer"] for each in front(rows, None)}
    for each in rows:
        better = [
            other
            for other in rows
            if other["bypass"] <= each["bypass"]
            and other["kl"] <= each["kl"]
            and (other["bypass"], other["kl"]) != (each["bypass"], each["kl"])
        ]
        twin = [
            other["layer"]
            for other in rows
            if (other["bypass"], other["kl"]) == (each["bypass"], each["kl"])
        ]
        assert bool(leading & {*twin}) == (not better)


def test_earlier_artifacts_have_the_front_of_their_first_round():
    manifest = store.manifest(catalog.DEFAULT_MODEL)
    if "fronts" in manifest:
        manifest.pop("fronts")
    found = fronts_of(manifest)["ablation"]
    (chosen,) = [each for each in found if each["chosen"]]
    assert [chosen["position"], chosen["layer"]] == manifest["dim_place"]
    assert len(found) > 2
    assert fronts_of({}) == {}
    assert fronts_of({"fronts": {"flip": found}}) == {"flip": found}
