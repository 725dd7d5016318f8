"""Control values as an edit would make them, before it is written: what the view `control` does, in Python. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf
from typing import Any

from kubedoor.model.conditions import CPU_LIMIT, CPU_REQUEST, LIMITS, MEMORY_LIMIT, MEMORY_REQUEST, RESOURCE_FIELDS
from kubedoor.model.values import Amount, ManualValues, Mode, Resources

Row = dict[str, Any]
_MEBIBYTE = 2**20


def with_manual(rows: Sequence[Mapping[str, Any]], manual: ManualValues, node: Amount) -> list[Row]:
    """The rows of one workload with other manual values. `node`: the largest one when the values were collected."""
    known = [row["container"] for row in rows]
    added = [{**rows[0], **_NOTHING, "container": name} for name in manual.containers if name not in known]
    return [_row(row, manual, node) for row in (*rows, *added)]


_NOTHING: Row = {
    **{f"collected_{name}": None for name in RESOURCE_FIELDS},
    "withheld": [],
    "cpu_usage_millicores": 0,
    "memory_usage_bytes": 0,
}
"""Of a container that only a person knows."""


def _row(row: Mapping[str, Any], manual: ManualValues, node: Amount) -> Row:
    values = manual.containers.get(row["container"], Resources())
    collected = None if row["withheld_replicas"] else row["collected_replicas"]
    found = {
        **row,
        **{f"manual_{name}": getattr(values, name) for name in RESOURCE_FIELDS},
        "mode": str(manual.mode or Mode.ENFORCE),
        "manual_replicas": manual.replicas,
        "replicas": collected if manual.replicas is None else manual.replicas,
    }
    withheld = {entry.partition(":")[0] for entry in row["withheld"]}
    for name in LIMITS:
        found[name] = _first(found[f"manual_{name}"], None if name in withheld else row[f"collected_{name}"])
    for name in (CPU_REQUEST, MEMORY_REQUEST):
        collected = None if name in withheld else row[f"collected_{name}"]
        if collected is not None and _has_fewer_replicas(row, manual):
            collected = _covering(name, found, collected, manual.replicas or 1, node)
        found[name] = _first(found[f"manual_{name}"], collected)
    return found


def _has_fewer_replicas(row: Mapping[str, Any], manual: ManualValues) -> bool:
    if not manual.replicas or row["collected_replicas"] is None or row["hpa"]:
        return False
    return bool(manual.replicas < max(row["collected_replicas"], row["memory_pods"]))


def _covering(name: str, row: Row, collected: int, replicas: int, node: Amount) -> int:
    """The request with which fewer replicas cover the same load, no larger than the largest node and the limit."""
    if name == CPU_REQUEST:
        share, most = -(-row["collected_replicas"] * row["cpu_usage_millicores"] // replicas), node.cpu_millicores
    else:
        load = row["memory_pods"] * row["memory_usage_bytes"]
        share, most = -(-load // (replicas * _MEBIBYTE)) * _MEBIBYTE, node.memory_bytes
    limit = row[CPU_LIMIT if name == CPU_REQUEST else MEMORY_LIMIT]
    bounds = (max(_first(most, inf), collected), _first(limit, inf))
    return int(min(max(collected, share), *bounds))


def _first(one: Any, other: Any) -> Any:
    return other if one is None else one
