"""Compiles rows of the view `control` into ControlValues, from which admission and operations decide. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from kubedoor.model.conditions import REPLICAS, RESOURCE_FIELDS
from kubedoor.model.facts import Facts, Observation, ObservationKind
from kubedoor.model.values import ControlContainer, ControlValues, Mode, Source, Value, WorkloadKey

UNKNOWN = ControlValues(known=False)
"""A workload that is not in the control table."""
_NEVER = datetime.fromtimestamp(0, UTC)
"""The store's word for no time."""


def compile_rows(cluster: str, rows: Iterable[Mapping[str, Any]]) -> dict[WorkloadKey, ControlValues]:
    """`rows` must be ordered by namespace and deployment."""
    compiled = {}
    for (namespace, deployment), group in groupby(rows, key=lambda row: (row["namespace"], row["deployment"])):
        compiled[WorkloadKey(cluster, namespace, deployment)] = compile_workload(list(group))
    return compiled


def with_facts(values: ControlValues, facts: Mapping[str, Any]) -> ControlValues:
    """`values` with the facts about the Deployment: opted_out, owned, hpa. An absent fact stays unchanged."""
    return replace(
        values,
        opted_out=bool(facts.get("opted_out", values.opted_out)),
        owned=bool(facts.get("owned", values.owned)),
        hpa=bool(facts.get("hpa", values.hpa)),
    )


def facts_of(key: WorkloadKey, row: Mapping[str, Any]) -> Facts:
    """From a row of the view `facts`, whose times may be texts."""
    return Facts(
        stored=_observation(key, row, ObservationKind.STORED, opted_out="opted_out", owned="owned"),
        shown=_observation(key, row, ObservationKind.SHOWN, opted_out="shown_opted_out", owned="shown_owned"),
        creation=_observation(
            key, row, ObservationKind.CREATION, opted_out="creation_opted_out", owned="creation_owned"
        ),
        hpa=_observation(key, row, ObservationKind.HPA, hpa="hpa"),
    )


def _observation(key: WorkloadKey, row: Mapping[str, Any], kind: ObservationKind, **facts: str) -> Observation | None:
    """`facts`: a field of the observation, and its column. None where nothing of this kind was observed."""
    seen_at = _time(row[f"{kind}_seen_at"])
    if seen_at is None or seen_at == _NEVER:
        return None
    return Observation(
        key,
        kind,
        seen_at,
        uid=row.get(f"{kind}_uid", ""),
        resource_version=row.get(f"{kind}_version", 0),
        created_at=_time(row.get(f"{kind}_created_at")),
        **{field: bool(row[column]) for field, column in facts.items()},
    )


def _time(value: datetime | str | None) -> datetime | None:
    return datetime.fromisoformat(value) if isinstance(value, str) else value


def compile_workload(rows: Sequence[Mapping[str, Any]]) -> ControlValues:
    """`rows`: all of one workload."""
    first = rows[0]
    return ControlValues(
        mode=Mode(first["mode"]),
        replicas=_value(first, "replicas"),
        withheld_replicas=_types(first.get("withheld_replicas", ()), REPLICAS),
        containers={row["container"]: _container(row) for row in rows if row["container"]},
        hpa=bool(first["hpa"]),
        opted_out=bool(first["opted_out"]),
        owned=bool(first["owned"]),
        version=first["version"],
        peak_day=first["peak_day"],
    )


def _container(row: Mapping[str, Any]) -> ControlContainer:
    return ControlContainer(
        cpu_request_millicores=_value(row, "cpu_request_millicores"),
        memory_request_bytes=_value(row, "memory_request_bytes"),
        cpu_limit_millicores=_value(row, "cpu_limit_millicores"),
        memory_limit_bytes=_value(row, "memory_limit_bytes"),
        withheld={name: types for name in RESOURCE_FIELDS if (types := _types(row.get("withheld", ()), name))},
    )


def _types(withheld: Iterable[str], name: str) -> tuple[str, ...]:
    """The condition types of `field:type` entries of one field."""
    return tuple(entry.partition(":")[2] for entry in withheld if entry.partition(":")[0] == name)


def _value(row: Mapping[str, Any], name: str) -> Value | None:
    if row[name] is None:
        return None
    return Value(row[name], Source.COLLECTED if row[f"manual_{name}"] is None else Source.MANUAL)
