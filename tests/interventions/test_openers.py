from dataclasses import replace

import pytest

from steering.interventions.openers import Opener, OpenerTable, named, opened


def opener(token: int, text: str = "I", *, taken: bool = True) -> Opener:
    return Opener(token, text, 0.5, 0.1, taken)


def test_a_table_replaces_the_models_openers_by_those_that_were_taken(tiny):
    table = OpenerTable((opener(70, "No"), opener(71, "Yes", taken=False)), 9, 9)
    found = opened(tiny, table)
    assert found.opener_ids.tolist() == [70]
    assert found.network is tiny.network
    assert tiny.opener_ids.tolist() != [70]
    assert opened(found, table) is found


def test_without_a_table_or_with_nothing_taken_the_models_own_openers_stay(tiny):
    assert opened(tiny, None) is tiny
    assert opened(tiny, OpenerTable((opener(70, taken=False),), 9, 9)) is tiny


def test_parts_of_characters_that_share_a_text_stay_two_openers():
    assert list(named([opener(5, "\ufffd"), opener(6, "\ufffd")]).values()) == [5, 6]


@pytest.mark.parametrize(
    "wrong", [{"refused": 1.2}, {"answered": -0.1}, {"token": -1}, {"token": True}, {"text": None}]
)
def test_what_is_no_token_with_two_probabilities_is_refused(wrong):
    with pytest.raises(ValueError, match=r"token|between"):
        replace(opener(1), **wrong)
