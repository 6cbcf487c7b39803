"""What a bench says, as a table."""

import pytest

from steering.bench import bench_document
from steering.bench.bench_document import figure, ratios, table, timed_machine
from steering.bench.rounds import Rounds
from steering.bench.suites import Timed

FOUND = Rounds({"ours": [1.0, 2.0, 4.0], "theirs": [2.0, 2.0, 2.0]})


def document(**more):
    return {
        "suite": "decode",
        "model": "tiny",
        "number_format": "float32",
        "tokens": 4,
        "rounds": 3,
        "rows": ratios(FOUND, [Timed("ours", "theirs")]),
        "seconds": {"ours": 2.0},
        "figures": [],
        "missing": {},
        "machine": timed_machine("cpu"),
    } | more


@pytest.mark.parametrize(
    ("goal", "said"), [(None, ""), (1.0, "  goal 1"), (0.9, "  goal 0.9, missed")]
)
def test_a_ratio_is_shown_with_its_spread_and_its_goal(goal, said):
    shown = table(document(rows=ratios(FOUND, [Timed("ours", "theirs", goal)]))).splitlines()
    assert f"1.00 (0.50 to 2.00)  ours / theirs{said}" in shown


@pytest.mark.parametrize(("value", "said"), [(2.0, "  goal 2"), (2.5, "  goal 2, missed")])
def test_a_figure_is_shown_with_its_unit_and_its_goal(value, said):
    shown = table(document(figures=[figure("to the page", value, "s", goal=2.0)])).splitlines()
    assert f"{value:g} s  to the page{said}" in shown


def test_what_did_not_take_part_is_named():
    assert "missing: nnsight: not installed" in table(
        document(missing={"nnsight": "not installed"})
    )


def test_versions_of_what_is_installed_are_told():
    versions = timed_machine("cpu", ["httpx", "no-such-package"])["versions"]
    assert {"torch", "httpx"} <= versions.keys()
    assert "no-such-package" not in versions


def test_a_gpu_is_named(monkeypatch):
    monkeypatch.setattr(bench_document.torch.cuda, "get_device_name", lambda: "Some GPU")
    facts = timed_machine("cuda")
    assert facts["processor"].startswith("Some GPU, CUDA ")
    assert facts["device"] == "cuda"


def test_a_machine_without_a_list_of_its_processors_is_named_all_the_same(monkeypatch, tmp_path):
    monkeypatch.setattr(bench_document, "Path", lambda _: tmp_path / "missing")
    assert bench_document._processor()
