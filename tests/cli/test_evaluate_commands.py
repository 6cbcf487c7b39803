import json
from dataclasses import replace
from pathlib import Path

import pytest

from steering import defaults
from steering.adaptation import loaded, refit
from steering.artifacts import folders, store
from steering.cli.main import main
from steering.data import prose
from steering.data.prose import Passage
from steering.data.splits import PromptSplits
from steering.evaluation import evaluation
from steering.sources import catalog
from tests.helpers.commands import document, refused


def test_evaluate_writes_the_document_it_prints(capsys, directions, files, tmp_path, own_cache):
    out, texts = tmp_path / "table.json", tmp_path / "texts.jsonl"
    found = document(
        capsys,
        *("evaluate", "--json", "--directions", directions, *files, "--limit", "2"),
        *("--panel", "flip:k=2", "--max-new-tokens", "4", "--out", str(out)),
        *("--texts", str(texts), "--text", "none"),
    )
    told = {"written": found.pop("written"), "seconds": found.pop("seconds")}
    assert told["written"] == str(out)
    assert told["seconds"] > 0
    assert json.loads(out.read_text()) == found
    panels = [entry["panel"] for entry in found["panels"]]
    assert panels[:2] == ["baseline", "flip:k=2"]
    # Controls are in every table, whichever panels were asked for.
    assert "flip:basis=dim" in panels
    for entry in found["panels"]:
        assert {"perplexity", "kl", "label", "kind"} <= entry.keys()
        for group in ("harmful", "harmless"):
            rates = entry[group]
            assert rates["n"] == 2 == sum(rates["verdicts"].values())
            for name in ("refusal_rate", "substring_rate", "looping_rate"):
                rate = rates[name]
                assert 0 <= rate["low"] <= rate["estimate"] <= rate["high"] <= 1
    provenance = found["provenance"]
    assert {"weights", "dtype", "quantization", "prompts", "seed", "versions"} <= provenance.keys()
    assert "harmful.txt sha256:" in provenance["prompts"]
    rows = [json.loads(line) for line in texts.read_text().splitlines()]
    assert len(rows) == 2 * 2 * len(panels)
    assert all(row["verdict"] for row in rows)


def test_a_part_of_the_comparison_is_not_stored_as_if_it_were_the_whole(
    capsys, directions, files, own_cache
):
    arguments = ("--directions", directions, *files, "--limit", "1", "--max-new-tokens", "2")
    found = document(capsys, "evaluate", "--json", *arguments, "--text", "none")
    assert found["written"] is None
    assert not (Path(directions) / "evaluation.json").exists()


@pytest.mark.parametrize("own", [True, False])
def test_directions_of_other_prompts_are_not_fitted_again_and_this_is_said(
    capsys, directions, fitted, files, own_cache, monkeypatch, own
):
    source = PromptSplits.own().source if own else "mine.txt sha256:0"
    store.write(Path(directions), fitted, {"prompts": source})
    alike = {"dim_cosine": 1.0, "inlp_cosine": 1.0, "inlp_k": 1}
    monkeypatch.setattr(refit, "known_agreement", lambda *_: alike)
    arguments = ("--directions", directions, *files, "--limit", "1", "--max-new-tokens", "1")
    assert main(["evaluate", "--json", *arguments, "--text", "none", "--panel", "flip"]) == 0
    told = capsys.readouterr()
    assert json.loads(told.out)["directions_drift"] == (alike if own else None)
    assert ("not fitted on the project's own prompts" in told.err) != own


