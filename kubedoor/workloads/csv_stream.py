"""Streams rows as CSV, with cells escaped against formula injection. Pure."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

# Prefixes that a spreadsheet takes for a formula (OWASP, CSV injection). Numbers, also negative ones, are not escaped.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_lines(columns: Sequence[str], pages: Iterable[Iterable[Mapping[str, Any]]]) -> Iterator[str]:
    """The header, then one text per page of rows. A missing column and None are empty cells."""
    yield _lines([list(columns)])
    for page in pages:
        yield _lines([[cell(row.get(column)) for column in columns] for row in page])


def cell(value: Any) -> str:
    """One value as text: datetimes as ISO 8601 with milliseconds, objects and lists as JSON."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds")
    if isinstance(value, Mapping | list | tuple):
        return json.dumps(value, default=str, ensure_ascii=False, separators=(",", ":"))
    text = str(value)
    is_number = isinstance(value, int | float)
    return f"'{text}" if text.startswith(_FORMULA) and not is_number else text


def _lines(rows: Iterable[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()
