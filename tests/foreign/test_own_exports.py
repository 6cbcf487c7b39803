import zipfile
from dataclasses import replace

import pytest

from steering.artifacts import store
from steering.artifacts.export import export
from steering.errors import SteeringError
from steering.foreign.foreign_directions import Wishes, import_directions
from tests.helpers import foreign
from tests.helpers.foreign import sha256, truncated


def test_an_exported_bundle_comes_back_whole(model, bundle, made, fitted) -> None:
    local, path = replace(fitted, model=model), bundle
    found = import_directions(path, model)
    assert found.directions.digest == local.digest
    assert found.directions.inlp_ranks == local.inlp_ranks
    assert found.directions.imported is None
    assert store.read_maps(model, found.folder) is not None
    manifest = store.manifest(model, found.folder)
    assert manifest["seed"] == 42
    assert manifest["imported_from"]["files"] == {"bundle.zip": sha256(path)}
    # An unpacked one as well, for a model of the same width but another name without its maps.
    moved = import_directions(made, model)
    assert moved.directions.digest == fitted.digest
    assert moved.directions.model == model
    assert any("fitted on tiny-qwen2" in n for n in moved.manifest["imported_from"]["notes"])
    assert store.read_maps(model, moved.folder) is None
    with pytest.raises(SteeringError, match="leave --layer"):
        import_directions(path, model, wishes=Wishes(scale=-1.0))


def test_a_broken_or_foreign_archive_is_named(model, tmp_path, made, cache) -> None:
    path = export("tiny-qwen2", tmp_path / "bundle.zip", folder=made)
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(SteeringError, match=r"ends in \.zip"):
        import_directions(tmp_path / "other.zip", model)
    wide = foreign.model_folder(tmp_path / "wide", {"num_hidden_layers": 4, "hidden_size": 64})
    with pytest.raises(SteeringError, match="do not fit"):
        import_directions(path, wide)
    with pytest.raises(SteeringError, match="no whole archive"):
        import_directions(truncated(path), model)
    assert not cache.exists()
