"""The file of the snapshot: a header, one line for each workload, and a last line with their number.

Read and written line by line: a hundred thousand workloads are never in memory as JSON.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import orjson

from kubedoor.admission.snapshot.entry import Workload, unpack
from kubedoor.admission.snapshot.table import Table


def write(path: Path, header: Mapping[str, Any], table: Table) -> None:
    """Replace the file at once. Raises OSError; the old file then stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("wb", dir=path.parent, delete=False) as scratch:
        try:
            scratch.writelines(_lines(header, table))
            scratch.flush()
            os.replace(scratch.name, path)
        except OSError:
            Path(scratch.name).unlink(missing_ok=True)
            raise


def _lines(header: Mapping[str, Any], table: Table) -> Iterator[bytes]:
    yield orjson.dumps(header, option=orjson.OPT_APPEND_NEWLINE)
    count = 0
    for name, packed in table.packed_items():
        count += 1
        yield orjson.dumps(name) + b"\t" + packed + b"\n"
    yield orjson.dumps({"workloads": count}, option=orjson.OPT_APPEND_NEWLINE)


def read(path: Path) -> tuple[Mapping[str, Any], Table | None]:
    """The header, and the table; no table where there is no file, or it is broken or cut."""
    try:
        with path.open("rb") as lines:
            header = orjson.loads(next(lines))
            return (header, Table.of(_workloads(lines))) if isinstance(header, dict) else ({}, None)
    except (OSError, ValueError, KeyError, TypeError, StopIteration):
        return {}, None


def _workloads(lines: IO[bytes]) -> Iterator[tuple[str, Workload]]:
    for count, line in enumerate(lines):
        name, tab, packed = line.partition(b"\t")
        if tab:
            yield orjson.loads(name), unpack(packed)
        elif orjson.loads(line)["workloads"] == count:
            return
        else:
            break
    raise ValueError("the file is cut")
