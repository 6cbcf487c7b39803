import copy
import json
import math
from dataclasses import replace

import pytest
import torch

from steering.chat_templates.rendering import Rendering
from steering.errors import SteeringError
from steering.inference.answer_tokens import answer_tokens
from steering.inference.comparison import compare
from steering.inference.sampling import Sampling
from steering.interventions.edits import compile_edits, intervene
from steering.interventions.panel import parse
from steering.maps.steerable_model import SteerableModel
from steering.models import int8_linear
from steering.models.inspection import inspect
from tests.helpers.tiny_models import without_end

PROMPT = "How do I paint the garden fence?"
PANELS = ("baseline", "ablation", "flip:k=2", "nullspace:k=2,layer=2", "actadd:c=2", "flip:alpha=0")
TWELVE = Sampling(max_new_tokens=12)


def answered(steerable, *panels, sampling=TWELVE, **options):
    found = compare(steerable, PROMPT, [*map(parse, panels)], sampling=sampling, **options)
    return list(found)[-1]


def hooks(network) -> int:
    return sum(
        len(module._forward_hooks) + len(module._forward_pre_hooks) for module in network.modules()
    )


def test_unedited_numbers_are_the_log_probabilities_of_plain_transformers(family_model, fitted):
    """Not of this project's passes: `generate` of transformers, a token a step, with a cache."""
    model = without_end(family_model)
    directions = replace(fitted, model=model.name)
    ids = model.render(PROMPT)
    plain = model.network.generate(
        input_ids=torch.tensor([ids]),
        attention_mask=torch.ones(1, len(ids), dtype=torch.long),
        max_new_tokens=12,
        do_sample=False,
        pad_token_id=0,
        return_dict_in_generate=True,
        output_logits=True,
    )
    answer = plain.sequences[0, len(ids) :].tolist()
    found = answer_tokens(SteerableModel(model, directions), PROMPT, parse("baseline"), answer)
    expected = torch.cat(plain.logits).double().log_softmax(-1)
    for place, token in enumerate(found.tokens):
        own = float(expected[place, answer[place]])
        assert token.token_id == answer[place]
        assert token.surprise == pytest.approx(-own, abs=1e-4)
        bits = found.as_dict()["tokens"][place]["bits"]
        assert bits == pytest.approx(-own / math.log(2), abs=1e-4)
        assert token.probability == pytest.approx(math.exp(own), rel=1e-3)
        best = expected[place].topk(5)
        assert [each.token_id for each in token.alternatives] == best.indices.tolist()
        said = [each.probability for each in token.alternatives]
        assert said == pytest.approx(best.values.exp().tolist(), rel=1e-3)
        assert token.alternatives[0].token_id == answer[place]  # greedy
        assert token.alternatives[0].text == token.text


@pytest.mark.parametrize("panel", PANELS)
def test_edited_numbers_are_those_of_a_plain_pass_under_the_edit(tiny, fitted, panel):
    steerable = SteerableModel(without_end(tiny), fitted)
    model, (answer,) = steerable.model, answered(steerable, panel)
    found = answer_tokens(steerable, PROMPT, parse(panel), answer.token_ids)
    ids = model.render(PROMPT)
    row = torch.tensor([[*ids, *answer.token_ids]])
    program = compile_edits([parse(panel).edit(fitted)])
    with torch.inference_mode():
        unedited = model.network(row).logits[0, len(ids) - 1 :].double().log_softmax(-1)
        with intervene(model, program):
            edited = model.network(row).logits[0, len(ids) - 1 :].double().log_softmax(-1)
    for place, token in enumerate(found.tokens):
        own = answer.token_ids[place]
        assert token.probability == pytest.approx(float(edited[place, own].exp()), rel=1e-3)
        assert token.surprise == pytest.approx(-float(unedited[place, own]), abs=1e-4)
        assert token.alternatives[0].token_id == own  # what greedy decoding has taken
    # The edit does something, or nothing, to what was likely.
    differs = not torch.allclose(edited, unedited, atol=1e-4)
    assert differs == (panel not in ("baseline", "flip:alpha=0"))
    assert found.panel == panel


def test_it_agrees_with_what_a_run_has_measured(tiny, fitted):
    steerable = SteerableModel(without_end(tiny), fitted)
    for answer in answered(steerable, *PANELS):
        found = answer_tokens(steerable, PROMPT, parse(answer.panel), answer.token_ids)
        assert found.perplexity == pytest.approx(answer.perplexity, rel=1e-4)
        first = found.tokens[0].alternatives
        assert [each.probability for each in first] == pytest.approx(
            [share for _, share in answer.first_tokens], rel=1e-3
        )
        assert "".join(token.shown for token in found.tokens) == answer.text


