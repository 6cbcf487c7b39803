"""A log for programs: one JSON object a line."""

import json
import logging
from datetime import UTC, datetime


class Lines(logging.Formatter):
    """Writes `time`, `level`, `logger`, `message` and, of an error that was caught, `traceback`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line."""
        found = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            found["traceback"] = self.formatException(record.exc_info)
        return json.dumps(found)
