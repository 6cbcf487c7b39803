import json
from pathlib import Path

import pytest
import torch

from steering.artifacts import store
from steering.cli.main import main
from steering.interventions.directions import Directions
from tests.helpers import foreign
from tests.helpers.foreign import saved


@pytest.fixture
def model(tmp_path, own_cache) -> str:
    return foreign.model_folder(tmp_path / "model")


def test_the_command_prints_what_was_found_and_how_to_use_it(model, tmp_path, capsys) -> None:
    path = str(saved(tmp_path, "gguf", foreign.vectors(1, 2)))
    assert main(["import", path, "--model", model, "--json", "--flip-sign", "--layer", "2"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["layers"] == [2, 3]
    assert document["position"] is None
    assert document["cosine"] is None
    found: Directions = store.load(model, Path(document["folder"]))
    assert torch.equal(found.raw((-1, 2)), -foreign.vectors(1, 2)[1])
    assert main(["import", path, "--model", model]) == 0
    told = capsys.readouterr().out
    for words in ("--directions", "sign: imported from", "no INLP subspace", "precompute --quick"):
        assert words in told
    assert main(["import", str(tmp_path / "nothing"), "--model", model]) == 2
    assert capsys.readouterr().err.startswith("error: there is no file or folder")
