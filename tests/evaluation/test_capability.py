import math

import pytest
import torch

from steering.artifacts import capability_document
from steering.artifacts.resumable import Stages
from steering.data.questions import COMPLETION, Question, questions
from steering.errors import SteeringError
from steering.evaluation import capability
from steering.evaluation.capability import measure
from steering.interventions.edits import compile_edits, intervene
from steering.interventions.panel import parse
from steering.maps.steerable_model import SteerableModel

QUESTIONS = (
    Question("general", "Which is a colour?", ("Red", "Dog", "Run", "Seven"), 0),
    Question("arithmetic", "What is 2 + 2?", ("Three", "Four"), 1),
    Question(COMPLETION, "def add(a, b):\n    return ", ("a + b", "a - b", "a, b and b"), 0),
)
PANELS = [
    parse(text) for text in ("baseline", "flip:k=2", "ablation", "flip:layer=3", "actadd:c=0")
]


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("STEERING_CACHE", str(tmp_path))
    monkeypatch.setattr(capability, "_PANELS", 2)


def logits(model, row, edit) -> torch.Tensor:
    batch = model.batch([row])
    with torch.inference_mode(), intervene(model, compile_edits([edit])):
        return model.network(input_ids=batch.tokens, attention_mask=batch.mask).logits[0].double()


def plain(model, question, edit) -> list[float]:
    """The scores of a plain loop: one whole pass a choice."""
    encode = model.tokenizer.encode
    found = []
    for choice in question.choices:
        if question.area == COMPLETION:
            whole = encode(question.text + choice, add_special_tokens=False)
            start = encode(question.text.rstrip(), add_special_tokens=False)
            assert whole[: len(start)] == start
        else:
            start = model.render(question.text)
            whole = [*start, *encode(choice, add_special_tokens=False)]
        scored = logits(model, whole, edit).log_softmax(-1)
        loss = sum(float(scored[at - 1, whole[at]]) for at in range(len(start), len(whole)))
        found.append(loss / len(choice))
    return found


def test_scores_are_those_of_whole_passes(tiny, fitted):
    found = measure(SteerableModel(tiny, fitted), QUESTIONS, PANELS, Stages(["test"]))
    shares = set()
    for panel, answers in found.items():
        for question, answer in zip(QUESTIONS, answers, strict=True):
            scores = plain(tiny, question, panel.edit(fitted))
            weights = [math.exp(each) for each in scores]
            assert answer.share == pytest.approx(weights[question.right] / sum(weights), rel=1e-3)
            assert answer.chosen == scores.index(max(scores))
            assert answer.right == (answer.chosen == question.right)
            shares.add(round(answer.share, 7))
    assert found[PANELS[4]] == found[PANELS[0]]  # an addition of nothing
    assert len(shares) > len(QUESTIONS)  # edits change something


def test_a_further_panel_is_the_only_one_that_is_asked(tiny, fitted, monkeypatch):
    asked = []
    scores = capability._scores

    def seen(model, question, edits):
        asked.append((question.area, tuple(edits)))
        return scores(model, question, edits)

    monkeypatch.setattr(capability, "_scores", seen)
    steerable = SteerableModel(tiny, fitted)
    first = measure(steerable, QUESTIONS, PANELS[:2], Stages(["test"]))
    assert [len(names) for _, names in asked] == [2, 2, 2]
    asked.clear()
    second = measure(steerable, QUESTIONS, PANELS[:3], Stages(["test"]))
    assert [len(names) for _, names in asked] == [1, 1, 1]
    assert {panel: second[panel] for panel in PANELS[:2]} == first


def test_numbers_that_are_not_finite_are_no_answer():
    found = capability._answered(None, QUESTIONS[0])
    assert (found.chosen, found.right, found.share) == (None, False, 0.0)


def test_an_end_that_joins_the_first_token_is_refused(tiny, monkeypatch):
    """Nothing predicts a first token: its likelihood would be 1, whatever the model."""
    monkeypatch.setattr(type(tiny.tokenizer), "bos_token_id", None, raising=False)
    tokens = {"un": [5], "until": [77], "under": [5, 6]}
    monkeypatch.setattr(type(tiny.template), "encode", lambda _self, text: tokens[text])
    assert capability._completion(tiny, Question(COMPLETION, "un", ("til", "der"), 0), "der") == (
        [5, 6],
        1,
    )
    with pytest.raises(SteeringError, match="joins the first token"):
        capability._completion(tiny, Question(COMPLETION, "un", ("til", "der"), 0), "til")


def test_a_question_says_nothing_of_its_other_choices(tiny):
    """What stands beside a choice must not change its score: letters would be an answer."""
    one, other = (
        Question("general", "Which is a colour?", choices, 0)
        for choices in (("Red", "Dog"), ("Red", "Seven"))
    )
    first, second = (capability._scores(tiny, each, {"baseline": None}) for each in (one, other))
    assert first["baseline"][0] == second["baseline"][0]
    assert first["baseline"][1] != second["baseline"][1]


@pytest.mark.model
def test_a_shipped_share_comes_out_again(real, alone):
    """What the untouched model and ablation get right of the arithmetic questions."""
    model, directions = real
    stored = capability_document.read(model.name)
    assert stored is not None
    asked = [each for each in questions() if each.area == "arithmetic"][:8]
    panels = [parse("baseline"), parse("ablation")]
    found = measure(SteerableModel(model, directions), asked, panels, Stages(["real"]))
    assert all(0.0 < each.share < 1.0 for answers in found.values() for each in answers)
    whole = [each for each in questions() if each.area == "arithmetic"]
    rates = {row["panel"]: row["areas"]["arithmetic"] for row in stored["panels"]}
    base = measure(SteerableModel(model, directions), whole, panels[:1], Stages(["real"]))
    right = sum(each.right for each in base[panels[0]])
    assert right / len(whole) == pytest.approx(rates["baseline"]["estimate"])
    share = sum(each.share for each in base[panels[0]]) / len(whole)
    assert share == pytest.approx(rates["baseline"]["share"]["estimate"], abs=2e-3)
