import json
from pathlib import Path
from typing import get_args

import pytest

from steering.artifacts import folders
from steering.cli.main import main
from steering.sources import catalog
from steering.verdicts.judgement import REFUSALS, Verdict
from tests.helpers.commands import DEFAULT_IS_SHIPPED, document, refused


def test_models_lists_the_catalog_with_the_state_of_each(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("STEERING_CACHE", str(tmp_path))
    found = document(capsys, "models", "--json")
    assert [entry["name"] for entry in found] == list(catalog.catalog())
    default = next(entry for entry in found if entry["name"] == catalog.DEFAULT_MODEL)
    assert default["cached"] is False
    assert default["gated"] is False
    assert default["directions"] == (catalog.DEFAULT_MODEL in folders.available())
    assert default["parameters"] > 1e8


def test_models_is_readable_without_json(capsys):
    assert main(["models"]) == 0
    assert catalog.DEFAULT_MODEL in capsys.readouterr().out


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
            *("panel", "text", "verdict", "refused", "looping", "refusal_score", "p_refusal", "kl"),
            *("tokens", "seconds", "perplexity"),
        }
        assert answer["verdict"] in get_args(Verdict)
        assert answer["refused"] == (answer["verdict"] in REFUSALS)
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


def test_further_prompts_go_on_with_every_panels_own_conversation(capsys, directions):
    panels = ("--panel", "baseline", "--panel", "flip", "--max-new-tokens", "4")
    both = ("--prompt", "Hi", "--prompt", "And then?", *panels, "--directions", directions)
    found = document(capsys, "generate", "--json", *both)
    (first,) = found["earlier"]
    alone = document(
        capsys, "generate", "--json", "--prompt", "Hi", *panels, "--directions", directions
    )
    assert alone["earlier"] == []
    assert first["prompt"] == "Hi"
    assert found["prompt"] == "And then?"
    texts = [answer["text"] for answer in alone["panels"]]
    assert [answer["text"] for answer in first["panels"]] == texts
    assert texts[0] in found["reads"]
    assert "And then?" in found["reads"]
    assert [answer["kl"] is None for answer in found["panels"]] == [False, texts[0] != texts[1]]
    assert main(["generate", *both]) == 0
    shown = capsys.readouterr().out
    assert shown.index("[asked] Hi") < shown.index("[asked] And then?")


def test_a_follow_up_that_is_empty_is_told_before_the_model_is_loaded(
    capsys, directions, no_loading
):
    arguments = ("--directions", directions, "--prompt", "Hi", "--prompt", " ")
    assert "the request is empty" in refused(capsys, "generate", *arguments)
