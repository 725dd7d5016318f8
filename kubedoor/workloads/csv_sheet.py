"""The CSV sheet of control values: rows for the export, and the parser for the import of manual values. Pure.

The import reads the columns `manual_*`, `mode`, `note` and `version` and ignores the others. An empty cell unsets a
value; a missing column leaves it unchanged. Importing an unchanged export changes nothing.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from kubedoor import quantities
from kubedoor.errors import BadRequest
from kubedoor.model.conditions import REPLICAS
from kubedoor.sentences import Sentence, sentence
from kubedoor.workloads.conditions import condition_types, withheld_fields, withheld_replicas

MAX_LINES = 20_000
MAX_DIGITS = 18
"""Enough for every replica count and version; `int` raises ValueError for thousands of digits."""
_DELIMITERS = (",", ";", "\t")
_SEPARATOR_LINE = re.compile(r'"?sep=([,;\t])"?', re.IGNORECASE)
_DECIMAL_COMMA = re.compile(r"^(\s*'?\d+),(\d+)", re.ASCII)
KEYS = ("namespace", "deployment")
RESOURCES = ("cpu_request", "memory_request", "cpu_limit", "memory_limit")
WORKLOAD_FIELDS = {"manual_replicas": "replicas", "mode": "mode", "note": "note", "version": "version"}
COLUMNS = (
    *KEYS,
    "container",
    "version",
    "mode",
    "replicas",
    *RESOURCES,
    "collected_replicas",
    *(f"collected_{name}" for name in RESOURCES),
    "manual_replicas",
    *(f"manual_{name}" for name in RESOURCES),
    *(f"asked_{name}" for name in RESOURCES),
    *(f"running_{name}" for name in RESOURCES),
    "conditions",
    "withheld",
)


@dataclass(frozen=True)
class Problem:
    """One invalid line of a sheet; line 1 is the header."""

    line: int
    field: str
    message: Sentence


@dataclass
class SheetEdit:
    """The edit of one workload. `lines` maps each container to its line; the key '' is the workload itself."""

    namespace: str
    deployment: str
    version: int | None = None
    changes: dict[str, Any] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)

    @property
    def first_line(self) -> int:
        return min(self.lines.values())


def sheet_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of the view `control`, with those of its Deployment, as a row of the sheet, with Kubernetes quantities."""
    line = {name: row[name] for name in (*KEYS, "container", "version", "mode", "replicas")}
    line |= {name: row[name] for name in ("collected_replicas", "manual_replicas")}
    for prefix in ("", "collected_", "manual_", "asked_", "running_"):
        for name in RESOURCES:
            is_cpu = name.startswith("cpu")
            amount = row[f"{prefix}{name}_{'millicores' if is_cpu else 'bytes'}"]
            write = quantities.format_cpu if is_cpu else quantities.exact_memory
            line[prefix + name] = None if amount is None else write(amount)
    withheld = [name.rpartition("_")[0] for name in withheld_fields(row)]
    line["conditions"] = "; ".join(condition_types(row))
    line["withheld"] = "; ".join([*withheld, *([REPLICAS] if withheld_replicas(row) else [])])
    return line


def has_manual_value(row: Mapping[str, Any]) -> bool:
    """Whether a row of the view `control` has any manual value."""
    return any(value is not None for name, value in row.items() if name.startswith("manual_"))


def read_sheet(text: str) -> tuple[list[SheetEdit], list[Problem]]:
    """One edit per workload, in the order of the sheet, and the problems of single lines.

    Raises BadRequest if the text as a whole is no such sheet. Quantities and modes are checked by the edit, not here.
    Cells are separated by what the header shows: Excel writes semicolons where numbers have commas, and a decimal comma in
    a quantity is a point there.
    """
    delimiter, text, skipped = _delimiter(text.removeprefix("\ufeff"))
    reader = csv.DictReader(io.StringIO(text), strict=True, delimiter=delimiter)
    try:
        columns = list(reader.fieldnames or [])
        _check_header(columns)
        edits: dict[tuple[str, str], SheetEdit] = {}
        problems: list[Problem] = []
        for row in reader:
            line = reader.line_num + skipped
            if line > MAX_LINES:
                raise BadRequest(sentence("workloads.sheet_too_long", most=MAX_LINES))
            cells = row if delimiter == "," else {name: _with_point(name, cell) for name, cell in row.items()}
            problems += _read_line(cells, line, edits)
    except csv.Error as error:
        line = reader.line_num + skipped
        raise BadRequest(sentence("workloads.not_csv", line=line, error=error)) from error
    return list(edits.values()), problems


