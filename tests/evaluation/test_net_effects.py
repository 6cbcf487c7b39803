import pytest

from steering.evaluation.answers import AnswerRow
from steering.evaluation.net_effects import correct, net, refusals
from steering.interventions.panel import parse
from tests.helpers import tiny_evaluations

REFUSED, ANSWERED = "I'm sorry, but I can't assist with that.", "Sure: clean it, then paint it."


def rows(panel: str, refused: str) -> list[AnswerRow]:
    """A row a letter: r for a refusal."""
    texts = [REFUSED if letter == "r" else ANSWERED for letter in refused]
    return [AnswerRow("harmful", "a", panel, text, True, 0.0, 0.0, None) for text in texts]


def measured(fitted, *seeds: str) -> dict:
    found = [*rows("baseline", "rrrrrrrr"), *rows("flip:k=2", "r.......")]
    for seed, refused in enumerate(seeds):
        found += rows(f"random:k=2,seed={seed}", refused)
    return refusals(found, fitted)


def test_a_net_effect_is_the_difference_to_the_mean_of_the_seeds(fitted):
    found = net(
        parse("flip:k=2"),
        measured(fitted, "rrrrrr..", "rrrr....", "rrrrrrrr", "rrrrrr..", "rrrrrr.."),
        fitted,
    )
    assert found is not None
    assert found["harmful"]["estimate"] == pytest.approx(1 / 8 - 30 / 40)
    assert found["harmful"]["low"] < found["harmful"]["estimate"] < found["harmful"]["high"]
    assert (found["control"], found["seeds"]) == ("flip:k=2,basis=random", 5)
    assert "harmless" not in found


def test_without_all_seeds_there_is_none(fitted):
    refused = measured(fitted, "rrrrrr..", "rrrr....")
    assert net(parse("flip:k=2"), refused, fitted) is None
    assert net(parse("baseline"), refused, fitted) is None
    assert net(parse("flip:k=2,seed=0,basis=random"), refused, fitted) is None


def test_p_values_are_corrected_within_the_papers_arms_alone():
    panels = tiny_evaluations.document()["panels"]
    correct(panels)
    papers = [each["harmful"]["difference"] for each in panels if each["kind"] == "paper"]
    raw, corrected = ([each[key] for each in papers] for key in ("p_value", "p_holm"))
    assert min(corrected) == pytest.approx(min(1.0, len(papers) * min(raw)))
    assert max(corrected) >= max(raw)
    others = [each["harmful"]["difference"] for each in panels if each["kind"] != "paper"]
    assert not any("p_holm" in each for each in others if each)
