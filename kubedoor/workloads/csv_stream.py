"""Streams rows as CSV, with cells escaped against formula injection. Pure."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

# Prefixes that a spreadsheet takes for a formula (OWASP, CSV injection), also in their full-width forms, which Excel takes
# for the same with Chinese or Japanese settings. Numbers, also negative ones, are not escaped.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


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
    # Some programs drop what is blank before they look for a formula.
    is_formula = text.startswith(_FORMULA) or text.lstrip().startswith(_FORMULA)
    return f"'{text}" if is_formula and not is_number else text


def _lines(rows: Iterable[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()
