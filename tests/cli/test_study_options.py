import argparse

from steering.cli import study_options


def test_a_study_has_its_limit_only_where_it_says_what_that_limits():
    plain = study_options.study(argparse.ArgumentParser()).parse_args([])
    assert not hasattr(plain, "limit")
    assert (plain.directions, plain.out) == (None, None)
    limited = study_options.study(argparse.ArgumentParser(), "pairs").parse_args(["--limit", "3"])
    assert limited.limit == 3


def test_what_was_not_written_is_not_told():
    assert study_options.written({"written": None}) == study_options.written({}) == ""
    assert study_options.written({"written": "a.json"}).endswith("Written: a.json")
