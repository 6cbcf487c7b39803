import json
import math
import random
from dataclasses import replace
from itertools import pairwise
from statistics import fmean

import pytest

from steering.artifacts import resumable
from steering.artifacts.evaluation_document import EvaluationDocument
from steering.data.prose import Passage
from steering.evaluation import answers as answering
from steering.evaluation import (
    eraser_arms,
    evaluation,
    evaluation_arms,
    extent,
    landings,
    next_tokens,
    prose_cost,
    ranking,
    report,
)
from steering.evaluation.evaluation import EvaluationSettings, evaluate
from steering.interventions.panel import parse
from steering.maps.steerable_model import SteerableModel
from steering.system import whole_files
from tests.helpers.kill import killed, traced
from tests.helpers.typed_documents import faults

TITLES = ("The paper's claims", "Where the test prompts land")


# The whole document


@pytest.fixture(scope="module")
def whole(tiny, controlled, charted, prompts, tmp_path_factory) -> dict:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STEERING_CACHE", str(tmp_path_factory.mktemp("cache")))
        sets = {name: texts[:3] for name, texts in prompts.items()}
        settings = EvaluationSettings(
            tokens=4,
            passages=[Passage("note", ("A grey cat slept on the mat.",))],
            extent=replace(extent.whole(controlled), long_tokens=6),
        )
        steerable = SteerableModel(tiny, controlled, charted)
        arms = evaluation_arms.arms(controlled)
        return evaluate(steerable, sets, arms, settings).document


def test_the_document_is_json_and_names_every_arm_with_its_kind(whole, controlled):
    assert json.loads(json.dumps(whole)) == whole
    assert faults(whole, EvaluationDocument) == []
    arms = evaluation_arms.arms(controlled)
    assert [(each["panel"], each["label"], each["kind"]) for each in whole["panels"]] == [
        (str(arm.panel), arm.label, arm.kind) for arm in arms
    ]
    for entry in whole["panels"]:
        assert entry["harmful"]["n"] == entry["harmless"]["n"] == 3
        assert entry["prose"]["tokens"] > 3
        rate = entry["harmful"]["substring_rate"]
        assert rate["low"] <= rate["estimate"] <= rate["high"]
    baseline, *edited = whole["panels"]
    assert baseline["prose"]["kl"] == 0.0
    assert baseline["prose"]["loss_difference"] is None
    assert all(each["prose"]["kl"] > 0 for each in edited)
    for each in edited:
        # Both count every token once, however long its window is.
        ratio = each["prose"]["perplexity"] / baseline["prose"]["perplexity"]
        assert each["prose"]["loss_difference"]["estimate"] == pytest.approx(math.log(ratio))


def test_each_claim_is_weighed_on_what_was_measured(whole):
    assert [each["number"] for each in whole["claims"]] == ["1a", "1b", "2", "3", "4a", "4b"]
    for claim in whole["claims"]:
        assert claim["verdict"] in ("supported", "not supported", "undecided")
        assert claim["sentence"].startswith(claim["verdict"].capitalize())
        # Nothing that a claim asks for is missing from the whole comparison.
        missing = [part["statement"] for part in claim["parts"] if part["interval"] is None]
        assert not missing, claim["claim"]
        found = [part["interval"] for part in claim["parts"]]
        assert all(each["low"] <= each["estimate"] <= each["high"] for each in found)
        assert all(each["n"] >= 3 for each in found)


def test_landings_are_those_of_the_geometry_table(whole, fitted, charted):
    found = whole["geometry"]
    assert found["layers"] == list(landings.layers_shown(fitted, charted))
    rank = fitted.subspace("inlp", fitted.inlp_point).rank
    assert {f"flip:k={rank}", f"flip:k={rank},basis=random,seed=4", "baseline"} <= {
        each["panel"] for each in found["panels"]
    }
    source = str(found["layers"][0])
    landed = next(each for each in found["panels"] if each["panel"] == f"flip:k={rank}")
    claim = whole["claims"][3]
    part = next(
        each
        for each in claim["parts"]
        if each["statement"].endswith("at the edit: alpha = 2, harmful: t > .75")
    )
    assert part["interval"]["estimate"] == pytest.approx(
        landed["harmful"][source]["t_mean"], abs=1e-6
    )


def test_the_report_has_a_line_for_every_arm_claim_and_landing(whole):
    text = report.markdown(whole)
    blocks = text.split("\n\n")
    claims, places = (blocks[blocks.index(f"## {title}") + 1] for title in TITLES)
    for lines in (report.table(whole["panels"]), report.changes(whole["panels"]), places):
        assert lines in blocks
        assert len({line.count("|") for line in lines.splitlines()}) == 1
    assert len(report.table(whole["panels"]).splitlines()) == 2 + len(
        ranking.together(whole["panels"])
    )
    assert len(claims.splitlines()) == 6
    few = {"claims": [], "geometry": None, "next_tokens": None, "long": None}
    assert report.markdown(whole | few).count("##") == 1
    for title in ("Within 6 tokens", "Among controls, by next tokens", "Like with like, by next"):
        lines = next(b for a, b in pairwise(blocks) if a.startswith(f"## {title}")).splitlines()
        assert len({line.count("|") for line in lines}) == 1
        assert len(lines) > 4


