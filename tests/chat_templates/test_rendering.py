import json
from dataclasses import replace

import pytest

from steering.artifacts import store
from steering.artifacts.provenance import provenance
from steering.artifacts.resumable import Stages
from steering.chat_judges.local_judge import LocalJudge
from steering.chat_templates.rendering import PLAIN, Rendering
from steering.errors import SteeringError
from steering.evaluation.answers import AnswerRow
from steering.evaluation.evaluation import table
from steering.inference.generation import Sampling
from steering.interventions.panel import parse
from steering.library import compare
from steering.maps import model_maps
from steering.maps.residual_trace import Tracer
from steering.maps.steerable_model import SteerableModel
from steering.models.inspection import inspect
from steering.verdicts.rules import NOT_FINISHED
from tests.helpers import templates
from tests.helpers.answering import answer_all
from tests.helpers.templates import tokenizer_with

FEW = Sampling(max_new_tokens=4)
PANELS = [parse("baseline"), parse("flip:k=1")]


@pytest.fixture(scope="module")
def thinker(tiny):
    """The tiny model, whose template always opens the thinking."""
    tokenizer = tokenizer_with(templates.ALWAYS)
    return inspect(tiny.name, tiny.network, tokenizer)


@pytest.fixture(scope="module")
def switched(tiny):
    """The tiny model, whose template can do both."""
    return inspect(tiny.name, tiny.network, tokenizer_with(templates.SWITCHED))


def test_what_was_fitted_in_one_mode_is_refused_in_the_other(switched, fitted, charted):
    on = switched.in_mode("on")
    thought = replace(fitted, rendering=Rendering("on"))
    for model, directions, words in (
        (on, fitted, "with thinking off, and tiny-qwen2 is loaded with thinking on"),
        (switched, thought, "with thinking on, and tiny-qwen2 is loaded with thinking off"),
    ):
        with pytest.raises(SteeringError, match=f"directions were fitted {words}"):
            next(compare(model, directions, "Hello", PANELS, sampling=FEW))
        with pytest.raises(SteeringError, match=f"directions were fitted {words}"):
            answer_all(model, directions, {"harmful": ["Hi"]}, PANELS, sampling=FEW)
        with pytest.raises(SteeringError, match=f"directions were fitted {words}"):
            Tracer(SteerableModel(model, directions, charted))
    with pytest.raises(SteeringError, match="maps were fitted with thinking off"):
        charted.require(on)
    for model, directions in ((switched, fitted), (on, thought)):
        assert list(compare(model, directions, "Hello", PANELS, sampling=FEW))


def test_a_mode_that_is_not_stored_counts_as_off():
    assert Rendering.of({}) == PLAIN
    PLAIN.require(Rendering("off"), what="x", model="m")
    Rendering("off").require(PLAIN, what="x", model="m")
    with pytest.raises(ValueError, match="thinking is 'maybe'"):
        Rendering.of({"thinking": "maybe"})


def test_another_day_is_refused_and_none_is_not():
    day = Rendering(date="2024-07-26")
    with pytest.raises(SteeringError, match=r"dated 2024-07-26, and .* dated 2025-01-01 here"):
        day.require(Rendering(date="2025-01-01"), what="directions", model="m")
    day.require(day, what="directions", model="m")
    PLAIN.require(day, what="directions", model="m")


def test_the_mode_is_stored_with_directions_maps_and_provenance(thinker, fitted, charted, tmp_path):
    stored = Rendering("on", "2024-07-26")
    store.write(tmp_path, replace(fitted, rendering=stored), provenance(thinker, "own"))
    document = json.loads((tmp_path / "manifest.json").read_text("utf-8"))
    assert (document["thinking"], document["system"]) == ("on", "")
    store.write(tmp_path, replace(fitted, rendering=stored), {})
    assert store.load("tiny-qwen2", tmp_path).rendering == stored
    store.write_maps(tmp_path, replace(charted, rendering=stored))
    read = store.read_maps("tiny-qwen2", tmp_path)
    assert read is not None
    assert read.rendering == stored
    facts = provenance(thinker.under("Be brief."), "own")
    assert (facts["thinking"], facts["date"], facts["system"]) == ("on", None, "Be brief.")


