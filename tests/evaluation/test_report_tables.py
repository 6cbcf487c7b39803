from steering.evaluation import report_tables
from tests.helpers import tiny_evaluations


def around(value: float) -> dict:
    return {"estimate": value, "low": value - 0.1, "high": value + 0.1, "n": 8}


def test_ranks_say_how_many_seeds_do_as_much():
    ranked = {"score": -1.0, "seeds": [-2.0, 0.5, 1.0], "lower": 1, "net": around(-0.8)}
    entry = {"panel": "flip:k=2", "label": "flip", "control": "random"}
    text = report_tables.ranks(
        {"panels": [], "ranks": [{**entry, "harmful": ranked, "harmless": ranked}]}
    )
    row = text.splitlines()[2]
    assert row.startswith("| `flip:k=2` | flip | random | 1 of 3 | \u22120.80 [")
    assert row.count("1 of 3") == 2


def test_scores_stand_with_their_intervals():
    score = {"n": 8, "refusal_score": around(0.5), "opens": around(0.6)}
    entry = {"panel": "ablation", "label": "removed", "kind": "paper", "kl": 0.05}
    found = {"panels": [{**entry, "harmful": score, "harmless": score}], "ranks": []}
    assert "| `ablation` | removed | +0.50 [+0.40, +0.60] | 0.60 |" in report_tables.scored(found)


def test_longer_answers_have_looping_beside_refusal():
    panels = tiny_evaluations.document()["panels"][:2]
    lines = report_tables.long({"tokens": 256, "panels": panels}).splitlines()
    assert lines[0].count("looping") == lines[0].count("refused") == 2
    assert len(lines) == 4
    looping = panels[0]["harmful"]["looping_rate"]
    assert f"{looping['estimate']:.2f} [" in lines[2]
