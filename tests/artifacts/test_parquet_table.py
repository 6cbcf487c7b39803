import builtins
import json

import pytest

from steering.artifacts import parquet_table
from steering.errors import SteeringError

ROWS = [
    {"panel": "baseline", "kl": 0.0, "perplexity": None, "refused": True},
    {"panel": "flip:k=2", "kl": 1 / 3, "perplexity": 7.25, "refused": False},
]


@pytest.fixture
def parquet():
    pytest.importorskip("fsspec", reason="the extra cluster is not installed")
    return pytest.importorskip("pyarrow.parquet", reason="the extra cluster is not installed")


def test_a_table_is_what_was_written_to_the_last_bit_with_its_provenance(parquet, tmp_path):
    url = str(tmp_path / "new" / "rows.parquet")
    parquet_table.write(url, ROWS, {"seed": 42})
    table = parquet.read_table(url)
    assert table.to_pylist() == ROWS
    assert json.loads(table.schema.metadata[b"provenance"]) == {"seed": 42}
    parquet_table.write(url, ROWS[:1], {})
    assert parquet.read_table(url).num_rows == 1
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["rows.parquet"]


def test_an_object_store_takes_it_as_a_disk_does(parquet):
    import fsspec

    parquet_table.write("memory://shared/rows.parquet", ROWS, {})
    with fsspec.open("memory://shared/rows.parquet") as file:
        assert parquet.read_table(file).to_pylist() == ROWS


def test_an_address_that_nobody_knows_is_refused_before_anything_is_measured(parquet):
    with pytest.raises(SteeringError, match="cannot write to 'nowhere://x'"):
        parquet_table.require("nowhere://x")


def test_where_pyarrow_is_missing_the_error_says_what_to_install(monkeypatch, tmp_path):
    real = builtins.__import__

    def without(name, *arguments, **options):
        if name.startswith("pyarrow"):
            raise ImportError(name, name="pyarrow")
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(SteeringError, match=r"needs pyarrow.*playground\[cluster\]"):
        parquet_table.require(str(tmp_path / "rows.parquet"))
