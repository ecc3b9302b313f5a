"""Logs of the service: plain lines, or one JSON object per line. They never contain what clients send."""

import json
import logging
from datetime import UTC, datetime
from typing import Any

from vaefeat._text import printable


class PlainLines(logging.Formatter):
    """Formats a record as one line, and an exception as indented ones: no text can pass for a record."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:
        """Return the record without its exception."""
        return printable(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:
        """Return the traceback of an exception."""
        return "\n".join(f"    {printable(line)}" for line in super().formatException(ei).splitlines())


class JsonLines(logging.Formatter):
    """Formats a record as a JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line."""
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry)


def configure(*, as_json: bool) -> None:
    """Write the logs of the service to stderr."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines() if as_json else PlainLines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("vaefeat.serving").setLevel(logging.INFO)
