import argparse

import pytest

from steering.cli import worker_options


def test_workers_are_counted_from_one_and_nobody_by_default(capsys):
    parser = argparse.ArgumentParser()
    worker_options.workers(parser)
    assert parser.parse_args([]).workers is None
    assert parser.parse_args(["--workers", "2", "--address", "auto"]).workers == 2
    for wrong in ("0", "-1", "two"):
        with pytest.raises(SystemExit):
            parser.parse_args(["--workers", wrong])
        assert "allowed: from 1" in capsys.readouterr().err or wrong == "-1"


def test_a_parquet_table_is_written_only_if_it_is_asked_for():
    parser = argparse.ArgumentParser()
    worker_options.parquet(parser)
    assert parser.parse_args([]).parquet is None
    assert parser.parse_args(["--parquet", "s3://a/b"]).parquet == "s3://a/b"


def test_replicas_and_their_cluster_are_handed_on_as_they_are_typed():
    parser = argparse.ArgumentParser()
    worker_options.replicas(parser)
    assert vars(parser.parse_args([])) == {"replicas": None, "address": None}
    told = parser.parse_args(["--replicas", "1-4", "--address", "auto"])
    assert vars(told) == {"replicas": "1-4", "address": "auto"}
