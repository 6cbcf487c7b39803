from dataclasses import replace
from statistics import fmean, median

import pytest
import torch

from steering.errors import SteeringError
from steering.inference import next_token
from steering.inference.generation import Sampling, answer_perplexity, generate
from steering.inference.metrics import kl_divergence, refusal_score
from steering.inference.next_token import logits_under
from steering.intervals import wilson
from steering.interventions.directions import Directions
from steering.interventions.inlp import Inlp
from steering.interventions.panel import parse
from steering.interventions.subspace import Subspace
from steering.maps.steerable_model import SteerableModel
from steering.sweep import sweep_table
from steering.sweep.cells import SweepSettings
from steering.sweep.sweep import run_sweep
from steering.sweep.sweep_table import SWEEP_COLUMNS
from steering.verdicts.rules import judge
from tests.helpers.short_sweep import FACTS, SMALL, full, spread_over


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
            torch.randn(2, model.d_model, generator=generator),
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


def test_every_cell_agrees_with_whole_passes_over_one_prompt_at_a_time(
    family_model, splits, tmp_path
):
    model, directions = family_model, directions_of(family_model)
    texts = ["flip:k=3", "flip:k=1,alpha=1.5,layer=1", "actadd:c=-1", "ablation"]
    texts += ["flip:side=harmful,center=midpoint"]
    rows = run_sweep(
        SteerableModel(model, directions),
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
        columns = generate(model, [prompt], [None], Sampling(max_new_tokens=3))
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
        values = [
            value
            for prompt, answer in zip(good, answers, strict=True)
            for value in answer_perplexity(model, [prompt], [answer], edits=[edit])
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
        assert all(row[key] == baseline[key] for key in SWEEP_COLUMNS if key.startswith("harm"))
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
    real = next_token.intervene

    def stopping(model, program):
        if program:
            raise KeyboardInterrupt
        return real(model, program)

    with monkeypatch.context() as patched:
        patched.setattr(next_token, "intervene", stopping)
        with pytest.raises(KeyboardInterrupt):
            swept("flip:layer=3")
    assert torch.equal(tiny.next_token_logits(rows), before)
    assert not any("forward" in vars(block) for block in tiny.blocks)


def test_answers_are_judged_like_answers_to_one_prompt_at_a_time(tiny, fitted, splits, swept):
    rows = swept("flip", generated=["flip:k=1", "baseline"])
    assert rows[full("flip", fitted)]["n_answered"] is None
    edit = parse("flip:k=1").edit(fitted)
    for text, done in (("flip:k=1", edit), ("baseline", None)):
        row = rows[full(text, fitted)]
        assert row["n_answered"] == 2
        for group in ("harmful", "harmless"):
            found = []
            for prompt in spread_over(splits.validation[group], 2):
                columns = list(
                    generate(tiny, [tiny.render(prompt)], [done], Sampling(max_new_tokens=4))
                )
                tokens = [t for column in columns for t in column.tokens if t is not None]
                answer = tiny.tokenizer.decode(tokens, skip_special_tokens=True)
                found.append(judge(answer.rstrip("\ufffd"), ended=columns[-1].ended[0]))
            verdicts = ["refused" if each.refused else each.verdict for each in found]
            for verdict in sweep_table.SWEEP_VERDICTS:
                assert row[f"{group}_{verdict}"] == verdicts.count(verdict) / 2
            assert row[f"{group}_looping"] == sum(each.looping for each in found) / 2
            assert row[f"{group}_gibberish"] == sum(each.gibberish for each in found) / 2


@pytest.mark.parametrize("name", ["prompts", "answer_tokens", "generated_prompts", "rows"])
def test_sizes_below_1_are_refused(name):
    with pytest.raises(SteeringError, match=f"{name}=0 of the sweep is out of range"):
        SweepSettings(**{name: 0})