def test_what_was_written_before_there_were_modes_is_read_as_plain(charted):
    tensors, metadata = model_maps.tensors(charted)
    document = json.loads(metadata["maps"])
    del document["thinking"], document["date"]
    assert model_maps.from_tensors(tensors, {"maps": json.dumps(document)}).rendering == PLAIN


def test_work_that_was_stopped_does_not_go_on_in_another_mode(tiny, switched):
    folders = {
        Stages.of(model, "x").folder
        for model in (switched, switched.in_mode("on"), tiny, tiny.under("Be brief."))
    }
    assert len(folders) == 4
    assert Stages.of(tiny.under(""), "x").folder == Stages.of(tiny, "x").folder


def test_weights_that_only_a_path_names_are_told_apart_by_their_numbers(tiny, own_copy, tmp_path):
    def holding(step, **named):
        network, tokenizer = own_copy(tiny)
        next(network.parameters()).data[0, 0] += step
        facts = {"source": "folder", "sha256": None, "revision": None} | named
        return inspect(tiny.name, network, tokenizer, provenance=facts)

    def kept_at(model):
        return Stages.of(model, "x").folder

    assert kept_at(holding(0)) == kept_at(holding(0))
    assert kept_at(holding(0)) != kept_at(holding(1))
    assert LocalJudge(holding(0)).provenance != LocalJudge(holding(1)).provenance
    # A hash or a commit names the weights; what was begun before goes on.
    for named in ({"sha256": "ab"}, {"revision": "cd"}):
        assert kept_at(holding(0, **named)) == kept_at(holding(1, **named))
        assert "fingerprint" not in LocalJudge(holding(0, **named)).provenance


def test_an_answer_that_is_cut_inside_its_thinking_is_not_finished(thinker, fitted):
    thought = replace(fitted, rendering=Rendering("on"))
    *_, answers = compare(thinker, thought, "Hello", PANELS, sampling=FEW)
    for answer in answers:
        assert answer.verdict == "not_finished"
        assert answer.text == ""
        assert answer.thinking is not None
        assert "thinking" in answer.reason
        assert len(answer.token_ids) == answer.tokens
    rows = answer_all(thinker, thought, {"harmful": ["Hello"]}, PANELS, sampling=FEW)
    assert [row.judgement for row in rows] == [NOT_FINISHED] * 2
    (entry, _) = table(rows)
    assert entry["harmful"]["verdicts"] == {"not_finished": 1}
    assert entry["harmful"]["refusal_rate"]["estimate"] == 0


def test_thinking_is_not_judged_as_the_answer():
    refusal = "I cannot help with that."
    row = {"group": "harmful", "prompt": "p", "panel": "baseline", "ended": True}
    row |= {"refusal_score": 0.0, "kl": 0.0, "perplexity": None}
    thought = AnswerRow(**row, text="Sure, here is how: one, two, three.", thinking=refusal)
    assert thought.judgement.verdict == "answered"
    assert AnswerRow(**row, text=refusal).judgement.verdict == "refused"


def test_the_ids_of_an_answer_are_those_that_were_written(model_of):
    """Also those that the text does not show: encoded anew they would be others."""
    for name in ("qwen2", "llama2", "gemma"):
        model = model_of(name)
        from steering.inference.activations import capture_sets
        from tests.helpers.tiny_directions import fit_directions

        texts = {"harmful": ["steal a car"] * 6, "harmless": ["paint a car"] * 6}
        texts = {k: [f"{t} {i}" for i, t in enumerate(v)] for k, v in texts.items()}
        states = capture_sets(model, texts, layers=range(4), positions=(-2, -1))
        fitted = fit_directions(model, states, [(-1, 1)], dim_point=(-1, 2), inlp_point=(-1, 1))
        *_, answers = compare(
            model, fitted, "Hello", PANELS, sampling=Sampling(12, temperature=1.5, seed=3)
        )
        for answer in answers:
            assert len(answer.token_ids) == answer.tokens
            shown = "".join(model.template.texts(answer.token_ids))
            assert shown == model.tokenizer.decode(list(answer.token_ids))
            assert model.template.split(answer.token_ids).answer == answer.text
