"""Collected values and facts of workloads, and the view `control`: manual values over collected ones."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING

from kubedoor.control_values import UNKNOWN, compile_rows, facts_of, with_facts
from kubedoor.model.facts import Facts, Observation
from kubedoor.model.values import Amount, ControlValues, WorkloadKey
from kubedoor.store.connection import Row, only
from kubedoor.store.manual import ManualStore, key_of

if TYPE_CHECKING:
    from kubedoor.model.collected import CollectedValues
    from kubedoor.model.conditions import ConditionType

_WRITTEN_AT_ONCE = 2000
"""Workloads per insert of collected values."""


class ControlStore(ManualStore):
    """Control values of one cluster: read, edited, replaced by a collection."""

    def replace_collected(self, values: Sequence[CollectedValues], *, run: int, rule: str) -> None:
        """Atomically replace all collected values; a workload that is not in `values` loses its own."""
        # Here and below: a door neither collects nor reads conditions, and starts sooner without them.
        from kubedoor.store.collected import collected_rows
        from kubedoor.store.waiting import WaitingStore

        row_count = 0
        # In pieces: as rows of columns all values are many times as large. The marker makes them visible together.
        for first in range(0, len(values), _WRITTEN_AT_ONCE):
            piece = values[first : first + _WRITTEN_AT_ONCE]
            rows = [row for value in piece for row in collected_rows(self._cluster, run, value)]
            self._connection.insert("collected_rows", rows)
            row_count += len(rows)
        marker = {"cluster": self._cluster, "run": run, "sizing_rule": rule, "row_count": row_count}
        self._connection.insert("collected_runs", [marker])
        WaitingStore(self._connection, self._cluster).record(run)

    def prune(self) -> None:
        """Delete rows of superseded runs, all but the newest two of them: running queries may still read those.

        Raises StoreError.
        """
        runs = self._connection.rows(
            "SELECT run FROM collected_runs WHERE cluster = {cluster:String} ORDER BY run DESC LIMIT 1 OFFSET 2",
            cluster=self._cluster,
        )
        # NB: replicated tables refuse a DELETE with a subquery.
        if runs:
            self._connection.command(
                "DELETE FROM collected_rows WHERE cluster = {cluster:String} AND run < {run:UInt64}",
                cluster=self._cluster,
                run=runs[0]["run"],
            )

    def control_rows(self) -> list[Row]:
        """All rows of `control`."""
        return self._connection.rows(f"{_CONTROL} WHERE cluster = {{cluster:String}} {_ORDER}", cluster=self._cluster)

    def control_rows_of(self, key: WorkloadKey) -> list[Row]:
        """The rows of one workload; empty if it is not in the control table."""
        return self._connection.rows(
            f"{_CONTROL} WHERE cluster = {{cluster:String}} AND namespace = {{namespace:String}}"
            f" AND deployment = {{deployment:String}} {_ORDER}",
            cluster=self._cluster,
            namespace=key.namespace,
            deployment=key.deployment,
        )

    def conditions(self) -> dict[tuple[str, str], dict[ConditionType, datetime]]:
        """Since when each condition of each (namespace, deployment) has held, by the current run."""
        from kubedoor.store.conditions import conditions_of, since_by_type

        rows = self._connection.rows(
            "SELECT namespace, deployment, any(c.conditions) AS conditions FROM collected AS c WHERE cluster = {cluster:String}"
            " AND c.conditions != '[]' GROUP BY namespace, deployment",
            cluster=self._cluster,
        )
        return {(row["namespace"], row["deployment"]): since_by_type(conditions_of(row)) for row in rows}

    def rows_of_each(self, keys: Collection[WorkloadKey]) -> dict[WorkloadKey, list[Row]]:
        """As `control_rows_of`, of many workloads in one query; absent where there are none."""
        found: dict[WorkloadKey, list[Row]] = {}
        for row in self._rows_of(_CONTROL, keys, _ORDER):
            found.setdefault(key_of(self._cluster, row), []).append(row)
        return found

    def refreshed_at(self) -> datetime | None:
        """Time of the newest run; None if there was none."""
        row = only(
            self._connection.rows(
                "SELECT maxOrNull(refreshed_at) AS at FROM collected_runs WHERE cluster = {cluster:String}",
                cluster=self._cluster,
            )
        )
        at: datetime | None = row["at"]
        return at

    def values_of(self, key: WorkloadKey) -> ControlValues:
        """The input of the door's decision, read from the tables instead of the snapshot; facts even without values."""
        return self.values_of_each([key])[key]

    def values_of_each(self, keys: Collection[WorkloadKey]) -> dict[WorkloadKey, ControlValues]:
        """As `values_of`, of many workloads in two queries."""
        rows = self._rows_of(_CONTROL, keys, _ORDER)
        compiled = compile_rows(self._cluster, rows)
        unknown = [key for key in keys if key not in compiled]
        facts = {key_of(self._cluster, row): row for row in self._fact_rows(unknown)}
        return {key: compiled.get(key) or with_facts(UNKNOWN, facts.get(key, {})) for key in keys}

    def facts_of_each(self, keys: Collection[WorkloadKey]) -> dict[WorkloadKey, Facts]:
        rows = {key_of(self._cluster, row): row for row in self._fact_rows(keys)}
        return {key: facts_of(key, rows[key]) if key in rows else Facts() for key in keys}

    def _fact_rows(self, keys: Collection[WorkloadKey]) -> list[Row]:
        return self._rows_of("SELECT * EXCEPT (cluster) FROM facts", keys) if keys else []

    def record_facts(self, observations: Iterable[Observation], *, seen_by: str) -> None:
        """Record what was seen of Deployments, in any order: the newest observation of a kind counts."""
        self._connection.insert(
            "workload_observations",
            [
                {
                    "cluster": self._cluster,
                    "namespace": one.key.namespace,
                    "deployment": one.key.deployment,
                    "kind": str(one.kind),
                    "uid": one.uid,
                    "resource_version": one.resource_version,
                    "opted_out": one.opted_out,
                    "owned": one.owned,
                    "hpa": one.hpa,
                    "created_at": one.created_at,
                    "seen_at": one.seen_at,
                    "seen_by": seen_by,
                }
                for one in observations
            ],
        )

    def hpa_workloads(self) -> set[tuple[str, str]]:
        """(namespace, deployment) of each workload in the control table that an HPA scales, for all that is known."""
        rows = self._connection.rows(
            "SELECT DISTINCT namespace, deployment FROM control WHERE cluster = {cluster:String} AND hpa",
            cluster=self._cluster,
        )
        return {(row["namespace"], row["deployment"]) for row in rows}

    def workloads(self) -> set[tuple[str, str]]:
        """(namespace, deployment) of each workload in the control table."""
        rows = self._connection.rows(
            "SELECT DISTINCT namespace, deployment FROM control WHERE cluster = {cluster:String}", cluster=self._cluster
        )
        return {(row["namespace"], row["deployment"]) for row in rows}

    def workloads_with_more_containers(self, count: int) -> list[tuple[str, str]]:
        """(namespace, deployment) of each workload in the control table with more containers than that, in order.

        Of its manifest, where that has been seen, or with control values.
        """
        rows = self._connection.rows(
            "SELECT namespace, deployment FROM control LEFT JOIN"
            " (SELECT namespace, deployment, length(`containers.name`) AS seen FROM deployments_current"
            " WHERE cluster = {cluster:String}) AS manifests USING (namespace, deployment)"
            " WHERE cluster = {cluster:String} GROUP BY namespace, deployment"
            " HAVING greatest(uniqExact(container), max(seen)) > {count:UInt32} ORDER BY namespace, deployment",
            cluster=self._cluster,
            count=count,
        )
        return [(row["namespace"], row["deployment"]) for row in rows]

    def workload_count(self) -> int:
        row = only(
            self._connection.rows(
                "SELECT uniqExact(namespace, deployment) AS workloads FROM control WHERE cluster = {cluster:String}",
                cluster=self._cluster,
            )
        )
        return int(row["workloads"])

    def peak_days(self, key: WorkloadKey) -> tuple[date | None, date | None]:
        """CPU and memory peak day of the collected values; (None, None) if there are none."""
        # Not of the views `control` and `collected`, whose joins cost ten times and twice as much for one workload.
        rows = self._connection.rows(
            "SELECT peak_day, memory_peak_day FROM collected_rows WHERE cluster = {cluster:String}"
            " AND run = (SELECT max(run) FROM collected_runs WHERE cluster = {cluster:String})"
            " AND namespace = {namespace:String} AND deployment = {deployment:String} LIMIT 1",
            cluster=self._cluster,
            namespace=key.namespace,
            deployment=key.deployment,
        )
        return (rows[0]["peak_day"], rows[0]["memory_peak_day"]) if rows else (None, None)

    def largest_node(self, key: WorkloadKey) -> Amount:
        """The largest node when the workload's values were collected; None of each where nobody knew."""
        rows = self._connection.rows(
            "SELECT any(node_cpu_millicores) AS cpu, any(node_memory_bytes) AS memory FROM collected"
            " WHERE cluster = {cluster:String} AND namespace = {namespace:String} AND deployment = {deployment:String}"
            " GROUP BY cluster",
            cluster=self._cluster,
            namespace=key.namespace,
            deployment=key.deployment,
        )
        return Amount(rows[0]["cpu"], rows[0]["memory"]) if rows else Amount()


_CONTROL = "SELECT * EXCEPT (cluster) FROM control"
_ORDER = "ORDER BY namespace, deployment, container"
