"""Structured logs: one JSON object for each line of standard output, as log collectors in clusters expect."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime


class JsonFormatter(logging.Formatter):
    """Fields: time, severity, logger, message; `exception` has the traceback."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "severity": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def configure(level: str) -> None:
    """Configure the logger `kubedoor`. Each entry point calls it once; functions-framework configures no logging."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter())
    logger = logging.getLogger("kubedoor")
    logger.handlers[:] = [handler]
    logger.setLevel(level.upper())
    logger.propagate = False
    # It logs a traceback for every exception that it raises too; KubeDoor logs those itself, once, in one line.
    logging.getLogger("clickhouse_connect").setLevel(logging.CRITICAL)
