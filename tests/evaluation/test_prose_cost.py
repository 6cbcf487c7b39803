import math

import pytest
import torch

from steering.artifacts.resumable import Stages
from steering.data.prose import Passage
from steering.evaluation import prose_cost as module
from steering.evaluation.prose_cost import prose_cost, windows
from steering.inference import metrics
from steering.inference.metrics import kl_divergence
from steering.interventions.edits import compile_edits, intervene
from steering.interventions.panel import parse
from steering.maps.steerable_model import SteerableModel

PASSAGES = (
    Passage("one", ("A grey cat slept on the mat.", "It woke at noon.")),
    Passage("two", ("The tide went out.",)),
)
PANELS = [
    parse(text)
    for text in ("baseline", "flip:k=2", "ablation", "actadd:c=0", "nullspace", "flip:layer=3")
]


@pytest.fixture(autouse=True)
def short(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(module, "WINDOW", 9)
    monkeypatch.setattr(module, "_PANELS", 1)
    monkeypatch.setattr(metrics, "_TEXT_POSITIONS", 2)
    monkeypatch.setenv("STEERING_CACHE", str(tmp_path))


def test_every_token_is_read_once_and_no_window_crosses_a_passage(tiny):
    rows = windows(tiny, PASSAGES)
    ids = [tiny.tokenizer.encode(each.text, add_special_tokens=False) for each in PASSAGES]
    assert max(map(len, rows)) == 9
    # A last window of one token has nothing to predict and is left out.
    kept = sum(len(row) - (len(row) % 9 == 1) for row in ids)
    assert sum(map(len, rows)) == kept
    assert rows[0] == ids[0][:9]


def test_windows_begin_as_the_models_texts_do(model_of):
    model = model_of("llama2")
    assert {row[0] for row in windows(model, PASSAGES)} == {model.tokenizer.bos_token_id}


def test_loss_and_divergence_are_those_of_a_plain_loop(tiny, fitted):
    found = prose_cost(SteerableModel(tiny, fitted), PASSAGES, PANELS, Stages(["prose"]))
    rows = windows(tiny, PASSAGES)
    for panel in PANELS:
        for place, row in enumerate(rows):
            tokens = torch.tensor([row])
            with torch.inference_mode():
                plain = tiny.network(input_ids=tokens).logits[0, :-1]
                with intervene(tiny, compile_edits([panel.edit(fitted)])):
                    edited = tiny.network(input_ids=tokens).logits[0, :-1]
            loss = torch.nn.functional.cross_entropy(edited.double(), tokens[0, 1:])
            assert found[panel].loss[place] == pytest.approx(float(loss), abs=1e-4)
            expected = float(kl_divergence(plain, edited).mean())
            assert found[panel].kl[place] == pytest.approx(expected, rel=1e-3, abs=1e-6)
        assert found[panel].tokens == tuple(len(row) - 1 for row in rows)


def test_what_changes_nothing_costs_nothing_and_an_edit_costs_something(tiny, fitted):
    found = prose_cost(SteerableModel(tiny, fitted), PASSAGES, PANELS, Stages(["prose"]))
    baseline, flip, _, nothing, *_ = (found[panel] for panel in PANELS)
    assert set(baseline.kl) == set(nothing.kl) == {0.0}
    assert nothing.loss == baseline.loss
    assert all(value > 0 for value in flip.kl)
    assert math.isfinite(sum(flip.loss))
