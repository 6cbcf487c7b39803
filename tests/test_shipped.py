import pytest

from steering import shipped


@pytest.mark.parametrize("inside", [True, False], ids=["a wheel", "a checkout"])
def test_files_lie_inside_the_package_or_beside_it(tmp_path, monkeypatch, inside):
    package = tmp_path / "steering"
    home = package if inside else tmp_path
    (home / "assets").mkdir(parents=True)
    monkeypatch.setattr(shipped, "PACKAGE", package)
    monkeypatch.setattr(shipped, "_CHECKOUT", tmp_path)
    assert shipped._folder("assets") == home / "assets"


def test_a_checkout_is_not_an_installed_package():
    assert not shipped.INSTALLED


def test_the_page_s_files_are_there():
    assert {".js", ".css", ".html"} <= {path.suffix for path in shipped.ASSETS.rglob("*")}
