import argparse

import pytest

from steering.cli import anatomy_options


def test_what_is_measured_has_to_be_said():
    parser = argparse.ArgumentParser()
    anatomy_options.anatomy(parser)
    assert parser.parse_args(["harm"]).limit is None
    with pytest.raises(SystemExit):
        parser.parse_args([])
