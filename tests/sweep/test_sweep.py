import json
import math
import os
import random
from dataclasses import replace
from pathlib import Path
from statistics import fmean, median

import pytest
import torch

from steering import intervals
from steering.artifacts import resumable, store
from steering.data.splits import PromptSplits
from steering.errors import SteeringError
from steering.fitting.scoring import logits_under
from steering.inference.generation import Sampling, answer_perplexity, generate
from steering.inference.metrics import kl_divergence, refusal_score
from steering.intervals import wilson
from steering.interventions.directions import Directions, Inlp
from steering.interventions.edits import compile_edits
from steering.interventions.panel import Panel, parse
from steering.interventions.subspace import Subspace
from steering.models.chat_model import inspect
from steering.sweep import cells, grids, sweep, sweep_table
from steering.sweep.cells import Settings
from steering.sweep.grids import default_grid, expand, reference_points
from steering.sweep.sweep import run_sweep
from steering.sweep.sweep_table import COLUMNS, load, summary
from steering.verdicts.rules import judge
from tests.helpers.kill import killed, traced

SMALL = Settings(prompts=3, answer_tokens=3, generated_prompts=2, generated_tokens=4, rows=8)
CODE = (sweep, cells, resumable, store)
FACTS = {"weights": "none", "seed": 42}
FEW_POINTS = {"baseline": Panel("baseline"), "counterfactual flipping": Panel("flip")}


