"""Edits of manual values: what a person changes, checked and applied. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from kubedoor import quantities
from kubedoor.errors import InvalidInput, KubeDoorError
from kubedoor.model.values import ManualValues, Mode, Resources
from kubedoor.sentences import sentence

MAX_REPLICAS = 100_000
_REQUESTS_AND_LIMITS = (
    ("cpu_request_millicores", "cpu_limit_millicores"),
    ("memory_request_bytes", "memory_limit_bytes"),
)
FIELDS = {
    "cpu_request": ("cpu_request_millicores", quantities.cpu_millicores),
    "memory_request": ("memory_request_bytes", quantities.settable_memory),
    "cpu_limit": ("cpu_limit_millicores", quantities.cpu_millicores),
    "memory_limit": ("memory_limit_bytes", quantities.settable_memory),
}


@dataclass(frozen=True)
class Edit:
    """Changes to manual values. An absent field stays unchanged; None unsets a field."""

    version: int
    changes: Mapping[str, Any]
    """Keys: mode, replicas, note, containers (container name -> one of FIELDS -> a quantity or None)."""


def changed(before: ManualValues, changes: Mapping[str, Any]) -> ManualValues:
    after = before
    if "mode" in changes:
        after = replace(after, mode=_mode(changes["mode"]))
    if "replicas" in changes:
        after = replace(after, replicas=_replicas(changes["replicas"]))
    if "note" in changes:
        after = replace(after, note=str(changes["note"] or ""))
    containers = dict(before.containers)
    for name, fields in (changes.get("containers") or {}).items():
        containers[name] = _resources(name, containers.get(name, Resources()), fields or {})
    return replace(after, containers={name: values for name, values in containers.items() if values != Resources()})


def _mode(value: Any) -> Mode | None:
    if value is None:
        return None
    try:
        return Mode(value)
    except ValueError:
        raise InvalidInput(sentence("workloads.bad_mode", modes=", ".join(Mode)), field="mode") from None


def _replicas(value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_REPLICAS:
        raise InvalidInput(sentence("workloads.bad_replicas", most=MAX_REPLICAS), field="replicas")
    return value


def _resources(name: str, before: Resources, fields: Mapping[str, Any]) -> Resources:
    changed: dict[str, int | None] = {}
    for field, quantity in fields.items():
        where = f"containers.{name}.{field}"
        if field not in FIELDS:
            raise InvalidInput(sentence("workloads.unknown_field", field=field, fields=", ".join(FIELDS)), field=where)
        column = FIELDS[field][0]
        amount = None if quantity is None else _amount(field, quantity, where)
        if (
            amount is not None
            and column.endswith("_bytes")
            and quantities.memory_bytes(quantity) == getattr(before, column)
        ):
            # Stored before fractions were rounded: it comes back as it was sent out, and is no change.
            amount = getattr(before, column)
        changed[column] = amount
    return replace(before, **changed)


def _amount(field: str, quantity: Any, where: str) -> int:
    column, read = FIELDS[field]
    try:
        amount = read(quantity)
    except KubeDoorError as error:
        raise InvalidInput(error.message, field=where) from error
    largest = 2**32 if column.endswith("_millicores") else 2**63
    if not 0 < amount < largest:
        unit = column.rpartition("_")[2]
        message = sentence("workloads.out_of_bounds", field=field, largest=str(largest), unit=unit)
        raise InvalidInput(message, field=where)
    return amount


def check_limits(rows: Iterable[Mapping[str, Any]], after: ManualValues, changes: Mapping[str, Any]) -> None:
    """Raises InvalidInput for a request above its limit if the edit sets one of the two; the other may be collected."""
    collected = {row["container"]: row for row in rows}
    for name, fields in (changes.get("containers") or {}).items():
        values, row = after.containers.get(name, Resources()), collected.get(name, {})
        for request_column, limit_column in _REQUESTS_AND_LIMITS:
            resource = request_column.partition("_")[0]
            if not {f"{resource}_request", f"{resource}_limit"} & {
                field for field in fields if fields[field] is not None
            }:
                continue
            request = getattr(values, request_column) or row.get(f"collected_{request_column}")
            limit = getattr(values, limit_column) or row.get(f"collected_{limit_column}")
            if request is None or limit is None:
                continue
            is_memory = resource == "memory"
            # A limit that was found may be a fraction of a byte, which a request is above by rounding alone.
            if request > (quantities.room_beside(limit) if is_memory else limit):
                write = quantities.readable_memory if is_memory else quantities.format_cpu
                message = sentence(
                    "workloads.above_limit",
                    resource=resource,
                    request=write(request),
                    container=name,
                    limit=write(limit),
                )
                raise InvalidInput(message, field=f"containers.{name}.{resource}_request")


def summary(values: ManualValues) -> dict[str, Any]:
    return {
        "version": values.version,
        "mode": values.mode,
        "replicas": values.replicas,
        "note": values.note,
        "containers": {name: asdict(resources) for name, resources in values.containers.items()},
    }
