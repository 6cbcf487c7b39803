import json
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from steering.artifacts import folders, local_fits, publishing, store
from steering.artifacts.export import export
from steering.errors import SteeringError
from steering.foreign.foreign_directions import Wishes, import_directions
from steering.sources import catalog
from steering.system import whole_files
from tests.helpers import foreign
from tests.helpers.foreign import saved, sha256

# The layers


def test_of_several_layers_the_one_at_half_the_depth_is_taken_or_the_one_asked_for(
    model, tmp_path
) -> None:
    path = saved(tmp_path, "gguf", foreign.vectors(1, 2))
    chosen = import_directions(path, model)
    assert chosen.directions.dim_point == (-1, 2)
    assert "not measured" in chosen.manifest["dim_choice"]["rule"]
    asked = import_directions(path, model, wishes=Wishes(layer=3))
    assert asked.directions.dim_point == (-1, 3)
    assert asked.folder != chosen.folder
    with pytest.raises(SteeringError, match=r"layer 1 has no direction.*inputs 2, 3"):
        import_directions(path, model, wishes=Wishes(layer=1))


# What does not fit, and what is dangerous


@pytest.mark.parametrize("scale", [0.0, float("nan"), float("inf"), 1e-9, -1e9])
def test_a_scale_that_leaves_no_direction_is_refused(scale) -> None:
    with pytest.raises(SteeringError, match="scale"):
        Wishes(scale=scale)


# Where it is written


def test_an_import_lies_in_the_cache_and_says_where_it_is_from(model, tmp_path, cache) -> None:
    path = saved(tmp_path, "gguf", foreign.vectors(1, 2))
    first, again = import_directions(path, model), import_directions(path, model)
    assert first.folder == again.folder
    assert first.folder.parent == cache / "fitted" / local_fits.folder_name(model)
    manifest = store.manifest(model, first.folder)
    origin = manifest["imported_from"]
    assert origin["format"] == "GGUF control vector"
    assert origin["files"] == {"vectors.gguf": sha256(path)}
    assert origin["date"].endswith("+00:00")
    assert any("'qwen2'" in note for note in origin["notes"])
    assert manifest["position_known"] is False
    assert str(tmp_path) not in (first.folder / "manifest.json").read_text().replace(model, "")


def test_an_import_serves_a_model_without_directions_and_gives_way_to_a_fit(
    model, tmp_path, fitted
) -> None:
    found = import_directions(saved(tmp_path, "gguf", foreign.vectors(1)), model)
    assert store.load(model).digest == found.directions.digest
    own = local_fits.root(model) / "float32-none-cpu"
    store.write(own, replace(fitted, model=model), {})
    later = import_directions(saved(tmp_path, "gguf", foreign.vectors(2)), model)
    assert folders.folder_of(model) == own
    assert later.cosine is not None
    assert found.cosine is None


def test_directions_that_were_fitted_are_never_written_over(model, tmp_path, made) -> None:
    path = saved(tmp_path, "pt", foreign.vectors(1))
    before = {file.name: file.read_bytes() for file in made.iterdir()}
    with pytest.raises(SteeringError, match="was not imported"):
        import_directions(path, model, made)
    assert {file.name: file.read_bytes() for file in made.iterdir()} == before
    out = tmp_path / "new" / "folder"
    import_directions(path, model, out)
    other = import_directions(path, model, out, wishes=Wishes(scale=2.0)).directions
    torch.testing.assert_close(other.raw((-1, 2)), 2 * foreign.vectors(1)[1])
    with pytest.raises(SteeringError, match="is a file"):
        import_directions(path, model, path)


@pytest.mark.parametrize("source", ["vector", "own directions without maps"])
def test_maps_of_an_earlier_import_do_not_stay_beside_other_directions(
    model, tmp_path, made, bundle, source
) -> None:
    out = tmp_path / "out"
    import_directions(bundle, model, out)
    assert store.read_maps(model, out) is not None
    path = saved(tmp_path, "pt", foreign.vectors(1)) if source == "vector" else made
    found = import_directions(path, model, out)
    assert store.read_maps(model, out) is None
    assert store.load(model, out).digest == found.directions.digest
    import_directions(bundle, model, out)
    assert store.read_maps(model, out) is not None


