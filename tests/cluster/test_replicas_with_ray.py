"""Replicas as real processes of Ray Serve: the bits, a death, two models, one to two and back."""

import pytest

from tests.helpers import tiny_models
from tests.helpers.tried_replicas import tried, two_wrote_as_one

pytestmark = [pytest.mark.slow, pytest.mark.ray]


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> list[str]:
    """Two models whose answers never end by themselves."""
    found = []
    for seed in (1, 2):
        family = tiny_models.FAMILIES["qwen2"]
        tokenizer = tiny_models.make_tokenizer(family)
        network = tiny_models.make_network(family, tokenizer, seed=seed)
        endless = tiny_models.without_end(tiny_models.inspect("tiny", network, tokenizer))
        folder = tmp_path_factory.mktemp(f"tiny{seed}")
        endless.network.save_pretrained(folder)
        endless.tokenizer.save_pretrained(folder)
        found.append(str(folder))
    return found


def test_two_replicas_write_the_bits_of_one_process_and_one_may_die(folders, tmp_path):
    found = tried("same", folders, tmp_path)
    two_wrote_as_one(found)


def test_a_replica_may_hold_two_models(folders, tmp_path):
    found = tried("multiplexed", folders, tmp_path)
    assert found["here"] == found["there"]
    assert found["here"][0] == found["here"][2] != found["here"][1]


def test_one_replica_becomes_two_under_load_and_one_again_and_nobody_loses_anything(
    folders, tmp_path
):
    found = tried("scaled", folders, tmp_path)
    assert found == {"counts": [1, 2, 1], "lost": []}
