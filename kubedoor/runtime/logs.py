"""Logs: one JSON object a line on standard output, as log collectors of clusters expect."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime


class JsonFormatter(logging.Formatter):
    """Time, severity, logger and message; a traceback as text in `exception`."""

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
    """Called once by each function's `main.py` and by `serve`; functions-framework leaves logging as it is."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter())
    logger = logging.getLogger("kubedoor")
    logger.handlers[:] = [handler]
    logger.setLevel(level.upper())
    logger.propagate = False
    # It logs what it also raises, with whole tracebacks; what is raised is logged once, by us, in a sentence.
    logging.getLogger("clickhouse_connect").setLevel(logging.CRITICAL)
