import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from steering import defaults
from steering.adaptation import refit
from steering.artifacts import store
from steering.cli.main import main
from steering.data import prose
from steering.data.prose import Passage
from steering.data.splits import PromptSplits
from steering.evaluation import evaluation
from steering.models import loading
from steering.sources import catalog
from steering.sweep import sweep_table

DEFAULT_IS_SHIPPED = pytest.mark.skipif(
    catalog.DEFAULT_MODEL not in store.available(), reason="no directions are shipped"
)


@pytest.fixture
def directions(tmp_path, fitted, tiny, monkeypatch) -> str:
    """The folder of the tiny model's directions; whatever is loaded is the tiny model."""
    store.write(tmp_path / "made", fitted, {})
    monkeypatch.setattr(loading, "load", lambda *_, **__: tiny)
    return str(tmp_path / "made")


@pytest.fixture
def files(tmp_path, prompts) -> list[str]:
    for name, texts in prompts.items():
        (tmp_path / f"{name}.txt").write_text("\n".join(texts[:4]))
    return [
        *("--harmful", str(tmp_path / "harmful.txt")),
        *("--harmless", str(tmp_path / "harmless.txt")),
    ]


@pytest.fixture
def no_loading(monkeypatch) -> None:
    def load(*_, **__):
        raise AssertionError("the model was loaded before the mistake was told")

    monkeypatch.setattr(loading, "load", load)


def refused(capsys, *arguments: str) -> str:
    """Run a command that has to fail and return what it tells the user."""
    assert main(arguments) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("error: ")
    assert "Traceback" not in told.err
    return told.err


def document(capsys, *arguments: str):
    assert main(arguments) == 0
    return json.loads(capsys.readouterr().out)


# models


