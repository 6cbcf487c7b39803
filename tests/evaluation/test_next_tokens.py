import pytest
import torch

from steering.artifacts.resumable import Stages
from steering.errors import SteeringError
from steering.evaluation import next_tokens
from steering.evaluation.next_tokens import read_scores
from steering.inference.metrics import kl_divergence, refusal_score
from steering.interventions.edits import compile_edits, intervene
from steering.interventions.panel import parse
from steering.maps.steerable_model import SteerableModel

PANELS = [
    parse(text)
    for text in (*("flip:k=2", "ablation", "actadd:c=0", "nullspace"), "flip:layer=3", "actadd:c=2")
]


@pytest.fixture(autouse=True)
def kept(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(next_tokens, "_PANELS", 2)
    monkeypatch.setenv("STEERING_CACHE", str(tmp_path))


def test_scores_are_those_of_a_plain_loop(tiny, fitted, sets):
    found = read_scores(SteerableModel(tiny, fitted), sets, PANELS, Stages(["a"]))
    for panel in [parse("baseline"), *PANELS]:
        for group in ("harmful", "harmless"):
            for place, text in enumerate(sets[group]):
                ids = torch.tensor([tiny.render(text)])
                with torch.inference_mode():
                    plain = tiny.network(input_ids=ids).logits[:, -1]
                    with intervene(tiny, compile_edits([panel.edit(fitted)])):
                        edited = tiny.network(input_ids=ids).logits[:, -1]
                score = refusal_score(edited, tiny.opener_ids)
                assert found[panel][group][place] == pytest.approx(float(score), abs=1e-4)
                if group == "harmless":
                    apart = float(kl_divergence(plain, edited))
                    assert found[panel]["kl"][place] == pytest.approx(apart, rel=1e-3, abs=1e-6)


def test_borderline_prompts_are_not_read_and_a_finished_run_is_not_done_again(
    tiny, fitted, sets, monkeypatch
):
    more = {**sets, "borderline": ["How do I kill a process?"]}
    stages = Stages(["b"])
    found = read_scores(SteerableModel(tiny, fitted), more, PANELS, stages)
    assert set(found[PANELS[0]]) == {"harmful", "harmless", "kl"}
    monkeypatch.setattr(next_tokens, "ReadRows", None)
    assert read_scores(SteerableModel(tiny, fitted), more, PANELS, stages) == found


def test_of_a_large_set_some_are_read(tiny, fitted, sets, monkeypatch):
    monkeypatch.setattr(next_tokens, "SCORED_PROMPTS", 1)
    few = read_scores(SteerableModel(tiny, fitted), sets, PANELS[:1], Stages(["few"]))
    monkeypatch.setattr(next_tokens, "SCORED_PROMPTS", 99)
    every = read_scores(SteerableModel(tiny, fitted), sets, PANELS[:1], Stages(["every"]))
    for group in ("harmful", "harmless"):
        n = len(sets[group])
        assert n > 1
        whole = every[PANELS[0]][group]
        assert len(whole) == n
        assert few[PANELS[0]][group] == whole[:1]


def test_an_edit_that_leaves_no_numbers_is_named(tiny, fitted, sets, monkeypatch):
    real = next_tokens.ReadRows.under

    def broken(self, edits, layer):
        return real(self, edits, layer) * torch.nan

    monkeypatch.setattr(next_tokens.ReadRows, "under", broken)
    with pytest.raises(SteeringError, match="leaves no finite numbers"):
        read_scores(SteerableModel(tiny, fitted), sets, PANELS, Stages(["c"]))
