import hashlib

import pytest

from steering.artifacts import recipe, store
from steering.errors import SteeringError
from steering.system import whole_files


def test_a_recipe_names_the_parts_that_are_there_with_their_hashes(controlled, tmp_path):
    store.write(tmp_path, controlled, {})
    whole_files.write_json(tmp_path / "evaluation.json", {"schema": 3})
    recipe.write_recipe(tmp_path, "tiny", {"dtype": "float32"})
    found = recipe.read_recipe(tmp_path)
    assert found is not None
    assert list(found["parts"]) == ["directions", "evaluation"]
    part = found["parts"]["directions"]
    assert part["command"] == "python -m steering reproduce --model tiny --only directions"
    for name, digest in part["files"].items():
        assert digest == hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()
    assert set(part["files"]) == {
        *("directions.safetensors", "controls.safetensors", "manifest.json"),
    }


def test_older_artifacts_have_none_and_other_schemas_are_refused(tmp_path):
    assert recipe.read_recipe(tmp_path) is None
    whole_files.write_json(tmp_path / recipe.RECIPE, {"schema": 99})
    with pytest.raises(SteeringError, match="has schema 99"):
        recipe.read_recipe(tmp_path)


def test_a_part_that_is_made_by_itself_is_written_down_and_no_other(controlled, tmp_path):
    recipe.note_part(tmp_path, "harm")
    assert not (tmp_path / recipe.RECIPE).exists()  # an older artifact
    store.write(tmp_path, controlled, {})
    whole_files.write_json(tmp_path / "evaluation.json", {"schema": 3})
    recipe.write_recipe(tmp_path, "tiny", {"dtype": "float32"})
    before = recipe.read_recipe(tmp_path)
    whole_files.write_json(tmp_path / "evaluation.json", {"schema": 4})
    whole_files.write_json(tmp_path / "harm.json", {"schema": 1})
    recipe.note_part(tmp_path, "harm")
    after = recipe.read_recipe(tmp_path)
    digest = hashlib.sha256((tmp_path / "harm.json").read_bytes()).hexdigest()
    assert after["parts"].pop("harm") == {
        "command": "python -m steering reproduce --model tiny --only harm",
        "files": {"harm.json": digest},
    }
    assert after == before