def test_the_whole_comparison_is_stored_beside_the_directions(
    capsys, directions, own_cache, monkeypatch, prompts
):
    own = replace(PromptSplits.own(), test={name: texts[:1] for name, texts in prompts.items()})
    monkeypatch.setattr(PromptSplits, "own", classmethod(lambda _: own))
    monkeypatch.setattr(prose, "passages", lambda: (Passage("note", ("A cat slept.",)),))
    # Shorter answers are another table.
    assert main(["evaluate", "--directions", directions, "--max-new-tokens", "2"]) == 0
    assert "Written" not in capsys.readouterr().out
    monkeypatch.setattr(evaluation, "TOKENS", 2)
    monkeypatch.setattr(defaults, "TOKENS", 2)
    assert main(["evaluate", "--directions", directions]) == 0
    shown = capsys.readouterr().out
    assert "Answering took" in shown
    assert "| `flip:basis=dim` |" in shown
    stored = json.loads((Path(directions) / "evaluation.json").read_text())
    assert stored["schema"] == 3
    assert stored["provenance"]["text"].startswith("steering/prose.txt sha256:")


def test_results_of_this_machines_own_fit_do_not_replace_those_of_the_shipped_directions(
    capsys, directions, fitted, own_cache, monkeypatch, prompts, tmp_path
):
    monkeypatch.setattr(folders, "ROOT", tmp_path / "shipped")
    shipped = folders.shipped(catalog.DEFAULT_MODEL)
    store.write(shipped, replace(fitted, default_k=1), {})
    monkeypatch.setattr(loaded, "folder_for", lambda *_: Path(directions))
    own = replace(PromptSplits.own(), test={name: texts[:1] for name, texts in prompts.items()})
    monkeypatch.setattr(PromptSplits, "own", classmethod(lambda _: own))
    monkeypatch.setattr(prose, "passages", lambda: (Passage("note", ("A cat slept.",)),))
    monkeypatch.setattr(evaluation, "TOKENS", 1)
    monkeypatch.setattr(defaults, "TOKENS", 1)
    found = document(capsys, "evaluate", "--json")
    assert found["written"] == str(Path(directions) / "evaluation.json")
    assert not (shipped / "evaluation.json").exists()
    # Nor are its controls those of the shipped rank.
    assert fitted.default_k == 2
    controls = {f"flip:k={k},center=midpoint" for k in (1, 2)}
    assert controls & {entry["panel"] for entry in found["panels"]} == {"flip:k=2,center=midpoint"}


def test_a_model_that_judges_is_reported_with_its_agreement(capsys, directions, files, own_cache):
    arguments = ("--directions", directions, *files, "--limit", "1", "--max-new-tokens", "3")
    found = document(capsys, "evaluate", "--json", *arguments, "--text", "none", "--judge", "tiny")
    judge = found["judge"]
    assert judge["judged"] <= judge["n"] == 2 * len(found["panels"])
    if judge["judged"]:
        assert 0 <= judge["verdict"]["raw"] <= 1


def test_a_malformed_judge_is_told(capsys, directions, files, own_cache):
    arguments = ("--directions", directions, *files, "--judge", "http://")
    assert "address is malformed" in refused(capsys, "evaluate", *arguments)


def test_a_prompt_file_that_is_missing_is_told(capsys, no_loading, directions, files, tmp_path):
    files[1] = str(tmp_path / "nowhere.txt")
    told = refused(capsys, "evaluate", "--directions", directions, *files)
    assert "there is no prompt file" in told
    assert "nowhere.txt" in told


def test_a_prompt_file_without_a_text_column_is_told(capsys, directions, files, tmp_path):
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("id,colour\n1,red\n")
    files[3] = str(wrong)
    told = refused(capsys, "evaluate", "--directions", directions, *files)
    assert "wrong.csv" in told
    assert "'instruction'" in told


def test_borderline_prompts_alone_are_told(capsys, no_loading, tmp_path):
    told = refused(capsys, "evaluate", "--borderline", str(tmp_path / "prompts.txt"))
    assert "--borderline goes with --harmful and --harmless" in told


def test_results_that_were_never_measured_are_told(capsys):
    told = refused(capsys, "results", "--model", "no-such-model")
    assert "no results for 'no-such-model'" in told
