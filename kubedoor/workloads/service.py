"""The use cases of the control table: list workloads, read their history, edit manual values.

Collected values are never written here. An edit is based on a version: a stale one is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from kubedoor import quantities
from kubedoor.errors import InvalidInput, KubeDoorError, NotFound
from kubedoor.identity.audit import Editor, audited
from kubedoor.model.usage import UsageDay
from kubedoor.model.values import ManualValues, Mode, Resources, WorkloadKey
from kubedoor.store.conditions import Acceptance, ConditionStore
from kubedoor.store.connection import Row
from kubedoor.store.control import ControlStore, stale
from kubedoor.store.records import RecordStore
from kubedoor.store.usage import UsageStore
from kubedoor.workloads.conditions import shown_conditions, withheld_fields, withheld_replicas
from kubedoor.workloads.deployment_columns import container_columns
from kubedoor.workloads.listing import Filter, Key, Listing
from kubedoor.workloads.listing_cache import ListingCache

MAX_REPLICAS = 100_000
NEWEST_USAGE_DAYS = 31
"""Usage days that are older do not count as newest usage."""
_REQUESTS_AND_LIMITS = (
    ("cpu_request_millicores", "cpu_limit_millicores"),
    ("memory_request_bytes", "memory_limit_bytes"),
)
FIELDS = {
    "cpu_request": ("cpu_request_millicores", quantities.cpu_millicores),
    "memory_request": ("memory_request_bytes", quantities.memory_bytes),
    "cpu_limit": ("cpu_limit_millicores", quantities.cpu_millicores),
    "memory_limit": ("memory_limit_bytes", quantities.memory_bytes),
}


@dataclass(frozen=True)
class Edit:
    """Changes to manual values. An absent field stays unchanged, but an absent note is emptied; None unsets a field."""

    version: int
    changes: Mapping[str, Any]
    """Keys: mode, replicas, note, containers (container name -> one of FIELDS -> a quantity or None)."""


class Workloads:
    def __init__(
        self,
        *,
        cluster: str,
        control: ControlStore,
        conditions: ConditionStore,
        listing: ListingCache,
        usage: UsageStore,
        records: RecordStore,
        now: Callable[[], datetime],
    ) -> None:
        self._cluster = cluster
        self._control = control
        self._conditions = conditions
        self._listing = listing
        self._usage = usage
        self._records = records
        self._now = now

    def page(self, wanted: Filter, *, sort: str, descending: bool, page: int, page_size: int) -> tuple[list[Row], int]:
        """One page of workloads with their containers, and the number of all matching workloads."""
        listing = self._listing.current(since=self._since())
        offset = (page - 1) * page_size
        rows, total = listing.page(wanted, sort=sort, descending=descending, limit=page_size, offset=offset)
        self._add_containers(listing, rows)
        self._add_conditions(rows)
        return rows, total

    def one(self, key: WorkloadKey) -> Row:
        """One workload with its containers. Raises NotFound."""
        self._check_cluster(key)
        listing = self._listing.current(since=self._since())
        if (row := listing.one((key.namespace, key.deployment))) is None:
            raise _not_found(key)
        self._add_containers(listing, [row])
        self._add_conditions([row])
        row["manual"] = asdict(self._control.manual(key))
        return row

    def _since(self) -> date:
        return (self._now() - timedelta(days=NEWEST_USAGE_DAYS)).date()

    def _add_containers(self, listing: Listing, rows: list[Row]) -> None:
        keys = [(row["namespace"], row["deployment"]) for row in rows]
        usage = {
            (row["namespace"], row["deployment"], row["container"]): row
            for row in (self._listing.store.newest_usage(keys, since=self._since()) if keys else ())
        }
        states = self._listing.store.deployments.of_many(keys) if keys else {}
        containers: dict[Key, list[Row]] = {key: [] for key in keys}
        for row in listing.containers(keys):
            if row["container"]:
                key = (row["namespace"], row["deployment"])
                newest = usage.get((*key, row["container"]))
                in_deployment = container_columns(states.get(key), row["container"])
                containers[key].append({**row, **in_deployment, "newest": newest, "withheld": withheld_fields(row)})
        for row in rows:
            row["containers"] = containers[(row["namespace"], row["deployment"])]

    def _add_conditions(self, rows: list[Row]) -> None:
        """Parsed here and not in the listing, which has the JSON of every workload."""
        accepted = [(row["namespace"], row["deployment"]) for row in rows if row["accepted"]]
        acceptances: dict[Key, list[Acceptance]] = {}
        for one in self._conditions.acceptances(accepted) if accepted else ():
            acceptances.setdefault((one.namespace, one.deployment), []).append(one)
        for row in rows:
            row["conditions"] = shown_conditions(row, acceptances.get((row["namespace"], row["deployment"]), ()))
            row["withheld_replicas"] = withheld_replicas(row)

    def acceptances(self, key: WorkloadKey) -> list[Acceptance]:
        """The newest word about each condition of a workload, newest first. Raises NotFound."""
        self._existing_rows(key)
        return self._conditions.acceptances([(key.namespace, key.deployment)])

    def history(self, key: WorkloadKey, *, days: int) -> list[UsageDay]:
        """Usage days of one workload, oldest first. Raises NotFound."""
        self._existing_rows(key)
        today = self._now().date()
        wanted = [today - timedelta(days=back) for back in range(-1, days)]
        return self._usage.history(wanted, namespace=key.namespace, deployment=key.deployment)

    def edits(self, key: WorkloadKey, *, limit: int) -> list[ManualValues]:
        """The workload's edits, newest first. Raises NotFound."""
        self._existing_rows(key)
        return self._control.edits(key, limit=limit)

    def edit(self, key: WorkloadKey, edit: Edit, editor: Editor) -> ManualValues:
        """Apply changes to the manual values.

        Nothing is written if it raises: NotFound, Conflict (`edit.version` is stale), or InvalidInput with the field.
        """
        before = self._control.manual(key)
        after = self.plan_edit(key, self._existing_rows(key), before, edit)
        shown = {**_summary(after), "based_on": edit.version}
        with audited(self._records, editor, "workload.edit", str(key), before=_summary(before), after=shown):
            return self._control.edit(key, after, based_on=edit.version, who=editor.who)

    def plan_edit(self, key: WorkloadKey, rows: list[Row], before: ManualValues, edit: Edit) -> ManualValues:
        """`before` with `edit` applied, not written; `rows` are those of the view `control`. Raises as `edit`."""
        if not rows:
            raise _not_found(key)
        if before.version != edit.version:
            raise stale(key, edit.version, before)
        after = _changed(before, edit.changes)
        _check_limits(rows, after, edit.changes)
        return after

    def all_with_manual(self) -> dict[WorkloadKey, tuple[list[Row], ManualValues]]:
        """All workloads with their rows of the view `control` and their manual values, in two queries."""
        manual = self._control.all_manual()
        workloads: dict[WorkloadKey, tuple[list[Row], ManualValues]] = {}
        for row in self._control.control_rows():
            key = WorkloadKey(self._cluster, row["namespace"], row["deployment"])
            workloads.setdefault(key, ([], manual.get(key, ManualValues())))[0].append(row)
        return workloads

    def edit_many(
        self, edits: Mapping[WorkloadKey, Edit], editor: Editor
    ) -> list[tuple[WorkloadKey, ManualValues | KubeDoorError]]:
        """Apply each edit independently; the result of a failed one is its error."""
        results: list[tuple[WorkloadKey, ManualValues | KubeDoorError]] = []
        for key, edit in edits.items():
            try:
                results.append((key, self.edit(key, edit, editor)))
            except KubeDoorError as error:
                results.append((key, error))
        return results

    def _existing_rows(self, key: WorkloadKey) -> list[Row]:
        self._check_cluster(key)
        if not (rows := self._control.control_rows_of(key)):
            raise _not_found(key)
        return rows

    def _check_cluster(self, key: WorkloadKey) -> None:
        if key.cluster != self._cluster:
            raise NotFound(f"there is no cluster {key.cluster!r} here: there is {self._cluster}")


