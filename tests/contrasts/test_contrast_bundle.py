import json
import os
from dataclasses import replace

import pytest
import torch

from steering.artifacts import archives, store
from steering.artifacts.archives import summed, unzipped, zipped
from steering.contrasts.contrast_bundle import folder_of, load, require_place, require_weights, save
from steering.errors import SteeringError
from steering.interventions.panel import parse
from steering.models import own_layout


@pytest.fixture
def kept(tiny, contrast, tmp_path, alone):
    path = tmp_path / "kept" / "asked.zip"
    save(contrast, tiny, path)
    return path


def changed(path, name, change):
    """Write the bundle anew with one member changed, and sums that fit."""
    members = {each: content for each, content in unzipped(path).items() if each != archives.SUMS}
    members[name] = change(members[name])
    path.write_bytes(zipped(summed(members)))


def test_a_contrast_comes_back_whole(tiny, contrast, kept):
    found = load(kept, tiny)
    assert found.directions.digest == contrast.directions.digest
    assert found.directions.class_names == ("asked", "ordered")
    assert found.maps.digest == contrast.maps.digest
    assert found.findings == contrast.findings
    assert found.texts == contrast.texts
    assert (found.verdict, found.warnings) == (contrast.verdict, contrast.warnings)
    assert set(found.maps.points.at) == {"pca", "harm"}
    panel = parse("flip:basis=shuffled,seed=4,k=1")  # the controls are there, too
    expected = panel.edit(contrast.directions)
    assert torch.equal(panel.edit(found.directions).basis, expected.basis)


def test_the_outline_that_a_page_is_laid_out_from_knows_the_names(tiny, contrast, kept):
    folder = folder_of(kept, tiny.name)
    outline = store.outline(tiny.name, folder)
    assert outline.class_names == ("asked", "ordered")
    assert outline.inlp_ranks == contrast.directions.inlp_ranks
    assert set(store.read_points(tiny.name, folder).at) == {"pca", "harm"}


def test_it_is_safetensors_and_json_with_what_it_was_made_on(tiny, contrast, kept):
    members = unzipped(kept)
    assert sorted(members) == [
        "SHA256SUMS",
        "contrast.json",
        "controls.safetensors",
        "directions.safetensors",
        "manifest.json",
        "maps.safetensors",
    ]
    manifest = json.loads(members["manifest.json"])
    assert manifest["model"] == tiny.name
    assert manifest["prompts"].endswith(contrast.texts.digest)
    assert len(manifest["fingerprint"]) == 64
    assert {"torch", "scikit-learn"} <= set(manifest["versions"])


def test_the_same_contrast_is_the_same_file(tiny, contrast, kept, tmp_path):
    save(contrast, tiny, tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == kept.read_bytes()


def test_another_model_is_refused_by_name(kept):
    with pytest.raises(SteeringError, match="fitted on tiny-qwen2, and the model here is other"):
        load(kept, "other")


def test_other_weights_of_the_same_name_are_refused(tiny, kept, monkeypatch):
    folder = folder_of(kept, tiny.name)
    require_weights(folder, tiny)
    named = replace(tiny, provenance={"sha256": "one"})
    require_weights(folder, named)  # the bundle does not know it
    changed(kept, "manifest.json", lambda held: held.replace(b'"sha256": null', b'"sha256": "a"'))
    monkeypatch.setattr(
        "steering.artifacts.provenance.leading_of",
        lambda network: list(own_layout.leading_of(network))[:-1],
    )
    with pytest.raises(SteeringError, match="fitted on other weights of tiny-qwen2"):
        require_weights(folder, tiny)
    with pytest.raises(SteeringError, match="fitted on other weights of tiny-qwen2"):
        load(kept, tiny)


def test_directions_that_are_no_contrast_are_left_to_their_makers(tiny, tmp_path):
    require_weights(tmp_path, tiny)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_damaged_file_is_refused(tiny, kept, share):
    content = bytearray(kept.read_bytes())
    content[int(share * len(content))] ^= 0xFF
    kept.write_bytes(bytes(content))
    with pytest.raises(SteeringError, match="copy it again, or fit it again"):
        load(kept, tiny)


def test_a_member_that_is_broken_under_sums_that_fit_is_refused(tiny, kept):
    changed(kept, "contrast.json", lambda held: held.replace(b'"p_holm"', b'"p_hulm"'))
    with pytest.raises(SteeringError, match=r"cannot be read \('p_holm'\)"):
        load(kept, tiny)
    changed(kept, "directions.safetensors", lambda held: held[:-4] + b"\x00\x00\x80\x7f")
    with pytest.raises(SteeringError, match="is broken or from another run"):
        load(kept, tiny)


def test_another_archive_is_no_contrast(tiny, tmp_path, alone):
    path = tmp_path / "other.zip"
    path.write_bytes(zipped(summed({"manifest.json": b"{}"})))
    with pytest.raises(SteeringError, match=r"is no contrast: it lacks directions\.safetensors"):
        load(path, tiny)


def test_what_was_unpacked_and_damaged_is_unpacked_again(tiny, kept):
    folder = folder_of(kept, tiny.name)
    (folder / "contrast.json").write_text("{")
    assert load(kept, tiny).texts.size == 24
    before = (folder / "contrast.json").stat().st_mtime_ns
    load(kept, tiny)
    assert (folder / "contrast.json").stat().st_mtime_ns == before  # read, not written


def test_a_disk_that_refuses_leaves_the_old_file(tiny, contrast, kept, monkeypatch):
    before = kept.read_bytes()

    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(SteeringError):
        save(contrast, tiny, kept)
    monkeypatch.undo()
    assert kept.read_bytes() == before
    assert [path.name for path in kept.parent.iterdir()] == [kept.name]


def test_a_place_that_cannot_hold_it_is_refused_before_anything_is_fitted(tmp_path):
    with pytest.raises(SteeringError, match=r"kept as a \.zip file; .*found\.pt ends otherwise"):
        require_place(tmp_path / "found.pt")
    (tmp_path / "folder.zip").mkdir()
    with pytest.raises(SteeringError, match="is a folder; give the name of a file"):
        require_place(tmp_path / "folder.zip")