@pytest.mark.parametrize("killed_at", ["directions.safetensors", "manifest.json"])
def test_an_import_that_is_killed_leaves_the_one_before_and_can_be_made_again(
    model, tmp_path, bundle, monkeypatch, killed_at
) -> None:
    path = saved(tmp_path, "pt", foreign.vectors(1))
    real = whole_files.write_file

    def stop(file: Path, content: bytes) -> None:
        real(file, content)
        if file.name == killed_at:
            raise KeyboardInterrupt

    for out in (tmp_path / "new", tmp_path / "old"):
        if out.name == "old":
            import_directions(bundle, model, out)
        before = {file.name: file.read_bytes() for file in out.iterdir()} if out.exists() else {}
        with monkeypatch.context() as patch:
            patch.setattr(whole_files, "write_file", stop)
            with pytest.raises(KeyboardInterrupt):
                import_directions(path, model, out)
        if before:
            assert {file.name: file.read_bytes() for file in out.iterdir()} == before
        (out / publishing.PARTIAL).mkdir(parents=True, exist_ok=True)  # as a kill may leave it
        import_directions(path, model, out)
        assert {file.name for file in out.iterdir()} == {"directions.safetensors", "manifest.json"}


# The sign


def test_the_sign_is_turned_only_when_asked_for_and_said(model, tmp_path) -> None:
    path = saved(tmp_path, "gguf", foreign.vectors(1))
    kept = import_directions(path, model).directions
    turned = import_directions(path, model, wishes=Wishes(scale=-1.0)).directions
    assert torch.equal(turned.raw((-1, 2)), -kept.raw((-1, 2)))
    assert "cannot be seen from the file" in str(kept.imported)
    assert "multiplied by -1" in str(turned.imported)
    assert "multiplied" not in str(kept.imported)


@pytest.mark.skipif(
    catalog.DEFAULT_MODEL not in folders.available(), reason="no directions are shipped"
)
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_cosine_with_the_difference_that_the_model_has_is_told(sign, tmp_path) -> None:
    path = export(catalog.DEFAULT_MODEL, tmp_path / "vector.gguf")
    found = import_directions(path, catalog.DEFAULT_MODEL, wishes=Wishes(scale=sign))
    assert found.cosine == pytest.approx(sign, abs=1e-5)


# Round trips


@pytest.mark.parametrize("ending", ["safetensors", "gguf"])
def test_an_exported_vector_comes_back_at_its_layer_with_its_sign(
    model, tmp_path, made, fitted, ending
) -> None:
    path = export("tiny-qwen2", tmp_path / f"vector.{ending}", folder=made)
    found = import_directions(path, model)
    position, layer = fitted.dim_point
    assert found.directions.dim_point == (-1, layer)
    assert torch.equal(found.directions.raw((-1, layer)), fitted.raw((position, layer)))
    assert "harmful minus mean over harmless" in str(found.directions.imported)
    # And once more from there: what is known of the sign is kept, not replaced by our own.
    again = export(model, tmp_path / f"again.{ending}", folder=found.folder)
    back = import_directions(again, model).directions
    assert torch.equal(back.difference, found.directions.difference)
    assert "imported from vector" in str(back.imported)


def test_an_import_can_be_bundled_and_its_readme_promises_no_inlp(model, tmp_path) -> None:
    found = import_directions(saved(tmp_path, "gguf", foreign.vectors(1, 2)), model)
    path = export(model, tmp_path / "bundle.zip", folder=found.folder)
    with zipfile.ZipFile(path) as archive:
        readme = archive.read("README.md").decode()
    assert "no INLP directions" in readme
    assert "nullspace projection is" not in readme.replace("\n", " ")
    assert "imported_from" in readme
    assert import_directions(path, model).directions.digest == found.directions.digest


# The artifact


def test_complete_directions_keep_their_schema_and_incomplete_ones_get_another(
    model, tmp_path, made
) -> None:
    assert store.manifest("tiny-qwen2", made)["schema"] == 1
    assert {"places", "imported"}.isdisjoint(store.manifest("tiny-qwen2", made))
    found = import_directions(saved(tmp_path, "gguf", foreign.vectors(1, 2)), model)
    manifest = store.manifest(model, found.folder)
    assert manifest["schema"] == 2  # so that versions that expect INLP refuse it by name
    assert manifest["places"] == [[-1, 2], [-1, 3]]


def test_a_complete_artifact_that_lost_its_means_is_still_refused(made, fitted) -> None:
    store.write(made, replace(fitted, harmless_mean=None), {})
    document = json.loads((made / "manifest.json").read_text())
    assert store.load("tiny-qwen2", made).harmless_mean is None
    (made / "manifest.json").write_text(json.dumps(document | {"schema": 1}))
    with pytest.raises(SteeringError, match="harmless_mean"):
        store.load("tiny-qwen2", made)