def test_models_lists_the_catalog_with_the_state_of_each(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("STEERING_CACHE", str(tmp_path))
    found = document(capsys, "models", "--json")
    assert [entry["name"] for entry in found] == list(catalog.catalog())
    default = next(entry for entry in found if entry["name"] == catalog.DEFAULT_MODEL)
    assert default["cached"] is False
    assert default["gated"] is False
    assert default["directions"] == (catalog.DEFAULT_MODEL in store.available())
    assert default["parameters"] > 1e8


def test_models_is_readable_without_json(capsys):
    assert main(["models"]) == 0
    assert catalog.DEFAULT_MODEL in capsys.readouterr().out


# generate


def test_a_reader_who_has_seen_enough_is_no_error(monkeypatch):
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as pipe:
        monkeypatch.setattr(sys, "stdout", pipe)
        assert main(["models"]) == 0


def test_generate_gives_one_document_with_every_panel(capsys, directions, prompts):
    found = document(
        capsys,
        *("generate", "--json", "--directions", directions, "--prompt", prompts["harmful"][0]),
        *("--panel", "baseline", "--panel", "flip:alpha=0", "--panel", "flip:k=2"),
        *("--max-new-tokens", "6"),
    )
    assert found["prompt"] == prompts["harmful"][0]
    assert found["model"] == catalog.DEFAULT_MODEL
    assert found["number_format"]
    baseline, nothing, flipped = found["panels"]
    assert [answer["panel"] for answer in found["panels"]] == [
        *("baseline", "flip:alpha=0", "flip:k=2")
    ]
    for answer in found["panels"]:
        assert answer.keys() >= {
            *("panel", "text", "verdict", "looping", "refusal_score", "p_refusal", "kl"),
            *("tokens", "seconds", "perplexity"),
        }
        assert answer["verdict"] in ("refused", "hedged", "complied", "broken", "empty")
        assert isinstance(answer["looping"], bool)
        assert 0 <= answer["p_refusal"] <= 1
        assert 0 <= answer["tokens"] <= 6
        assert answer["seconds"] > 0
    assert nothing["text"] == baseline["text"]
    assert (baseline["kl"], nothing["kl"]) == (0.0, 0.0)
    assert flipped["kl"] > 0


def test_generate_is_readable_without_json_and_takes_the_default_panels(capsys, directions):
    arguments = ["--directions", directions, "--prompt", "Hi", "--max-new-tokens", "3"]
    assert main(["generate", *arguments]) == 0
    shown = capsys.readouterr().out
    for name in ("baseline", "actadd:c=-1", "ablation", "nullspace", "flip"):
        assert f"── {name} · " in shown


@pytest.mark.parametrize("prompt", ["", "  \n"])
def test_an_empty_request_is_told(capsys, directions, prompt):
    told = refused(capsys, "generate", "--directions", directions, "--prompt", prompt)
    assert "the request is empty" in told


def test_a_request_of_a_hundred_thousand_characters_is_told(capsys, directions):
    told = refused(capsys, "generate", "--directions", directions, "--prompt", "a" * 100_000)
    assert "too long" in told


@pytest.mark.parametrize(
    ("panel", "says"),
    [
        ("flop:k=1", "unknown panel 'flop'"),
        ("flip:q=1", "'q'"),
        ("flip:k=two", "not a whole number"),
        ("flip:alpha=9", "out of range"),
        ("flip:k", "not key=value"),
        ("flip:k=999", "k=999 is out of range"),
        ("ablation:layer=99", "layer 99 is out of range"),
        ("flip:layer=0", "INLP was not fitted at layer 0"),
        ("ablation:position=-9", "position -9 is out of range"),
    ],
)
def test_a_bad_panel_is_told_before_the_model_is_loaded(
    capsys, directions, no_loading, panel, says
):
    arguments = ("--directions", directions, "--prompt", "Hi", "--panel", panel)
    assert says in refused(capsys, "generate", *arguments)


@DEFAULT_IS_SHIPPED
def test_a_rank_beyond_the_shipped_directions_is_told(capsys, no_loading):
    told = refused(capsys, "generate", "--prompt", "Hi", "--panel", "flip:k=999")
    assert "k=999 is out of range" in told


def test_an_unknown_model_is_told(capsys, no_loading):
    told = refused(capsys, "generate", "--model", "no-such-model", "--prompt", "Hi")
    assert "unknown model 'no-such-model'; allowed are" in told


def test_a_model_without_directions_is_told_how_they_are_made(capsys, no_loading):
    told = refused(capsys, "generate", "--model", "some/model", "--prompt", "Hi")
    assert "no directions for 'some/model'" in told
    assert "precompute --quick --model some/model" in told


def test_fetching_an_unknown_model_names_the_nearest(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("STEERING_CACHE", str(tmp_path))
    told = refused(capsys, "fetch", "--model", "smollm2-135m-instrukt")
    assert "unknown model 'smollm2-135m-instrukt'" in told
    assert "did you mean smollm2-135m-instruct?" in told


@pytest.mark.parametrize("option", [("--temperature", "-1"), ("--top-p", "2"), ("--seed", "-1")])
def test_sampling_out_of_range_is_told(capsys, directions, option):
    told = refused(capsys, "generate", "--directions", directions, "--prompt", "Hi", *option)
    assert "out of range" in told


def test_a_stop_by_the_user_is_neither_an_error_nor_a_traceback(capsys, directions, monkeypatch):
    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(loading, "load", stopped)
    assert main(["generate", "--directions", directions, "--prompt", "Hi"]) == 130
    assert "stopped" in capsys.readouterr().err


# evaluate


@pytest.fixture
def own_cache(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("STEERING_CACHE", str(tmp_path / "cache"))


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
            low, high = rates["refusal_rate_ci"]
            assert low <= rates["refusal_rate"] <= high
            assert 0 <= rates["substring_rate"] <= 1
            assert 0 <= rates["looping_rate"] <= 1
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
    assert stored["schema"] == 2
    assert stored["provenance"]["text"].startswith("steering/prose.txt sha256:")


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


# sweep


def test_sweep_writes_the_grid_that_was_asked_for(capsys, directions, tmp_path, own_cache):
    out = tmp_path / "grid.csv"
    found = document(
        capsys,
        *("sweep", "--json", "--directions", directions, "--grid", "flip:k=1|2,alpha=1|2"),
        *("--answer", "flip:k=1", "--prompts", "2", "--answered", "1", "--out", str(out)),
    )
    rows, facts = sweep_table.load(out)
    assert found == {"written": str(out), "cells": len(rows)}
    grid = [row for row in rows if "flip:k=1|2,alpha=1|2" in row["grids"]]
    assert [(row["k"], row["alpha"]) for row in grid] == [(1, 1), (1, 2), (2, 1), (2, 2)]
    assert all(row["n"] == 2 for row in rows)
    assert [row["panel"] for row in rows if row["n_answered"]] == [
        row["panel"] for row in grid if (row["k"], row["alpha"]) == (1, 2)
    ]
    assert facts["provenance"]["prompts"].startswith("steering/prompts.jsonl sha256:")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--grid", "flip:k=1|999"), "k=999 is out of range"),
        (("--grid", "flip:k=1|x"), "not a whole number"),
        (("--grid", "flip:k=1"), "give --out FILE.csv"),
        (("--grid", "flip:k=1", "--out", "grid.parquet"), "must end in .csv"),
    ],
)
def test_a_bad_grid_is_told_before_the_model_is_loaded(
    capsys, directions, no_loading, options, says
):
    assert says in refused(capsys, "sweep", "--directions", directions, *options)


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


def test_a_limit_of_zero_is_refused_by_the_parser(capsys, directions, files):
    with pytest.raises(SystemExit) as caught:
        main(["evaluate", "--directions", directions, *files, "--limit", "0"])
    assert caught.value.code == 2
    assert "0 is no whole number of 1 or more" in capsys.readouterr().err


# precompute, results


@pytest.mark.parametrize("option", ["--harmful", "--harmless"])
def test_one_file_of_prompts_without_the_other_is_told(capsys, no_loading, tmp_path, option):
    told = refused(capsys, "precompute", option, str(tmp_path / "prompts.txt"))
    assert "give both --harmful and --harmless" in told


def test_borderline_prompts_alone_are_told(capsys, no_loading, tmp_path):
    told = refused(capsys, "evaluate", "--borderline", str(tmp_path / "prompts.txt"))
    assert "--borderline goes with --harmful and --harmless" in told


def test_results_that_were_never_measured_are_told(capsys):
    told = refused(capsys, "results", "--model", "no-such-model")
    assert "no results for 'no-such-model'" in told


def test_a_truncated_artifact_is_told(capsys, directions, no_loading):
    path = Path(directions) / "directions.safetensors"
    path.write_bytes(path.read_bytes()[:100])
    told = refused(capsys, "generate", "--directions", directions, "--prompt", "Hi")
    assert "broken or from another run" in told


def test_an_artifact_of_another_schema_is_told(capsys, directions, no_loading):
    path = Path(directions) / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "schema": 7}))
    told = refused(capsys, "generate", "--directions", directions, "--prompt", "Hi")
    assert "schema 7" in told
