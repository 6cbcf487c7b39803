"""Which directions and maps a loaded model is served with."""

from steering.adaptation import loaded
from steering.artifacts import store


def test_maps_come_checked_and_a_model_without_maps_has_none(tiny, charted, tmp_path, monkeypatch):
    monkeypatch.setenv("STEERING_CACHE", str(tmp_path / "cache"))
    assert loaded.checked_maps(tiny, tmp_path) is None
    store.write_maps(tmp_path, charted)
    maps, check = loaded.checked_maps(tiny, tmp_path)
    assert maps.digest == charted.digest
    assert [drift.verdict for drift in check.drifts] == ["same"] * len(maps.layers)