def _not_found(key: WorkloadKey) -> NotFound:
    return NotFound(f"{key.namespace}/{key.deployment} is not in the control table: collect first, or check the name")


def _changed(before: ManualValues, changes: Mapping[str, Any]) -> ManualValues:
    after = before
    if "mode" in changes:
        after = replace(after, mode=_mode(changes["mode"]))
    if "replicas" in changes:
        after = replace(after, replicas=_replicas(changes["replicas"]))
    after = replace(after, note=str(changes.get("note") or ""))
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
        raise InvalidInput(f"mode must be one of {', '.join(Mode)}", field="mode") from None


def _replicas(value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_REPLICAS:
        raise InvalidInput(f"replicas must be a whole number from 0 to {MAX_REPLICAS}", field="replicas")
    return value


def _resources(name: str, before: Resources, fields: Mapping[str, Any]) -> Resources:
    changed: dict[str, int | None] = {}
    for field, quantity in fields.items():
        where = f"containers.{name}.{field}"
        if field not in FIELDS:
            raise InvalidInput(f"unknown field {field}: there are {', '.join(FIELDS)}", field=where)
        changed[FIELDS[field][0]] = None if quantity is None else _amount(field, quantity, where)
    return replace(before, **changed)


def _amount(field: str, quantity: Any, where: str) -> int:
    column, read = FIELDS[field]
    try:
        amount = read(quantity)
    except KubeDoorError as error:
        raise InvalidInput(error.message, field=where) from error
    largest = 2**32 if column.endswith("_millicores") else 2**63
    if not 0 < amount < largest:
        raise InvalidInput(
            f"{field} must be more than zero and less than {largest} {column.rpartition('_')[2]}", field=where
        )
    return amount


def _check_limits(rows: list[Row], after: ManualValues, changes: Mapping[str, Any]) -> None:
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
            if request is not None and limit is not None and request > limit:
                write = quantities.format_cpu if resource == "cpu" else quantities.format_memory
                raise InvalidInput(
                    f"{resource}_request {write(request)} of container {name} is above its limit {write(limit)}:"
                    " lower it, or raise the limit in the same edit",
                    field=f"containers.{name}.{resource}_request",
                )


def _summary(values: ManualValues) -> dict[str, Any]:
    return {
        "version": values.version,
        "mode": values.mode,
        "replicas": values.replicas,
        "note": values.note,
        "containers": {name: asdict(resources) for name, resources in values.containers.items()},
    }