def test_net_effects_and_corrected_p_values_stand_beside_the_raw_ones(whole):
    of = {entry["panel"]: entry for entry in whole["panels"]}
    controls = [of[f"flip:k=2,basis=random,seed={seed}"] for seed in range(5)]
    mean = fmean(each["harmful"]["refusal_rate"]["estimate"] for each in controls)
    own = of["flip:k=2"]
    net = own["net"]
    assert (net["control"], net["seeds"]) == ("flip:k=2,basis=random", 5)
    raw = own["harmful"]["refusal_rate"]["estimate"]
    assert net["harmful"]["estimate"] == pytest.approx(raw - mean)
    assert "net" not in of["baseline"]
    assert not any("net" in each for each in controls)
    papers = [each for each in whole["panels"] if each["kind"] == "paper"]
    differences = [each["harmful"]["difference"] for each in papers]
    assert all(each["p_value"] <= each["p_holm"] <= 1 for each in differences)
    assert "p_holm" not in of["flip:k=2,basis=random,seed=0"]["harmful"]["difference"]
    head, _, *rows = report.table(whole["panels"]).splitlines()
    assert head.count("| net |") == 2
    flip = next(line for line in rows if line.startswith("| `flip:k=2` |"))
    assert f"{net['harmful']['estimate']:+.2f}"[1:] in flip


def test_longer_answers_are_those_of_the_papers_arms(whole):
    found = whole["long"]
    assert found["tokens"] == 6
    assert [each["panel"] for each in found["panels"]] == [
        *("baseline", "actadd:c=-1", "actadd:c=1.5", "actadd:c=1", "ablation"),
        *("nullspace:k=2", "flip:k=2"),
    ]
    assert all("borderline" not in each for each in found["panels"])


def test_next_tokens_are_those_of_the_answers(whole):
    read = {each["panel"]: each for each in whole["next_tokens"]["panels"]}
    for entry in whole["panels"]:
        if entry["panel"] in read:
            score = read[entry["panel"]]["harmful"]["refusal_score"]["estimate"]
            assert score == pytest.approx(entry["harmful"]["refusal_score"], abs=1e-3)
            assert read[entry["panel"]]["kl"] == pytest.approx(entry["kl"], abs=1e-4)
    assert {"baseline", "flip:k=2", "ablation"} <= read.keys()
    for each in whole["next_tokens"]["ranks"]:
        assert each["panel"] in read
        found = each["harmful"]
        assert len(found["seeds"]) == (5 if each["control"] == "shuffled" else 20)
        assert found["lower"] == sum(score <= found["score"] for score in found["seeds"])
    kinds = {each["control"] for each in whole["next_tokens"]["ranks"]}
    assert kinds == {"random", "covariance", "equal step", "shuffled"}


def test_chosen_panels_leave_what_was_not_measured_undecided(
    tiny, fitted, prompts, monkeypatch, tmp_path
):
    monkeypatch.setenv("STEERING_CACHE", str(tmp_path))
    sets = {name: texts[:2] for name, texts in prompts.items()}
    arms = evaluation_arms.arms_of([parse("flip:k=2")], fitted)
    document = evaluate(
        SteerableModel(tiny, fitted), sets, arms, EvaluationSettings(tokens=2)
    ).document
    assert document["geometry"] is None
    assert all(entry["prose"] is None for entry in document["panels"])
    addition = document["claims"][4]
    assert addition["verdict"] == "undecided"
    assert "not measured" in addition["sentence"]


def test_an_evaluation_that_was_killed_anywhere_gives_the_same_file(
    tiny, fitted, charted, prompts, monkeypatch, tmp_path
):
    sets = {name: texts[:2] for name, texts in prompts.items()}
    settings = EvaluationSettings(
        tokens=2,
        rows_per_batch=3,
        passages=[Passage("note", ("A grey cat slept on the mat.",))],
        extent=extent.Extent(
            scored=evaluation_arms.paper(fitted)[:2],
            long=(evaluation_arms.BASELINE, evaluation_arms.paper(fitted)[0]),
            long_tokens=3,
        ),
    )
    arms = evaluation_arms.arms_of([parse("flip:k=2")], fitted)[:4]

    def run(name: str) -> None:
        monkeypatch.setenv("STEERING_CACHE", str(tmp_path / name))
        steerable = SteerableModel(tiny, fitted, charted)
        document = evaluate(steerable, sets, arms, settings).document
        whole_files.write_json(tmp_path / f"{name}.json", document)

    modules = (evaluation, answering, next_tokens, prose_cost, landings, resumable, whole_files)
    lines = traced(lambda: run("whole"), modules)
    chance, kills = random.Random(7), 0
    while killed(lambda: run("pieces"), modules, chance.randint(1, lines - 1)):
        kills += 1
    assert kills > 0
    assert (tmp_path / "pieces.json").read_bytes() == (tmp_path / "whole.json").read_bytes()


# Arms beyond the comparison


def test_arms_beyond_the_comparison_leave_its_answers_as_they_are_and_take_them_over(
    tiny, controlled, prompts, monkeypatch, tmp_path
):
    monkeypatch.setenv("STEERING_CACHE", str(tmp_path))
    sets = {name: texts[:3] for name, texts in prompts.items()}
    arms = evaluation_arms.arms(controlled)[:3]
    more = eraser_arms.with_erasers(arms, controlled)[len(arms) :][:2]
    steerable, settings = SteerableModel(tiny, controlled), EvaluationSettings(tokens=4)
    before = evaluate(steerable, sets, arms, settings)
    known = _lines(tmp_path)
    after = evaluate(steerable, sets, arms, settings, more=more)
    assert after.rows[: len(before.rows)] == before.rows
    entries = [entry["panel"] for entry in after.document["panels"]]
    assert entries == [str(arm.panel) for arm in (*arms, *more)]
    assert {row.panel for row in after.rows[len(before.rows) :]} == {str(e.panel) for e in more}
    # The same prompts once more, all in requests of the baseline and the arms beyond.
    assert _lines(tmp_path) == 2 * known > 0


def _lines(folder) -> int:
    files = folder.glob("precompute/*/answers.jsonl")
    return sum(len(file.read_text("utf-8").splitlines()) for file in files)
