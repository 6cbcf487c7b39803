import json
import subprocess
import sys

import pytest

from steering.artifacts import folders, store
from steering.artifacts.convert import convert
from steering.errors import SteeringError
from steering.system import whole_files
from tests.helpers import tiny_evaluations, transfers
from tests.helpers.old_evaluations import older, older_transfer

NEW = {
    "evaluation.json": tiny_evaluations.document() | {"judge_version": 1},
    "transfer.json": transfers.document(),
}


@pytest.fixture
def old(tmp_path):
    whole_files.write_json(tmp_path / "evaluation.json", older(NEW["evaluation.json"]))
    whole_files.write_json(tmp_path / "transfer.json", older_transfer(NEW["transfer.json"]))
    return tmp_path


def test_a_folder_is_converted_once_and_every_number_stays(old):
    assert convert(old) == tuple(NEW)
    for name, document in NEW.items():
        assert json.loads((old / name).read_text("utf-8")) == document
    assert convert(old) == ()


def test_what_is_not_converted_is_read_as_if_it_were(old):
    assert store.evaluation("tiny", old) == NEW["evaluation.json"]
    assert store.transfer("tiny", old) == NEW["transfer.json"]


def test_the_shipped_documents_are_of_this_version():
    assert [convert(folders.shipped(name)) for name in folders.available()] == [()] * 2


@pytest.mark.parametrize("panels", [[{"panel": "flip", "harmful": {"refusal_rate": 1}}], "none"])
def test_a_broken_document_is_named_and_left_alone(tmp_path, panels):
    path = tmp_path / "evaluation.json"
    whole_files.write_json(path, {"schema": 2, "panels": panels})
    before = path.read_bytes()
    with pytest.raises(SteeringError, match=r"evaluation\.json cannot be read"):
        convert(tmp_path)
    assert path.read_bytes() == before


@pytest.mark.slow
def test_the_command_says_what_it_changed(old):
    command = [sys.executable, "-m", "steering.artifacts.convert", str(old)]
    said = [subprocess.run(command, capture_output=True, text=True, check=True) for _ in range(2)]
    assert said[0].stdout.split() == list(NEW)
    assert said[1].stdout == "nothing to convert\n"
