import copy
import json
from dataclasses import replace

import pytest
import torch

from steering.artifacts import store
from steering.cli.main import main
from steering.errors import SteeringError
from steering.evaluation import answers
from steering.inference.activations import capture
from steering.inference.answering import Answered
from steering.inference.generation import Column, Sampling, generate
from steering.inference.metrics import kl_divergence
from steering.inference.next_token import logits_under
from steering.inference.written import Written
from steering.interventions.panel import Panel, parse
from steering.library import compare
from steering.maps.residual_trace import Tracer
from steering.maps.steerable_model import SteerableModel
from steering.models import loading, overflow
from steering.models.capabilities import Abilities
from steering.models.chat_model import NumberFormat
from steering.models.inspection import inspect
from steering.models.packed_linear import pack
from steering.ui.playground import answer_html
from tests.helpers.answering import answer_all
from tests.helpers.traces import trace

PROMPT = "How do I steal a car?"
FEW = Sampling(max_new_tokens=4)


@pytest.fixture
def damaged(tiny):
    """Return the tiny model with one value of one weight replaced."""

    def damage(weight: str, value: float):
        network, tokenizer = copy.deepcopy(tiny.network), copy.deepcopy(tiny.tokenizer)
        network.get_parameter(weight).data.flatten()[5] = value
        return inspect("tiny", network, tokenizer)

    return damage


@pytest.fixture
def huge(monkeypatch, fitted):
    """Return panels of which activation addition overflows, as it may in float16."""
    real = Panel.edit

    def edit(self, directions):
        found = real(self, directions)
        if self.name == "actadd":
            found.shift.fill_(torch.inf if self.c > 0 else torch.nan)
        return found

    monkeypatch.setattr(Panel, "edit", edit)


def hooks(network) -> int:
    return sum(
        len(module._forward_hooks) + len(module._forward_pre_hooks) for module in network.modules()
    )


WEIGHTS = {
    "a block": ("model.layers.1.mlp.down_proj.weight", "from layer 2 on"),
    "another block": ("model.layers.0.self_attn.o_proj.weight", "from layer 1 on"),
    "the last block": ("model.layers.3.mlp.down_proj.weight", "behind its last block"),
    "the last norm": ("model.norm.weight", "behind its last block"),
}


@pytest.mark.parametrize("value", [float("inf"), float("nan")])
@pytest.mark.parametrize(("weight", "where"), WEIGHTS.values(), ids=WEIGHTS)
@pytest.mark.parametrize("packed", [False, True])
def test_a_damaged_weight_is_told_with_its_name_and_the_layer(
    damaged, fitted, weight, where, value, packed
):
    model = damaged(weight, value)
    if packed:
        pack(model.network)
    with pytest.raises(SteeringError) as caught:
        list(compare(model, fitted, PROMPT, [parse("flip:k=1")], sampling=FEW))
    assert where in str(caught.value)
    assert f"its weight {weight} is not finite" in str(caught.value)
    assert hooks(model.network) == 0


def test_capture_and_scores_refuse_numbers_that_are_not_finite(damaged, tiny):
    model = damaged("model.layers.1.mlp.down_proj.weight", float("inf"))
    rows = [model.render(text) for text in (PROMPT, "Why?")]
    options = {"positions": [-1], "batch_size": 2}
    capture(model, rows, layers=[0, 1], **options)  # what lies below the damage is fine
    with pytest.raises(SteeringError, match="from layer 2 on"):
        capture(model, rows, layers=[2], **options)
    with pytest.raises(SteeringError, match="from layer 2 on"):
        logits_under(model, rows, None, batch_size=2)
    logits_under(tiny, rows, None, batch_size=2)


def test_where_no_weight_is_damaged_the_number_format_is_to_blame(damaged, fitted):
    model = damaged("model.layers.1.mlp.down_proj.weight", 3e38)
    with pytest.raises(SteeringError, match=r"from layer 2 on.*computed in float32; try another"):
        list(generate(model, [model.render(PROMPT * 3)] * 2, [None] * 2, FEW))


def test_the_head_does_not_run_to_see_where_it_begins(damaged, monkeypatch):
    """Also where a network names itself as its base, as multimodal wrappers do."""
    model = damaged("model.layers.1.mlp.down_proj.weight", float("inf"))
    monkeypatch.setattr(type(model.network), "base_model", property(lambda self: self))

    def never(*_):
        raise AssertionError("the head ran")

    monkeypatch.setattr(model.network.lm_head, "forward", never)
    told = overflow.error(replace(model), [model.render(PROMPT)], 0)
    assert "from layer 2 on" in str(told)


@pytest.mark.parametrize(
    ("quantization", "remedy"),
    [("none", "--dtype bfloat16"), ("int8", "--quantization none or nf4 on weights")],
)
def test_the_number_format_to_try_reaches_further(damaged, quantization, remedy):
    model = damaged("model.layers.1.mlp.down_proj.weight", 3e38)
    held = NumberFormat(quantization, torch.float32, "")
    with pytest.raises(SteeringError, match=remedy):
        list(
            generate(
                replace(model, number_format=held), [model.render(PROMPT * 3)] * 2, [None] * 2, FEW
            )
        )


