from steering.ui import tabs


def test_each_tab_names_its_panel():
    assert list(tabs.NAMES) == ["playground", "dose", "results", "anatomy", "contrast"]
