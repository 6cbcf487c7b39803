import sys

import pytest

from steering.system.lazy import Later


@pytest.fixture
def late(tmp_path, monkeypatch) -> str:
    """The name of a module that nobody has imported."""
    (tmp_path / "late_module.py").write_text("def add(a, *, b):\n    return a + b\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "late_module", raising=False)
    yield "late_module"
    sys.modules.pop("late_module", None)


def test_a_function_can_be_named_without_its_module_and_brings_it_when_it_is_called(late):
    add = Later(late).add
    assert late not in sys.modules
    assert add(1, b=2) == 3
    assert late in sys.modules


def test_a_constant_is_refused_with_where_it_belongs(late):
    with pytest.raises(AttributeError, match=r"TOKENS of late_module .* move it to defaults"):
        _ = Later(late).TOKENS


def test_what_the_module_does_not_have_is_told_when_it_is_called(late):
    missing = Later(late).missing
    with pytest.raises(AttributeError, match="missing"):
        missing()