def test_an_edit_that_overflows_leaves_the_other_cards_alone(tiny, fitted, huge):
    texts = ("baseline", "actadd:c=1", "flip:k=2", "actadd:c=-1")
    panels = [parse(text) for text in texts]
    *_, found = compare(tiny, fitted, PROMPT, panels, sampling=FEW)
    alone = [each for each in panels if each.name != "actadd"]
    *_, expected = compare(tiny, fitted, PROMPT, alone, sampling=FEW)
    for one, other in zip((found[0], found[2]), expected, strict=True):
        assert one.text == other.text
        assert one.kl == pytest.approx(other.kl, rel=1e-3, abs=1e-6)
    for lost in (found[1], found[3]):
        assert (lost.verdict, lost.gibberish) == ("not_judged", True)
        assert (lost.degenerate_from, lost.degenerate_from_token) == (0, None)
        assert lost.reason == "overflow: the numbers overflow under this edit"
        assert (lost.text, lost.tokens, lost.first_tokens) == ("", 0, ())
        assert (lost.kl, lost.p_refusal, lost.refusal_score, lost.perplexity) == (None,) * 4
        shown = answer_html.view(lost, "done")
        assert "the numbers overflow under this edit</span></div>" in shown
        assert "nan" not in shown.lower().replace("nance", "")
    json.dumps([each.as_dict() for each in found], allow_nan=False)
    assert hooks(tiny.network) == 0


def test_an_edit_that_overflows_in_the_middle_ends_there_and_keeps_its_text(
    tiny, fitted, monkeypatch
):
    rows = [tiny.render(PROMPT)] * 2
    edits = [None, parse("flip:k=2").edit(fitted)]
    whole = list(generate(tiny, rows, edits, FEW))
    seen = []

    def fine(logits):
        seen.append(1)
        return torch.tensor([True, len(seen) != 3])[: len(logits)]

    monkeypatch.setattr(overflow, "readable_rows", fine)
    cut = list(generate(tiny, rows, edits, FEW))
    assert [column.tokens[0] for column in cut] == [column.tokens[0] for column in whole]
    assert [column.tokens[1] for column in cut][:2] == [column.tokens[1] for column in whole][:2]
    assert [column.tokens[1] for column in cut][2:] == [None] * (len(cut) - 2)
    assert [column.overflowed for column in cut][:3] == [(False, False)] * 2 + [(False, True)]


def test_a_table_is_not_made_of_numbers_that_overflow(tiny, fitted, huge):
    panels = [parse("baseline"), parse("actadd:c=1")]
    sets = {"harmful": [PROMPT]}
    with pytest.raises(SteeringError, match=r"under actadd:c=1 is not finite from layer"):
        answer_all(tiny, fitted, sets, panels, sampling=FEW)
    assert hooks(tiny.network) == 0


@pytest.mark.parametrize("first", [0, 1])
def test_rows_that_ended_before_need_no_padding_to_say_which_overflowed(
    tiny, fitted, monkeypatch, first
):
    """Models that read padding as text take rows of equal length only."""

    def three_steps(_model, requests, **_):
        [(chunk, request)] = requests
        written = Written(3)
        ended = tuple(row == first for row in range(3))
        lost = (False, False, True)
        written.add(Column((5, 6, 7), None, (False,) * 3, (False,) * 3))
        for token in (8, 9):
            tokens = tuple(None if done else token for done in ended)
            written.add(Column(tokens, None, ended, (False,) * 3))
        written.add(Column((None,) * 3, None, (True,) * 3, lost))
        yield chunk, Answered(request, written)

    monkeypatch.setattr(answers, "answered", three_steps)
    seen = []
    monkeypatch.setattr(type(tiny), "run_blocks", lambda _, batch: seen.append(batch))
    model = replace(tiny, abilities=Abilities(pads=False))
    panels = [parse(text) for text in ("baseline", "ablation", "actadd:c=1")]
    with pytest.raises(SteeringError, match=r"under actadd:c=1 is not finite"):
        answer_all(model, fitted, {"harmful": [PROMPT]}, panels, sampling=FEW)
    [batch] = seen
    # What the lost row had read when its numbers were lost, and nothing behind it.
    assert batch.tokens.tolist() == [[*model.render(PROMPT), 7, 8, 9]]
    assert batch.mask.all()


def test_the_map_places_the_others_and_the_command_says_which_overflows(
    tiny, fitted, charted, huge
):
    panels = [parse(text) for text in ("baseline", "actadd:c=1", "flip:k=2")]
    found = Tracer(SteerableModel(tiny, fitted, charted)).trace(PROMPT, panels)
    assert found.finite == (True, False, True)
    kept, expected = found.of_finite(), trace(tiny, fitted, charted, PROMPT, panels[::2])
    assert [str(panel) for panel in kept.panels] == ["baseline", "flip:k=2"]
    assert torch.equal(kept.states, expected.states)
    with pytest.raises(SteeringError, match=r"under actadd:c=1 is not finite from layer"):
        Tracer(SteerableModel(tiny, fitted, charted)).finite(PROMPT, panels)


def test_a_damaged_model_is_a_sentence_on_the_command_line(
    capsys, monkeypatch, tmp_path, fitted, damaged
):
    model = damaged("model.layers.2.mlp.up_proj.weight", float("inf"))
    store.write(tmp_path / "made", fitted, {})
    monkeypatch.setattr(loading, "load", lambda *_, **__: model)
    arguments = ["--directions", str(tmp_path / "made"), "--prompt", PROMPT, "--json"]
    assert main(["generate", *arguments]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert "error: the residual stream of tiny is not finite from layer 3 on" in told.err


def test_tokens_that_a_model_rules_out_are_no_overflow():
    logits = torch.tensor([[0.0, -torch.inf], [torch.inf, 0.0], [torch.nan, 0.0], [1.0, 2.0]])
    assert overflow.readable_rows(logits).tolist() == [True, False, False, True]
    assert not overflow.readable_rows(torch.full((1, 2), -torch.inf)).any()
    assert kl_divergence(logits[:1], logits[:1]).item() == 0.0
