import re
from dataclasses import replace

import torch
from safetensors.torch import load_file

from steering.artifacts import store
from steering.artifacts.export import bundle
from tests.helpers.archives import opened


def test_the_readme_lists_every_file_and_says_where_everything_comes_from(fitted, folder):
    members = opened(bundle(fitted, folder))
    text = members["README.md"].decode()
    listed = set(re.findall(r"^- `(.+)`$", text, re.MULTILINE))
    assert listed == set(members) - {"README.md", "SHA256SUMS"}
    assert "sha256 " + "ab" * 32 in text
    assert "revision" not in text  # the weights had none
    for paper in ("2606.13720", "2406.11717", "2004.07667"):
        assert f"arXiv:{paper}" in text
    assert "ControlModel(model, [1])" in text
    assert str(folder.parent) not in text


def test_the_commands_of_the_readme_read_the_files(fitted, folder, tmp_path):
    """The lines for steering-vectors, up to where its own class is needed."""
    members = opened(bundle(fitted, folder))
    (tmp_path / "v.safetensors").write_bytes(
        members["other-libraries/steering-vectors.safetensors"]
    )
    (line,) = re.findall(r"SteeringVector\((\{.+\}), ", members["README.md"].decode())
    found = eval(line, {"layers": load_file(tmp_path / "v.safetensors")})
    assert torch.equal(found[1], fitted.raw((-2, 2)))


def test_of_imported_directions_nothing_is_promised_that_only_a_difference_in_means_has(
    fitted, tmp_path
):
    imported = replace(
        fitted,
        harmless_mean=None,
        inlp={},
        inlp_point=fitted.dim_point,
        points=(fitted.dim_point,),
        imported="imported from a file",
    )
    for directions, promised in ((fitted, True), (imported, False)):
        folder = tmp_path / str(promised)
        store.write(folder, directions, {})
        text = opened(bundle(directions, folder))["README.md"].decode()
        assert ("induces it" in text) == promised
        assert ("moves one mean onto the other" in text) == promised
    # The key by which the manifest says where a difference is known.
    (key,) = re.findall(r"`manifest\.json` lists `(\w+)`", text)
    assert store.manifest("tiny", folder)[key] == [list(fitted.dim_point)]
