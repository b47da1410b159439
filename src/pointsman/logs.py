"""Log lines: one record, one line, as text or JSON, on standard error."""

from __future__ import annotations

import logging
import sys
import time
from typing import Any, TextIO

import msgspec

from .config import LogSettings

__all__ = ["JsonFormatter", "TextFormatter", "configure"]

FIELDS = ("request_id", "client", "plugin")


def configure(settings: LogSettings, stream: TextIO | None = None) -> None:
    """Send the log of this process to `stream` in the configured level and format."""
    target = stream if stream is not None else sys.stderr
    as_json = settings.format == "json" or (settings.format == "auto" and not target.isatty())
    handler = logging.StreamHandler(target)
    handler.setFormatter(JsonFormatter() if as_json else TextFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.level.upper())
    for name in ("httpx", "httpcore", "uvicorn.error"):
        logging.getLogger(name).setLevel(logging.WARNING)


class JsonFormatter(logging.Formatter):
    """A record as one JSON object: `at` (UTC), `level`, `logger`, `message`, and what the record adds."""

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter`."""
        row: dict[str, Any] = {
            "at": _utc(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        row.update({name: getattr(record, name) for name in FIELDS if hasattr(record, name)})
        if record.exc_info:
            row["traceback"] = self.formatException(record.exc_info)
        return msgspec.json.encode(row, enc_hook=str).decode()


class TextFormatter(logging.Formatter):
    """A record as one line of text; line ends and control characters within it are escaped."""

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter`."""
        text = f"{_utc(record.created)} {record.levelname.lower():7} {record.getMessage()}"
        if hasattr(record, "request_id"):
            text += f" request_id={record.request_id}"
        text = "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)
        return f"{text}\n{self.formatException(record.exc_info)}" if record.exc_info else text


def _utc(created: float) -> str:
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(created))}.{int(created % 1 * 1000):03d}Z"