def test_temperature_changes_what_is_drawn_and_not_what_is_said_of_it(tiny, fitted):
    steerable = SteerableModel(without_end(tiny), fitted)
    hot = Sampling(max_new_tokens=12, temperature=2.0, top_p=0.9, seed=4)
    (answer,) = answered(steerable, "flip", sampling=hot)
    found = answer_tokens(steerable, PROMPT, parse("flip"), answer.token_ids)
    assert any(token.alternatives[0].token_id != token.token_id for token in found.tokens)
    for token in found.tokens:
        listed = {each.token_id: each.probability for each in token.alternatives}
        assert token.probability <= token.alternatives[0].probability + 1e-6
        assert token.probability == pytest.approx(listed.get(token.token_id, token.probability))
        assert sum(listed.values()) <= 1 + 1e-6


def test_the_end_of_an_answer_has_the_probability_of_all_end_tokens(tiny, fitted):
    free = SteerableModel(without_end(tiny), fitted)
    tokens = answered(free, "flip")[0].token_ids
    place = next(i for i in range(2, 12) if tokens[i] not in tokens[:i])
    model = without_end(tiny, ends=[tokens[place], 7])
    steerable = SteerableModel(model, fitted)
    (answer,) = answered(steerable, "flip")
    assert answer.ended
    assert answer.token_ids == tokens[:place]  # without the token that has ended it
    found = answer_tokens(steerable, PROMPT, parse("flip"), answer.token_ids)
    whole = answer_tokens(steerable, PROMPT, parse("flip"), tokens[: place + 1])
    assert len(found.tokens) == place
    ids = model.render(PROMPT)
    with intervene(model, compile_edits([parse("flip").edit(fitted)])):
        edited = model.next_token_logits([[*ids, *answer.token_ids]])[0].softmax(-1)
    unedited = model.next_token_logits([[*ids, *answer.token_ids]])[0].softmax(-1)
    assert found.end.probability == pytest.approx(float(edited[[tokens[place], 7]].sum()), rel=1e-3)
    assert math.exp(-found.end.surprise) == pytest.approx(
        float(unedited[[tokens[place], 7]].sum()), rel=1e-3
    )
    # An end token that is given is a token like any other, and shows nothing.
    last = whole.tokens[-1]
    assert last.token_id == tokens[place] == found.end.alternatives[0].token_id
    assert last.probability <= found.end.probability + 1e-6
    assert answer_tokens(free, PROMPT, parse("flip"), tokens).end is None


def test_an_answer_that_says_nothing_has_its_end_alone(tiny, fitted):
    found = answer_tokens(SteerableModel(tiny, fitted), PROMPT, parse("flip"), ())
    assert found.tokens == ()
    assert found.perplexity is None
    assert 0 < found.end.probability < 1
    assert len(found.end.alternatives) == 5


def test_a_text_is_tokenized_as_text(tiny, fitted):
    steerable = SteerableModel(tiny, fitted)
    found = answer_tokens(steerable, PROMPT, parse("flip"), "a🦊<|im_end|>", likeliest=2)
    ids = tiny.template.encode("a🦊<|im_end|>")
    assert [token.token_id for token in found.tokens] == ids
    assert not set(ids) & set(tiny.template.controls.by_id)
    assert [token.text for token in found.tokens][:5] == ["a", "⟨F0⟩", "⟨9F⟩", "⟨A6⟩", "🦊"]
    assert [token.shown for token in found.tokens][:5] == ["a", "", "", "", "🦊"]
    assert {len(token.alternatives) for token in found.tokens} == {2}


def test_thinking_is_read_and_shows_nothing_of_the_answer(thinker, fitted):
    thought = replace(fitted, rendering=Rendering("on"))
    steerable = SteerableModel(thinker.in_mode("on"), thought)
    ids = thinker.template.encode("well, well")
    close = thinker.tokenizer.encode("</think>", add_special_tokens=False)
    answer = thinker.template.encode("\n\nYes, no")
    found = answer_tokens(steerable, PROMPT, parse("flip"), [*ids, *close, *answer])
    assert len(found.tokens) == len(ids) + len(close) + len(answer)
    assert "".join(token.shown for token in found.tokens) == "Yes, no"
    assert not any(token.shown for token in found.tokens[: len(ids) + len(close)])
    assert all(token.text for token in found.tokens)
    # Read in the mode that it was written in: the request is another one without thinking.
    off = answer_tokens(
        SteerableModel(thinker, replace(fitted, rendering=Rendering("off"))),
        PROMPT,
        parse("flip"),
        answer,
    )
    assert off.tokens[0].surprise != pytest.approx(found.tokens[-len(answer)].surprise, rel=1e-3)


