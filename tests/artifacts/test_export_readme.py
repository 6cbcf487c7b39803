import re

import torch
from safetensors.torch import load_file

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
