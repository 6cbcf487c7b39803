"""Where the artifact of a model lies."""

from steering.artifacts.folders import available, folder_of
from steering.system.whole_files import write_json


def test_ids_and_paths_become_one_folder_name(tmp_path):
    assert folder_of("smollm2-135m-instruct", tmp_path) == tmp_path / "smollm2-135m-instruct"
    for name in ("Qwen/Qwen2.5-0.5B-Instruct", "/models/My Model.gguf", "../../elsewhere", "a\\b"):
        found = folder_of(name, tmp_path)
        assert found.parent == tmp_path
        assert found.name == found.name.lower()
        assert found.resolve().is_relative_to(tmp_path.resolve())
    assert folder_of("a/b", tmp_path) != folder_of("ab", tmp_path)
    assert folder_of("org/name/", tmp_path) == folder_of("org/name", tmp_path)


def test_only_folders_with_a_manifest_count_as_available(tmp_path):
    for name in ("b", "a"):
        write_json(tmp_path / name / "manifest.json", {})
    (tmp_path / "empty").mkdir()
    assert available(tmp_path) == ("a", "b")