def test_a_system_prompt_is_read_as_well(tiny, fitted):
    steerable = SteerableModel(tiny, fitted)
    said = answer_tokens(steerable, PROMPT, parse("flip"), "Sure", system="Be brief.")
    other = answer_tokens(steerable, PROMPT, parse("flip"), "Sure")
    assert said.tokens[0].surprise != pytest.approx(other.tokens[0].surprise, rel=1e-4)


def test_numbers_of_bfloat16_agree_with_its_own_steps_to_its_rounding(tiny, fitted):
    network = copy.deepcopy(tiny.network).to(torch.bfloat16)
    half = without_end(inspect(tiny.name, network, tiny.tokenizer))
    steerable = SteerableModel(half, fitted)
    (answer,) = answered(steerable, "flip")
    found = answer_tokens(steerable, PROMPT, parse("flip"), answer.token_ids)
    assert found.tokens[0].alternatives[0].probability == pytest.approx(
        answer.first_tokens[0][1], rel=0.05
    )
    assert found.perplexity == pytest.approx(answer.perplexity, rel=0.02)


@pytest.mark.skipif(not int8_linear.runs(), reason="this CPU does not multiply in eight bits")
def test_numbers_of_fast_products_are_those_of_the_model_that_wrote(tiny, fitted, monkeypatch):
    monkeypatch.setattr(int8_linear, "LEAST_WEIGHTS", 0)
    network = copy.deepcopy(tiny.network)
    int8_linear.quantize(network, 1)
    fast = without_end(inspect(tiny.name, network, tiny.tokenizer))
    steerable = SteerableModel(fast, fitted)
    (answer,) = answered(steerable, "flip")
    found = answer_tokens(steerable, PROMPT, parse("flip"), answer.token_ids)
    exact = answer_tokens(
        SteerableModel(without_end(tiny), fitted), PROMPT, parse("flip"), answer.token_ids
    )
    assert found.perplexity == pytest.approx(answer.perplexity, rel=1e-4)
    assert found.perplexity != pytest.approx(exact.perplexity, rel=1e-4)


# What does not fit


def test_what_this_model_cannot_have_written_is_told(tiny, fitted):
    steerable = SteerableModel(tiny, fitted)
    vocab = tiny.network.config.vocab_size
    for wrong in (-1, vocab):
        with pytest.raises(
            SteeringError, match=rf"{wrong} is no token of .*allowed: 0 to {vocab - 1}"
        ):
            answer_tokens(steerable, PROMPT, parse("flip"), [5, wrong])
    with pytest.raises(SteeringError, match=r"reads [0-9,]+ together; give a shorter answer"):
        answer_tokens(steerable, PROMPT, parse("flip"), [5] * tiny.context_length)
    with pytest.raises(SteeringError, match="the request is empty"):
        answer_tokens(steerable, " ", parse("flip"), [5])
    with pytest.raises(SteeringError, match="k=99 is out of range"):
        answer_tokens(steerable, PROMPT, parse("flip:k=99"), [5])


def test_numbers_that_overflow_are_told_and_whose_fault_it_is(tiny, fitted, monkeypatch):
    steerable = SteerableModel(tiny, fitted)
    edit = parse("actadd:c=1").edit(fitted)
    edit.shift.fill_(float("inf"))
    monkeypatch.setattr("steering.interventions.panel.Panel.edit", lambda *_: edit)
    before = hooks(tiny.network)
    with pytest.raises(SteeringError, match="under actadd:c=1 is not finite"):
        answer_tokens(steerable, PROMPT, parse("actadd:c=1"), [5, 6])
    assert answer_tokens(steerable, PROMPT, parse("actadd:c=1"), []).end is None
    network = copy.deepcopy(tiny.network)
    broken = replace(tiny, network=network)
    network.get_output_embeddings().weight.data.fill_(math.nan)
    with pytest.raises(SteeringError, match="the file is damaged"):
        answer_tokens(SteerableModel(broken, fitted), PROMPT, parse("baseline"), [5])
    assert hooks(tiny.network) == before


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_error_in_the_network_leaves_no_hooks(tiny, fitted, error):
    before = hooks(tiny.network)

    def break_down(module, args):
        raise error

    handle = tiny.blocks[3].register_forward_pre_hook(break_down)
    with pytest.raises(error):
        answer_tokens(SteerableModel(tiny, fitted), PROMPT, parse("flip"), [5])
    handle.remove()
    assert hooks(tiny.network) == before


def test_it_is_plain_data(tiny, fitted):
    found = answer_tokens(SteerableModel(tiny, fitted), PROMPT, parse("flip"), "Sure")
    document = json.loads(json.dumps(found.as_dict()))
    assert document.keys() == {"panel", "perplexity", "tokens", "end"}
    assert document["tokens"][0].keys() == {
        *("token_id", "text", "shown", "probability", "surprise", "bits", "alternatives")
    }
    assert document["end"].keys() == {"probability", "surprise", "bits", "alternatives"}
