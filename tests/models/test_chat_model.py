import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from steering.errors import SteeringError
from steering.models.chat_model import reading
from steering.models.inspection import inspect

TEXTS = (
    "How do I paint a car?",
    "Why",
    "Tell me, please: what is 7 + 7",
    "Ünïcödé 猫 🦊",
    "I. I. I",
)


def hooks(network) -> int:
    return sum(
        len(module._forward_hooks) + len(module._forward_pre_hooks) for module in network.modules()
    )


def logits_alone(model, ids: list[int]) -> torch.Tensor:
    """Next-token logits by a bare call: no padding, no mask, no positions."""
    with torch.inference_mode():
        return model.network(torch.tensor([ids])).logits[0, -1].float()


def test_a_hook_at_a_block_sees_batch_position_d_model(family_model):
    rows = [family_model.render(text) for text in TEXTS[:2]]
    before = hooks(family_model.network)
    with reading(family_model, [0, 3]) as states:
        family_model.next_token_logits(rows)
        assert hooks(family_model.network) == before + 2
    assert sorted(states) == [0, 3]
    width = max(map(len, rows))
    assert {tuple(state.shape) for state in states.values()} == {(2, width, 32)}
    assert not torch.allclose(states[0], states[3])
    assert hooks(family_model.network) == before


def test_of_positions_that_are_not_asked_for_nothing_is_held(tiny):
    rows = [tiny.render(text) for text in TEXTS[:2]]
    with reading(tiny, [1]) as whole, reading(tiny, [1], (-3, -1)) as states:
        tiny.next_token_logits(rows)
        assert torch.equal(states[1], whole[1][:, [-3, -1]])
    kept = states[1]
    assert kept.untyped_storage().nbytes() == kept.numel() * kept.element_size()
    assert kept.untyped_storage().nbytes() < whole[1].untyped_storage().nbytes()


def test_reading_leaves_no_hook_behind_an_error(tiny):
    before = hooks(tiny.network)
    with pytest.raises(KeyboardInterrupt), reading(tiny, [1, 2]):  # noqa: PT012
        assert hooks(tiny.network) == before + 2
        raise KeyboardInterrupt
    assert hooks(tiny.network) == before


def test_reading_refuses_a_layer_that_is_not_there_without_leaving_hooks(tiny):
    before = hooks(tiny.network)
    with pytest.raises(IndexError), reading(tiny, [1, 4]):
        pass
    assert hooks(tiny.network) == before


def test_the_post_instruction_tokens_are_what_the_template_appends(family, family_model):
    assert "".join(family_model.suffix) == family.suffix
    # The same tokens come after every request, and the request ends right before them.
    expected = family_model.render("Hello")[-len(family_model.suffix) :]
    decode = family_model.tokenizer.decode
    for text in TEXTS:
        ids = family_model.render(text)
        assert ids[-len(family_model.suffix) :] == expected
        assert decode(ids[: -len(family_model.suffix)]).endswith(text)


def test_no_shared_end_of_the_texts_is_taken_for_the_template(family_model):
    texts = [f"{start} I cannot help." for start in ("Well", "So", "Now")]
    assert (
        len({tuple(family_model.render(text)[-len(family_model.suffix) - 4 :]) for text in texts})
        == 1
    )
    assert not any("help" in token for token in family_model.suffix)


def test_the_beginning_of_text_token_comes_exactly_once(family, family_model):
    ids = family_model.render("Hello")
    bos = family_model.tokenizer.bos_token_id
    assert ids.count(bos) == (1 if family.bos else 0)
    assert (ids[0] == bos) == bool(family.bos)


def test_a_default_system_prompt_of_the_template_is_kept(model_of):
    for name, expected in (("qwen2", True), ("smollm2", True), ("yi", False)):
        model = model_of(name)
        text = model.tokenizer.decode(model.render("Hello"))
        assert ("You are a test assistant." in text) is expected


def test_the_openers_are_single_tokens_of_the_answer(family_model):
    assert list(family_model.openers) == ["I", "As"]
    assert family_model.opener_ids.tolist() == list(family_model.openers.values())
    for opener, token in family_model.openers.items():
        assert family_model.tokenizer.decode([token]) == opener


