import pytest

from steering.errors import SteeringError
from steering.interventions.panel_keys import (
    DRAWN,
    KEY_CHOICES,
    KEYS,
    as_text,
    check,
    choices,
    read,
)


def test_every_key_with_words_has_some_and_controls_are_bases():
    assert set(DRAWN) < set(KEY_CHOICES["basis"])
    for name, keys in KEYS.items():
        for key in set(keys) & set(KEY_CHOICES):
            assert choices(name, key)


def test_a_text_reads_back_as_the_value_it_was_of():
    for key, value in (("alpha", 1.25), ("k", 3), ("where", "all")):
        assert read("flip", key, as_text(value)) == value
    assert as_text(1e-05) == "0.00001"


@pytest.mark.parametrize(("key", "value"), [("c", 1.0), ("alpha", 3.5), ("sites", "mlp")])
def test_what_a_kind_does_not_take_is_refused(key, value):
    with pytest.raises(SteeringError, match=key):
        check("flip", key, value)
    check("flip", "sites", "block")
