"""How many rows there is room for."""

from dataclasses import replace

from steering.inference import row_limit as module
from steering.inference.row_limit import row_limit
from steering.models.capabilities import Abilities


def test_rows_are_limited_by_memory_by_what_is_wanted_and_by_what_the_model_can(tiny, monkeypatch):
    assert row_limit(tiny, 192) == 192
    assert row_limit(tiny, 7) == 7
    assert row_limit(replace(tiny, abilities=Abilities(joins=False)), 192) == 1
    config = tiny.network.config
    a_token = 2 * tiny.n_layers * config.num_key_value_heads * 4
    a_token *= getattr(config, "head_dim", None) or tiny.d_model // config.num_attention_heads
    monkeypatch.setattr(module, "_MEMORY", 10.5 * a_token * module.ROW_TOKENS)
    assert row_limit(tiny, 192) == 10
    assert row_limit(tiny, 192, tokens=2 * module.ROW_TOKENS) == 5
    monkeypatch.setattr(module, "_MEMORY", 0.5 * a_token)
    assert row_limit(tiny, 192) == 1