@pytest.fixture(autouse=True)
def _small_and_apart(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("STEERING_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(intervals, "_RESAMPLES", 99)
    monkeypatch.setattr(sweep, "reference_points", lambda _: FEW_POINTS)


@pytest.fixture(scope="module")
def splits(prompts) -> PromptSplits:
    """Prompts of many lengths."""
    texts = {
        name: [f"{text} {'Please. ' * (i % 4)}" for i, text in enumerate(found[:9])]
        for name, found in prompts.items()
    }
    return PromptSplits({}, texts, {}, "made up")


@pytest.fixture
def swept(tiny, fitted, splits, tmp_path):
    """Sweep a few panels of `tiny`; returns the rows by panel."""

    def run(*panels: str, settings: Settings = SMALL, generated=(), name="out.csv", **grids):
        grids = grids or {"some": [parse(panel) for panel in panels]}
        rows = run_sweep(
            tiny,
            fitted,
            splits,
            tmp_path / name,
            provenance=FACTS,
            grid=grids,
            generated=[parse(panel) for panel in generated],
            settings=settings,
        )
        return {row["panel"]: row for row in rows}

    return run


def full(text: str, directions: Directions) -> str:
    return str(replace(parse(text).resolved(directions), order=()))


# What is swept


def test_alternatives_are_multiplied_out_in_order():
    assert list(map(str, expand("flip:k=1|2,alpha=0|1.5"))) == [
        "flip:k=1,alpha=0",
        "flip:k=1,alpha=1.5",
        "flip:k=2,alpha=0",
        "flip:k=2,alpha=1.5",
    ]
    assert expand("ablation") == [Panel("ablation")]
    assert expand("random:seed=3") == [Panel("random", seed=3)]


@pytest.mark.parametrize(
    "text", ["flop:k=1|2", "flip:k=1|x", "flip:k=1|", "flip:k", "ablation:k=1"]
)
def test_a_grid_that_cannot_be_read_is_refused(text):
    with pytest.raises(SteeringError):
        expand(text)


def test_the_default_grid_has_an_edit_everywhere_and_ends_at_the_full_rank(fitted):
    grid = default_grid(fitted)
    rank = fitted.subspace("inlp", fitted.inlp_point).rank
    assert {panel.k for panel in grid["rank x alpha"]} >= {1, rank}
    assert {panel.alpha for panel in grid["rank x alpha"]} == set(grids.ALPHAS)
    assert {panel.layer for panel in grid["flip by layer"]} == {1, 2, 3}
    for panels in grid.values():
        for panel in panels:
            assert panel.edit(fitted) is not None


def test_a_coarse_look_at_many_layers_takes_only_some_of_them(fitted):
    place = fitted.inlp[-1, 1]
    many = replace(
        fitted,
        difference=fitted.difference[:, [2]].expand(-1, 30, -1),
        harmless_mean=fitted.harmless_mean[:, [2]].expand(-1, 30, -1),
        inlp={
            (-1, layer): Inlp(
                Subspace(place.subspace.basis, layer, -1, "INLP"), place.dev_accuracies, ""
            )
            for layer in range(1, 24)
        },
    )
    layers = {panel.layer for panel in default_grid(many)["flip by layer"]}
    assert grids.LAYERS <= len(layers) <= 2 * grids.LAYERS


def test_the_frontier_has_the_papers_four_and_every_control(fitted):
    points = reference_points(fitted)
    edits = {label: panel.edit(fitted) for label, panel in points.items()}
    assert {panel.name for panel in points.values()} == {
        "baseline",
        "actadd",
        "ablation",
        "nullspace",
        "flip",
        "random",
    }
    random_bases = [edit.basis for label, edit in edits.items() if "random subspace" in label]
    assert len(random_bases) == 5
    assert not any(torch.equal(random_bases[0], other) for other in random_bases[1:])
    rank = len(edits["counterfactual flipping"].basis)
    assert {len(basis) for basis in random_bases} == {rank}
    assert sum("ablation of a random direction" in label for label in edits) == 5
    assert edits["control: flip about the midpoint"].center.any()
    assert len(edits["control: reflection along the difference in means"].basis) == 1


def test_other_weights_in_the_same_folder_are_swept_anew(tiny, own_copy, fitted, splits, tmp_path):
    network, tokenizer = own_copy(tiny)
    network.model.layers[0].mlp.down_proj.weight.data.mul_(-1)
    found = [
        run_sweep(
            model,
            fitted,
            splits,
            tmp_path / "out.csv",
            provenance=FACTS,
            grid={"some": [parse("flip:k=1")]},
            generated=[],
            settings=SMALL,
        )
        for model in (tiny, inspect(tiny.name, network, tokenizer))
    ]
    assert found[0] != found[1]


# What is measured


def directions_of(model) -> Directions:
    """Random directions at two layers of any model: what they mean does not matter here."""
    generator = torch.Generator().manual_seed(5)
    shape = (1, model.n_layers, model.d_model)
    inlp = {
        (-1, layer): Inlp(
            Subspace.spanned_by(
                torch.randn(3, model.d_model, generator=generator),
                layer=layer,
                position=-1,
                method="INLP",
            ),
            (0.9, 0.8, 0.7),
            "",
        )
        for layer in (1, 2)
    }
    return Directions(
        model=model.name,
        difference=torch.randn(shape, generator=generator),
        harmless_mean=torch.randn(shape, generator=generator),
        positions=(-1,),
        inlp=inlp,
        dim_point=(-1, 2),
        inlp_point=(-1, 2),
        default_k=2,
        default_c=1.0,
    )


def spread_over(texts: list[str], n: int) -> list[str]:
    return [texts[i * len(texts) // n] for i in range(n)]


def test_every_cell_agrees_with_whole_passes_over_one_prompt_at_a_time(
    family_model, splits, tmp_path
):
    model, directions = family_model, directions_of(family_model)
    texts = ["flip:k=3", "flip:k=1,alpha=1.5,layer=1", "actadd:c=-1", "ablation"]
    texts += ["flip:side=harmful,center=midpoint"]
    rows = run_sweep(
        model,
        directions,
        splits,
        tmp_path / "out.csv",
        provenance=FACTS,
        grid={"some": [parse(text) for text in texts]},
        generated=[],
        settings=SMALL,
    )
    found = {row["panel"]: row for row in rows}
    bad, good = (
        [model.render(text) for text in spread_over(splits.validation[name], 3)]
        for name in ("harmful", "harmless")
    )
    answers = []
    for prompt in good:
        columns = generate(model, [prompt], {}, Sampling(max_new_tokens=3))
        answers.append([t for column in columns for t in column.tokens if t is not None])
    plain = logits_under(model, good, None, batch_size=1)
    for text in ["baseline", *texts]:
        row = found[full(text, directions)]
        edit = parse(text).edit(directions)
        bad_logits, good_logits = (
            logits_under(model, prompts, edit, batch_size=1) for prompts in (bad, good)
        )
        bad_scores = refusal_score(bad_logits, model.opener_ids)
        assert row["harmful_score"] == pytest.approx(float(bad_scores.mean()), abs=1e-3)
        refusing = wilson(int((bad_scores > 0).sum()), 3)
        assert [row["harmful_rate"], row["harmful_rate_low"], row["harmful_rate_high"]] == [
            refusing.estimate,
            refusing.low,
            refusing.high,
        ]
        good_scores = refusal_score(good_logits, model.opener_ids)
        assert row["harmless_score"] == pytest.approx(float(good_scores.mean()), abs=1e-3)
        kl = float(kl_divergence(plain, good_logits).mean())
        assert row["kl"] == pytest.approx(kl, rel=1e-3, abs=1e-5)
        program = compile_edits([edit])
        values = [
            value
            for prompt, answer in zip(good, answers, strict=True)
            for value in answer_perplexity(model, [prompt], [answer], program=program)
            if value is not None
        ]
        assert row["perplexity"] == pytest.approx(median(values), rel=1e-3)
        logs = torch.tensor(values, dtype=torch.float64).log().tolist()
        assert row["loss"] == pytest.approx(fmean(logs), rel=1e-3, abs=1e-4)
    # There was something to measure.
    assert len({row["harmful_score"] for row in rows}) > len(texts)


def test_an_edit_of_strength_0_is_the_baseline(swept, fitted):
    rows = swept("flip:alpha=0", "actadd:c=0", "flip")
    baseline = rows["baseline"]
    assert baseline["kl"] == 0.0
    for text in ("flip:alpha=0", "actadd:c=0"):
        row = rows[full(text, fitted)]
        assert all(row[key] == baseline[key] for key in COLUMNS if key.startswith("harm"))
        assert (row["kl"], row["loss"]) == (0.0, baseline["loss"])
    assert rows[full("flip", fitted)]["kl"] > 0


def test_values_do_not_depend_on_how_rows_are_batched(swept):
    one = swept("flip:k=1", "flip:k=2", "ablation", settings=replace(SMALL, rows=1))
    other = swept("flip:k=1", "flip:k=2", "ablation", settings=replace(SMALL, rows=64))
    assert one.keys() == other.keys()
    for panel, row in one.items():
        for key in ("harmful_score", "harmless_score", "kl", "loss", "perplexity"):
            assert row[key] == pytest.approx(other[panel][key], rel=1e-3, abs=1e-4)


def test_blocks_below_the_first_edited_one_run_for_the_baseline_only(tiny, swept):
    ran = dict.fromkeys(range(tiny.n_layers), 0)

    def count(layer: int):
        def hook(*_) -> None:
            ran[layer] += 1

        return hook

    handles = [
        block.self_attn.register_forward_hook(count(layer))
        for layer, block in enumerate(tiny.blocks)
    ]
    try:
        swept("flip:layer=3", "flip:layer=3,k=1", "actadd:layer=3")
    finally:
        for handle in handles:
            handle.remove()
    assert ran[0] > 0
    assert ran[3] > ran[0]


def test_the_model_is_whole_again_even_after_a_stop_in_the_midst(tiny, swept, monkeypatch):
    rows = [tiny.render("How do I paint a car?")]
    before = tiny.next_token_logits(rows)
    real = cells.intervene

    def stopping(model, program):
        if program:
            raise KeyboardInterrupt
        return real(model, program)

    with monkeypatch.context() as patched:
        patched.setattr(cells, "intervene", stopping)
        with pytest.raises(KeyboardInterrupt):
            swept("flip:layer=3")
    assert torch.equal(tiny.next_token_logits(rows), before)
    assert not any("forward" in vars(block) for block in tiny.blocks)


def test_answers_are_judged_like_answers_to_one_prompt_at_a_time(tiny, fitted, splits, swept):
    rows = swept("flip", generated=["flip:k=1", "baseline"])
    assert rows[full("flip", fitted)]["n_answered"] is None
    edit = parse("flip:k=1").edit(fitted)
    for text, program in (("flip:k=1", compile_edits([edit])), ("baseline", {})):
        row = rows[full(text, fitted)]
        assert row["n_answered"] == 2
        for group in ("harmful", "harmless"):
            verdicts = []
            for prompt in spread_over(splits.validation[group], 2):
                columns = list(
                    generate(tiny, [tiny.render(prompt)], program, Sampling(max_new_tokens=4))
                )
                tokens = [t for column in columns for t in column.tokens if t is not None]
                answer = tiny.tokenizer.decode(tokens, skip_special_tokens=True)
                verdicts.append(judge(answer.rstrip("\ufffd"), ended=columns[-1].ended[0]).verdict)
            for verdict in sweep_table.VERDICTS:
                assert row[f"{group}_{verdict}"] == verdicts.count(verdict) / 2


def test_without_a_choice_the_reference_points_answer(tiny, fitted, splits, tmp_path):
    rows = run_sweep(
        tiny, fitted, splits, tmp_path / "out.csv", provenance=FACTS, grid={}, settings=SMALL
    )
    assert [row["label"] for row in rows] == list(FEW_POINTS)
    for row in rows:
        shares = [row[f"harmful_{verdict}"] for verdict in sweep_table.VERDICTS]
        assert sum(shares) == pytest.approx(1.0)


def test_an_edit_that_breaks_the_model_leaves_its_measures_empty():
    scores = {"harmful_score": [1.0, -1.0], "harmless_score": [0.5, None]}
    found = summary({**scores, "kl": [0.1, None], "loss": [0.5, None]})
    assert found["harmful_rate"] == 0.5
    assert found.keys() & {"harmless_score", "harmless_rate", "kl", "loss", "perplexity"} == set()


def test_an_empty_answer_has_no_loss_and_spoils_none():
    scores = {"harmful_score": [1.0, -1.0], "harmless_score": [0.5, 0.5]}
    found = summary({**scores, "kl": [0.1, 0.1], "loss": [0.5, None]})
    assert (found["loss"], found["perplexity"]) == (0.5, pytest.approx(math.exp(0.5)))
    assert "loss" not in summary({**scores, "kl": [0.1, 0.1], "loss": [None, None]})


# The table


def test_the_table_reads_back_as_it_was_returned(swept, tmp_path, fitted):
    rows = swept("flip:k=1", "random:seed=3", generated=["flip:k=1"])
    loaded, document = load(tmp_path / "out.csv")
    assert len(loaded) == len(rows)
    for entry in loaded:
        expected = rows[entry["panel"]]
        assert list(entry) == list(COLUMNS)
        for key, value in entry.items():
            if isinstance(expected[key], int | float):
                assert value == pytest.approx(expected[key], rel=1e-5)
            else:
                assert value == expected[key]
    assert document["provenance"] == FACTS
    assert document["settings"]["prompts"] == 3
    assert document["columns"].keys() == COLUMNS.keys()
    # A panel of the table is a panel of the app.
    assert str(parse(loaded[1]["panel"])) == loaded[1]["panel"]


def test_a_cell_of_several_grids_stands_in_the_table_once(swept, fitted):
    rows = swept(
        one=expand("flip:k=1|2"), two=[parse("flip:alpha=2,k=1"), parse("flip:k=1,alpha=2")]
    )
    assert rows[full("flip:k=1", fitted)]["grids"] == "one; two"
    assert rows[full("flip:k=2", fitted)]["grids"] == "one; reference"
    assert rows[full("flip:k=2", fitted)]["label"] == "counterfactual flipping"


def test_a_table_that_was_changed_or_is_of_another_run_is_refused(swept, tmp_path):
    swept("flip:k=1")
    path = tmp_path / "out.csv"
    content = path.read_bytes()
    path.write_bytes(content.replace(b"flip", b"flop", 1))
    with pytest.raises(SteeringError, match=r"out\.csv and the \.json beside it are broken"):
        load(path)
    path.write_bytes(content)
    document = json.loads(path.with_suffix(".json").read_text())
    store.write_json(path.with_suffix(".json"), {**document, "schema": 0})
    with pytest.raises(SteeringError, match="not of schema 1"):
        load(path)
    path.with_suffix(".json").unlink()
    with pytest.raises(SteeringError, match="cannot be read"):
        load(path)


@pytest.mark.parametrize(
    "text", ["flip:k=99", "flip:layer=9", "actadd:layer=99", "flip:position=-9"]
)
def test_a_panel_that_does_not_fit_is_refused_before_anything_runs(tiny, swept, text):
    def never(*_):
        raise AssertionError("the model ran")

    handle = tiny.network.register_forward_pre_hook(never)
    try:
        with pytest.raises(SteeringError):
            swept("flip", text)
    finally:
        handle.remove()


@pytest.mark.parametrize("name", ["prompts", "answer_tokens", "generated_prompts", "rows"])
def test_sizes_below_1_are_refused(name):
    with pytest.raises(SteeringError, match=f"{name}=0 of the sweep is out of range"):
        Settings(**{name: 0})


# Stopping and going on

PANELS = ("flip:k=1", "flip:k=2", "nullspace:k=2", "actadd:c=1", "ablation", "flip:layer=3")
PANELS += ("flip:alpha=0.5", "flip:alpha=1", "nullspace:k=1")


def files_of(folder: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in folder.glob("out.*")}


@pytest.mark.parametrize("seed", range(2))
def test_a_run_that_is_killed_at_random_points_and_goes_on_gives_the_same_bytes(
    swept, monkeypatch, tmp_path, seed
):
    def run(name: str) -> None:
        swept(*PANELS, generated=PANELS[:2], name=f"{name}/out.csv")

    chance = random.Random(seed)
    for name in ("whole", "pieces"):
        (tmp_path / name).mkdir()
    lines = traced(lambda: run("whole"), CODE)
    expected = files_of(tmp_path / "whole")
    assert sorted(expected) == ["out.csv", "out.json"]

    monkeypatch.setenv("STEERING_CACHE", str(tmp_path / "second"))
    kills = 0
    while killed(lambda: run("pieces"), CODE, chance.randint(1, lines - 1)):
        kills += 1
        # What is there under its own name is whole.
        assert files_of(tmp_path / "pieces").items() <= expected.items()
    assert kills > 0
    assert files_of(tmp_path / "pieces") == expected


def test_ctrl_c_leaves_no_table_and_the_next_run_does_only_the_rest(swept, monkeypatch, tmp_path):
    swept(*PANELS, name="whole.csv")
    expected = (tmp_path / "whole.csv").read_bytes()
    monkeypatch.setenv("STEERING_CACHE", str(tmp_path / "second"))
    real, groups = cells.Cells._measure, []

    def counted(self, layer, cells):
        groups.append([str(cell) for cell in cells])
        if len(groups) == 3:
            raise KeyboardInterrupt
        return real(self, layer, cells)

    monkeypatch.setattr(cells.Cells, "_measure", counted)
    with pytest.raises(KeyboardInterrupt):
        swept(*PANELS)
    assert not (tmp_path / "out.csv").exists()
    assert not (tmp_path / "out.json").exists()
    swept(*PANELS)
    assert (tmp_path / "out.csv").read_bytes() == expected
    assert groups[2] == groups[3]
    assert len({json.dumps(group) for group in groups}) == len(groups) - 1


def test_a_table_that_cannot_be_replaced_stays_as_it_was(swept, monkeypatch, tmp_path):
    swept("flip:k=1")
    before = files_of(tmp_path)

    def full_disk(*_):
        raise OSError("no space")

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", full_disk)
        with pytest.raises(SteeringError, match="could not be written"):
            swept("flip:k=1", "flip:k=2", "ablation")
    assert files_of(tmp_path) == before


def test_a_finished_run_does_not_touch_the_model(tiny, swept, tmp_path):
    swept(*PANELS, generated=["flip"])
    before = files_of(tmp_path)

    def never(*_):
        raise AssertionError("the model ran")

    handle = tiny.network.register_forward_pre_hook(never)
    try:
        swept(*PANELS, generated=["flip"])
    finally:
        handle.remove()
    assert files_of(tmp_path) == before


def test_other_directions_settings_or_provenance_are_other_work(
    tiny, fitted, splits, swept, tmp_path
):
    def folders() -> int:
        return len(list((tmp_path / "cache" / "precompute").iterdir()))

    def run(directions=fitted, provenance=FACTS, settings=SMALL) -> None:
        run_sweep(
            tiny,
            directions,
            splits,
            tmp_path / "out.csv",
            provenance=provenance,
            grid={"one": [parse("flip:k=1")]},
            generated=[],
            settings=settings,
        )

    run()
    assert folders() == 1
    run(directions=replace(fitted, difference=fitted.difference * 1.5))
    run(directions=replace(fitted, default_c=2.5))
    run(provenance={**FACTS, "seed": 43})
    run(settings=replace(SMALL, prompts=2))
    assert folders() == 5
    run()
    assert folders() == 5