def test_the_logits_of_every_family_do_not_depend_on_padding(family_model):
    rows = [family_model.render(text) for text in TEXTS]
    assert len({len(row) for row in rows}) > 2
    together = family_model.next_token_logits(rows)
    assert together.dtype == torch.float32
    for row, logits in zip(rows, together, strict=True):
        torch.testing.assert_close(logits, logits_alone(family_model, row), atol=1e-4, rtol=1e-4)
    assert not torch.allclose(together[0], together[1], atol=0.1)


@given(rows=st.lists(st.lists(st.integers(0, 300), min_size=1, max_size=7), min_size=1, max_size=5))
def test_a_batch_is_padded_on_the_left_and_counts_positions_from_each_rows_start(tiny, rows):
    batch = tiny.batch(rows)
    width = max(map(len, rows))
    for row, tokens, mask, positions in zip(
        rows, batch.tokens.tolist(), batch.mask.tolist(), batch.positions.tolist(), strict=True
    ):
        padding = width - len(row)
        assert tokens[padding:] == row
        assert mask == [0] * padding + [1] * len(row)
        assert positions[padding:] == list(range(len(row)))
        assert set(tokens[:padding]) <= {tiny.tokenizer.pad_token_id}


def test_a_tokenizer_without_padding_token_pads_with_an_end_token(tiny, own_copy):
    network, tokenizer = own_copy(tiny)
    tokenizer.pad_token = None
    model = inspect("small", network, tokenizer)
    assert model.batch([[5], [6, 7]]).tokens.tolist()[0] == [min(model.end_ids), 5]


def test_the_end_tokens_come_from_the_generation_config_and_the_tokenizer(tiny, own_copy):
    network, tokenizer = own_copy(tiny)
    network.generation_config.eos_token_id = [7, 9]
    assert inspect("small", network, tokenizer).end_ids == {7, 9, tokenizer.eos_token_id}
    network.generation_config.eos_token_id = None
    assert inspect("small", network, tokenizer).end_ids == {tokenizer.eos_token_id}


def test_the_input_of_a_block_is_what_its_parts_before_it_have_written(family, family_model):
    """h[l+1] = h[l] + attention + MLP: `modules()` names what enters the residual stream."""
    written = {}

    def keep(key):
        def hook(module, args, output):
            written[key] = output[0] if isinstance(output, tuple) else output

        return hook

    for layer in range(3):
        for part, name in family.parts.items():
            expected = (getattr(family_model.blocks[layer], name),)
            assert family_model.modules(layer, part) == expected
        assert family_model.modules(layer, "input") == (family_model.blocks[layer],)
    handles = [
        module.register_forward_hook(keep((layer, part)))
        for layer in range(3)
        for part in ("attention", "mlp")
        for module in family_model.modules(layer, part)
    ]
    with reading(family_model, range(4)) as states:
        family_model.next_token_logits([family_model.render(TEXTS[0])])
    for handle in handles:
        handle.remove()
    for layer in range(3):
        total = states[layer] + written[layer, "attention"] + written[layer, "mlp"]
        torch.testing.assert_close(states[layer + 1], total, atol=1e-4, rtol=1e-4)
        assert written[layer, "attention"].abs().max() > 1e-2
        assert written[layer, "mlp"].abs().max() > 1e-2


@pytest.mark.parametrize("prompt", ["", "   ", "\n\t "])
def test_an_empty_request_is_refused(tiny, prompt):
    with pytest.raises(SteeringError, match="the request is empty; write"):
        tiny.render(prompt)


def test_a_request_of_100000_characters_is_refused_before_it_is_tokenised(tiny, own_copy):
    network, tokenizer = own_copy(tiny)
    model = inspect("small", network, tokenizer)
    tokenizer.apply_chat_template = None  # a call would be a TypeError
    with pytest.raises(SteeringError, match=r"100,000 characters; small reads 256 tokens"):
        model.render("a" * 100_000)


def test_a_request_that_fills_the_context_is_refused(tiny):
    room = 256 - len(tiny.render("!"))  # each sign is a token
    assert len(tiny.render("!" * room)) == 255
    with pytest.raises(SteeringError, match=r"256 tokens; tiny-qwen2 reads 256 tokens.*shorten"):
        tiny.render("!" * (room + 1))
