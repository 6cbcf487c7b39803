"""A record is one line of JSON, whatever is in it."""

import json
import logging
import sys

from steering.system.json_log import Lines


def test_a_record_is_one_line_with_its_time_level_logger_and_words():
    record = logging.LogRecord("steering.x", logging.INFO, "", 0, 'a "b"\n%s é', ("c",), None)
    record.created = 0.25
    line = Lines().format(record)
    assert "\n" not in line
    assert json.loads(line) == {
        "time": "1970-01-01T00:00:00.250+00:00",
        "level": "info",
        "logger": "steering.x",
        "message": 'a "b"\nc é',
    }


def test_an_error_brings_its_traceback_in_the_same_line():
    try:
        int("wrong")
    except ValueError:
        caught = sys.exc_info()
    record = logging.LogRecord("steering", logging.ERROR, "", 0, "It failed", (), caught)
    line = Lines().format(record)
    assert "\n" not in line
    assert json.loads(line)["traceback"].endswith("'wrong'")
