"""One workload of the snapshot, packed: a hundred thousand of them have to fit into the memory of a door. Pure.

A packed workload is JSON of its rows of the view `control`, each a list in the order of COLUMNS, and of its facts in the
order of FACT_COLUMNS.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

import orjson

from kubedoor.control_values import UNKNOWN, compile_workload, with_facts
from kubedoor.model.values import ControlValues

_RESOURCES = ("cpu_request_millicores", "memory_request_bytes", "cpu_limit_millicores", "memory_limit_bytes")
COLUMNS = (
    *("namespace", "deployment", "container", "mode", "version", "replicas", "manual_replicas", "peak_day"),
    *("withheld", "withheld_replicas", "hpa", "opted_out", "owned"),
    *_RESOURCES,
    *(f"manual_{name}" for name in _RESOURCES),
)
"""The columns of `control` that decisions need."""
FACT_COLUMNS = (
    *("namespace", "deployment", "opted_out", "owned", "stored_uid", "stored_version", "stored_seen_at"),
    *("hpa", "hpa_uid", "hpa_version", "hpa_seen_at"),
    *("shown_opted_out", "shown_owned", "shown_uid", "shown_version", "shown_seen_at"),
    *("creation_opted_out", "creation_owned", "creation_created_at", "creation_seen_at"),
)
"""The columns of `facts` that decisions need."""
Row = Mapping[str, Any]


class Workload(NamedTuple):
    """`rows` of `control`: empty if it is not in the control table. `facts`: a row of the view `facts`, or None."""

    rows: Sequence[Row]
    facts: Row | None


def pack(workload: Workload) -> bytes:
    rows = [[row[name] for name in COLUMNS] for row in workload.rows]
    facts = [workload.facts[name] for name in FACT_COLUMNS] if workload.facts else None
    # A copy: what orjson returns keeps its buffer of 4 KiB, which is 230 MiB of 60,000 workloads.
    return bytes(memoryview(orjson.dumps([rows, facts])))


def unpack(packed: bytes) -> Workload:
    """Dates and times are texts."""
    rows, facts = orjson.loads(packed)
    return Workload(
        [dict(zip(COLUMNS, row, strict=True)) for row in rows],
        dict(zip(FACT_COLUMNS, facts, strict=True)) if facts else None,
    )


def values_of(workload: Workload) -> ControlValues:
    """The control values; UNKNOWN with its facts for a workload that is not in the control table."""
    if not workload.rows:
        return with_facts(UNKNOWN, workload.facts or {})
    return compile_workload([{**row, "peak_day": _day(row["peak_day"])} for row in workload.rows])


def _day(value: Any) -> date | None:
    return date.fromisoformat(value) if isinstance(value, str) and value else value or None


def name_of(row: Row) -> str:
    return f"{row['namespace']}/{row['deployment']}"


def workloads_of(rows: Iterable[Row], facts: Iterable[Row]) -> Iterator[tuple[str, Workload]]:
    """Rows and facts joined by workload: (`namespace/deployment`, workload). `rows` must be ordered by workload."""
    facts_by_name = {name_of(one): one for one in facts}
    group: list[Row] = []
    for row in rows:
        if group and (row["deployment"], row["namespace"]) != (group[0]["deployment"], group[0]["namespace"]):
            yield _joined(group, facts_by_name)
            group = []
        group.append(row)
    if group:
        yield _joined(group, facts_by_name)
    for name, fact in facts_by_name.items():
        yield name, Workload((), fact)


def _joined(group: list[Row], facts_by_name: dict[str, Row]) -> tuple[str, Workload]:
    name = name_of(group[0])
    return name, Workload(group, facts_by_name.pop(name, None))