def _delimiter(text: str) -> tuple[str, str, int]:
    """With the text that is left, and how many lines are not: a first line `sep=;` is only there for Excel."""
    first_line, _, rest = text.partition("\n")
    if said := _SEPARATOR_LINE.fullmatch(first_line.rstrip("\r")):
        return said[1], rest, 1
    return max(_DELIMITERS, key=first_line.count), text, 0


def _with_point(column: str | None, cell: Any) -> Any:
    is_quantity = column is not None and column.removeprefix("manual_") in RESOURCES
    return _DECIMAL_COMMA.sub(r"\1.\2", cell) if is_quantity and isinstance(cell, str) else cell


def _check_header(columns: list[str]) -> None:
    missing = [name for name in KEYS if name not in columns]
    if missing:
        raise BadRequest(sentence("workloads.header_lacks", columns=", ".join(missing)))
    if doubled := sorted({name for name in columns if columns.count(name) > 1}):
        raise BadRequest(sentence("workloads.header_doubled", columns=", ".join(doubled)))
    known = {*COLUMNS, *WORKLOAD_FIELDS}
    if unknown := [name for name in columns if name not in known]:
        raise BadRequest(sentence("workloads.header_unknown", columns=", ".join(map(str, unknown))))


def _read_line(row: Mapping[Any, Any], line: int, edits: dict[tuple[str, str], SheetEdit]) -> Iterable[Problem]:
    if None in row or None in row.values():
        return [Problem(line, "", sentence("workloads.cells"))]
    cells = {name: value.strip().removeprefix("'") for name, value in row.items()}
    if not any(cells.values()):
        return []
    for name in KEYS:
        if not cells[name]:
            return [Problem(line, name, sentence("workloads.empty", field=name))]
    key = (cells["namespace"], cells["deployment"])
    edit = edits.setdefault(key, SheetEdit(*key))
    container = cells.get("container", "")
    if container in edit.lines:
        return [Problem(line, "container", sentence("workloads.same_container", line=edit.lines[container]))]
    edit.lines[container] = line
    return [*_workload_cells(cells, line, edit), *_container_cells(cells, line, container, edit)]


def _workload_cells(cells: Mapping[str, str], line: int, edit: SheetEdit) -> Iterable[Problem]:
    for column, name in WORKLOAD_FIELDS.items():
        if column not in cells:
            continue
        text = cells[column]
        value: Any = text or None
        if name in ("replicas", "version") and text:
            if not (text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS):
                yield Problem(line, column, sentence("workloads.not_a_number", text=repr(text[:MAX_DIGITS])))
                continue
            value = int(text)
        before = edit.version if name == "version" else edit.changes.get(name, value)
        if len(edit.lines) > 1 and before != value:
            message = sentence("workloads.another_line", line=edit.first_line, value=repr(before))
            yield Problem(line, column, message)
        elif name == "version":
            edit.version = value
        else:
            edit.changes[name] = value


def _container_cells(cells: Mapping[str, str], line: int, container: str, edit: SheetEdit) -> Iterable[Problem]:
    fields = {name: cells[f"manual_{name}"] or None for name in RESOURCES if f"manual_{name}" in cells}
    if not container:
        if with_value := [name for name, value in fields.items() if value]:
            yield Problem(line, f"manual_{with_value[0]}", sentence("workloads.no_container_named"))
        return
    edit.changes.setdefault("containers", {})[container] = fields
