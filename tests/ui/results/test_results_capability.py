from steering.ui.results.results_capability import capability
from steering.ui.templates import NOTHING


def interval(estimate: float) -> dict:
    return {"estimate": estimate, "low": estimate - 0.1, "high": estimate + 0.1, "n": 200}


def rate(estimate: float, change: float | None) -> dict:
    difference = None if change is None else {**interval(change), "p_value": 0.5}
    return {**interval(estimate), "share": interval(estimate), "difference": difference}


def made(panel: str, front: bool | None) -> dict:
    return {
        "panel": panel,
        "questions": rate(0.5, None if panel == "baseline" else -0.05),
        "completions": None,
        "areas": {},
        "refused": None if front is None else interval(0.25),
        "on_front": front,
    }


def test_every_setting_has_its_row_and_only_the_front_is_marked():
    rows = [made("baseline", False), made("flip:k=3", True), made("<b>", None)]
    html = capability({"schema": 1, "model": "m", "source": "s", "panels": rows})
    assert html.count("<tr>") == 4
    assert html.count("✓") == 1
    flip = html.partition("flip:k=3")[2].partition("</tr>")[0]
    assert "✓" in flip
    for said in ("0.50 [0.40, 0.60]", "−0.05 [−0.15, +0.05]", "0.25 [0.15, 0.35]"):
        assert said in flip
    assert "<b>" not in html
    assert "&lt;b&gt;" in html


def test_there_is_nothing_where_nothing_was_measured():
    assert capability(None) == NOTHING
    assert capability({"schema": 1, "model": "m", "source": "s", "panels": []}) == NOTHING
