"""Manual values of workloads, edited by one person at a time."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from typing import Any

from kubedoor.errors import Conflict
from kubedoor.model.values import ManualValues, Mode, Resources, WorkloadKey
from kubedoor.sentences import sentence
from kubedoor.store.connection import Row
from kubedoor.store.control_table import ControlTable

_RESOURCES = ("cpu_request_millicores", "memory_request_bytes", "cpu_limit_millicores", "memory_limit_bytes")


class ManualStore(ControlTable):
    """The control table, and the manual values in it. All methods raise StoreError."""

    def manual(self, key: WorkloadKey) -> ManualValues:
        """The current manual values; version 0 if there never were any."""
        rows = self._connection.rows(
            "SELECT * FROM manual_current WHERE cluster = {cluster:String} AND namespace = {namespace:String}"
            " AND deployment = {deployment:String}",
            cluster=self._cluster,
            namespace=key.namespace,
            deployment=key.deployment,
        )
        return _manual(rows[0]) if rows else ManualValues()

    def all_manual(self) -> dict[WorkloadKey, ManualValues]:
        """The current manual values of each workload that ever had any."""
        rows = self._connection.rows(
            "SELECT * FROM manual_current WHERE cluster = {cluster:String}", cluster=self._cluster
        )
        return {WorkloadKey(self._cluster, row["namespace"], row["deployment"]): _manual(row) for row in rows}

    def edits(self, key: WorkloadKey, *, limit: int) -> list[ManualValues]:
        """The edits of a workload, newest first."""
        rows = self._connection.rows(
            "SELECT * FROM manual WHERE cluster = {cluster:String} AND namespace = {namespace:String}"
            " AND deployment = {deployment:String} ORDER BY version DESC LIMIT {limit:UInt32}",
            cluster=self._cluster,
            namespace=key.namespace,
            deployment=key.deployment,
            limit=limit,
        )
        return [_manual(row) for row in rows]

    def edit(self, key: WorkloadKey, values: ManualValues, *, based_on: int, who: str) -> ManualValues:
        """Replace all manual values of a workload.

        Raises Conflict, with the current version in its details, if `based_on` is stale. Of two concurrent edits the
        server keeps the first.
        """
        current = self.manual(key)
        if current.version != based_on:
            raise stale(key, based_on, current)
        edit = uuid.uuid4()
        version = based_on + 1
        names = list(values.containers)
        row: dict[str, Any] = {
            "cluster": self._cluster,
            "namespace": key.namespace,
            "deployment": key.deployment,
            "version": version,
            "edit": edit,
            "edited_by": who,
            "note": values.note,
            "mode": values.mode or "",
            "replicas": values.replicas,
            "containers.name": names,
        }
        for resource in _RESOURCES:
            row[f"containers.{resource}"] = [getattr(values.containers[name], resource) for name in names]
        token = f"{self._cluster}/{key.namespace}/{key.deployment}/{version}"
        self._connection.insert("manual", [row], token=token)
        winner = self._connection.rows(
            "SELECT edit FROM manual WHERE cluster = {cluster:String} AND namespace = {namespace:String}"
            " AND deployment = {deployment:String} AND version = {version:UInt32} ORDER BY edit LIMIT 1",
            cluster=self._cluster,
            namespace=key.namespace,
            deployment=key.deployment,
            version=version,
        )
        now = self.manual(key)
        if not winner or winner[0]["edit"] != edit:
            raise stale(key, based_on, now)
        return now

    def manual_of_each(self, keys: Collection[WorkloadKey]) -> dict[WorkloadKey, ManualValues]:
        """As `manual`, of many workloads in one query; absent where there never were any."""
        rows = self._rows_of("SELECT * FROM manual_current", keys)
        return {key_of(self._cluster, row): _manual(row) for row in rows}

    def _rows_of(self, select: str, keys: Collection[WorkloadKey], order: str = "") -> list[Row]:
        return self._connection.rows(
            f"{select} WHERE cluster = {{cluster:String}}"
            f" AND (namespace, deployment) IN {{names:Array(Tuple(String, String))}} {order}",
            cluster=self._cluster,
            names=[(key.namespace, key.deployment) for key in keys],
        )


def key_of(cluster: str, row: Row) -> WorkloadKey:
    return WorkloadKey(cluster, row["namespace"], row["deployment"])


def stale(key: WorkloadKey, based_on: int, current: ManualValues) -> Conflict:
    """The error for an edit that is based on an older version."""
    message = sentence(
        "workloads.stale",
        workload=f"{key.namespace}/{key.deployment}",
        version=current.version,
        who=current.edited_by or sentence("common.nobody"),
        based_on=based_on,
    )
    return Conflict(message, field="version", version=current.version)


def _manual(row: Row) -> ManualValues:
    columns = [row[f"containers.{resource}"] for resource in _RESOURCES]
    containers = {
        name: Resources(*(column[index] for column in columns)) for index, name in enumerate(row["containers.name"])
    }
    return ManualValues(
        version=row["version"],
        mode=Mode(row["mode"]) if row["mode"] else None,
        replicas=row["replicas"],
        containers=containers,
        note=row["note"],
        edited_by=row["edited_by"],
        edited_at=row["edited_at"],
    )
