"""Which directions and maps a loaded model is served with."""

import pytest

from steering.adaptation import loaded, refit
from steering.artifacts import store
from steering.data.splits import PromptSplits


def test_maps_come_checked_and_a_model_without_maps_has_none(tiny, charted, tmp_path, monkeypatch):
    monkeypatch.setenv("STEERING_CACHE", str(tmp_path / "cache"))
    assert loaded.checked_maps(tiny, tmp_path) is None
    store.write_maps(tmp_path, charted)
    maps, check = loaded.checked_maps(tiny, tmp_path)
    assert maps.digest == charted.digest
    assert [drift.verdict for drift in check.drifts] == ["same"] * len(maps.layers)


@pytest.mark.parametrize("measured", [True, False])
def test_directions_of_other_prompts_are_not_compared_with_a_fit_on_the_own_ones(
    tiny, fitted, tmp_path, monkeypatch, measured
):
    def found(model, directions, splits):
        return {"prompts": splits.source}

    monkeypatch.setattr(refit, "check_directions" if measured else "known_agreement", found)
    own = PromptSplits.own().source
    for prompts, expected in ((own, {"prompts": own}), ("mine.txt sha256:0", None), (None, None)):
        store.write(tmp_path, fitted, {"prompts": prompts} if prompts else {})
        assert loaded.agreement(tiny, fitted, tmp_path, measured=measured) == expected
