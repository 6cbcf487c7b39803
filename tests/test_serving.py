"""Which directions and maps a loaded model is served with."""

from steering import artifact, serving


def test_maps_come_checked_and_a_model_without_maps_has_none(tiny, charted, tmp_path, monkeypatch):
    monkeypatch.setenv("STEERING_CACHE", str(tmp_path / "cache"))
    assert serving.checked_maps(tiny, tmp_path) is None
    artifact.write_maps(tmp_path, charted)
    maps, check = serving.checked_maps(tiny, tmp_path)
    assert maps.digest == charted.digest
    assert [drift.verdict for drift in check.drifts] == ["same"] * len(maps.layers)
