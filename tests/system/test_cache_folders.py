import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from steering.maps import umap_layout
from steering.sources import weights
from steering.system import cache_folders

ROOT = Path(__file__).parents[2]
VARIABLES = ("HF_HOME", "MPLCONFIGDIR", "TORCH_HOME", "TRITON_CACHE_DIR")


@pytest.fixture
def homeless(monkeypatch, tmp_path) -> Path:
    """A user without a name or home, and a folder for what is temporary."""

    def nobody():
        raise RuntimeError("Could not determine home directory.")

    for name in ("STEERING_CACHE", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(cache_folders.Path, "home", nobody)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    cache_folders._temporary.cache_clear()
    yield tmp_path / "temporary"
    cache_folders._temporary.cache_clear()


@pytest.fixture
def read_only(monkeypatch):
    """Folders that nobody may write, for root as well."""
    closed: list[Path] = []
    real = os.access

    def access(path, mode):
        inside = any(Path(path).is_relative_to(folder) for folder in closed)
        return not (inside and mode & os.W_OK) and real(path, mode)

    monkeypatch.setattr(cache_folders.os, "access", access)
    return closed.append


def test_without_a_home_there_is_a_folder_of_ones_own(homeless):
    found = weights.cache_folder()
    assert found == cache_folders.cache_folder()
    assert found.parent == homeless
    assert found.stat().st_mode & 0o077 == 0
    (found / "file").write_text("fits")


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="asks whose a folder is")
def test_a_temporary_folder_of_somebody_else_is_not_trusted(homeless):
    trap = homeless / f"refusal-steering-playground-{os.getuid()}"
    (homeless / "elsewhere").mkdir()
    trap.symlink_to(homeless / "elsewhere")
    assert cache_folders.cache_folder() not in (trap, homeless / "elsewhere")
    assert cache_folders.cache_folder().parent == homeless


def test_a_home_that_may_not_be_written_is_passed_over_unless_the_models_are_there(
    homeless, monkeypatch, tmp_path, read_only
):
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setattr(cache_folders.Path, "home", lambda: home)
    monkeypatch.setattr(cache_folders.sys, "platform", "linux")
    usual = home / ".cache" / "refusal-steering-playground"
    assert cache_folders.cache_folder() == usual
    read_only(home)
    assert cache_folders.cache_folder().parent == homeless
    usual.mkdir(parents=True)  # as in an image that was built with models in it
    assert cache_folders.cache_folder() == usual


@pytest.mark.parametrize("chosen", ["~nobody-of-this-name/cache", "~/cache"])
def test_a_chosen_folder_counts_even_without_a_home(homeless, monkeypatch, chosen):
    monkeypatch.setenv("STEERING_CACHE", chosen)
    if chosen.startswith("~/"):
        monkeypatch.setenv("HOME", str(homeless))
    assert cache_folders.cache_folder().is_absolute()
    assert cache_folders.cache_folder().name == "cache"


def test_other_packages_get_folders_where_their_own_cannot_be(homeless):
    environment = {"TORCH_HOME": "/chosen"}
    cache_folders.prepare(environment)
    assert environment.pop("TORCH_HOME") == "/chosen"
    assert environment.keys() == set(VARIABLES) - {"TORCH_HOME"}
    for folder in environment.values():
        assert Path(folder).parent == cache_folders.cache_folder()


def test_a_usual_machine_is_left_alone(homeless, monkeypatch, tmp_path):
    monkeypatch.setattr(cache_folders.Path, "home", lambda: tmp_path)
    environment: dict[str, str] = {}
    cache_folders.prepare(environment)
    assert environment == {}


def test_numba_gets_a_folder_only_where_it_finds_none(homeless, monkeypatch, tmp_path, read_only):
    monkeypatch.setenv("NUMBA_CACHE_DIR", "")
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    cache_folders.prepare_numba("made")
    assert "NUMBA_CACHE_DIR" not in os.environ
    read_only(tmp_path / "made")
    cache_folders.prepare_numba("made")
    assert Path(os.environ["NUMBA_CACHE_DIR"]) == cache_folders.cache_folder() / "numba"
    assert Path(os.environ["NUMBA_CACHE_DIR"]).is_dir()
    monkeypatch.setenv("NUMBA_CACHE_DIR", "/chosen")
    cache_folders.prepare_numba("made")
    assert os.environ["NUMBA_CACHE_DIR"] == "/chosen"


def test_numba_is_prepared_before_umap_is_imported(monkeypatch):
    class PreparedError(Exception):
        pass

    def prepared():
        raise PreparedError

    monkeypatch.setattr(umap_layout.cache_folders, "prepare_numba", prepared)
    with pytest.raises(PreparedError):
        umap_layout.fit_umap(umap_layout.torch.randn(6, 3), seed=0)


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="becomes another user")
def test_a_user_id_that_nobody_knows_gets_folders_that_are_its_own(tmp_path):
    tmp_path.chmod(0o777)
    code = (
        "import os, runpy, sys, types, collections.abc, tempfile, pwd, importlib.util, pathlib\n"
        "os.environ.pop('HOME', None); os.setgid(54321); os.setuid(54321)\n"
        "import steering\n"
        "from steering.system.cache_folders import cache_folder\n"
        "(cache_folder() / 'file').write_text('fits'); print(os.environ['HF_HOME'])"
    )
    environment = {k: v for k, v in os.environ.items() if k not in (*VARIABLES, "STEERING_CACHE")}
    for place in (ROOT, *ROOT.parents):
        if not place.stat().st_mode & 0o005:
            pytest.skip("the project lies where others may not read")
    found = subprocess.run(
        [sys.executable, "-c", code],
        env=environment | {"TMPDIR": str(tmp_path), "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    if "ModuleNotFoundError" in found.stderr:
        pytest.skip("this Python lies where others may not read")
    folder = tmp_path / "refusal-steering-playground-54321"
    assert found.stdout == f"{folder / 'huggingface'}\n", found.stderr
    assert (folder / "file").read_text() == "fits"
