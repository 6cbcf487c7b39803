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
