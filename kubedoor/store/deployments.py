"""States of Deployments, append-only: what their owners asked, what runs, and what the difference saves."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

import orjson

from kubedoor.model.deployments import DeploymentContainer, DeploymentState
from kubedoor.model.values import Resources
from kubedoor.store.connection import Connection, Row, only

Key = tuple[str, str]
"""(namespace, deployment)"""
SAMPLE = "sample"
"""`seen_by` of Deployments that are only in the sample data."""
SIZED_STATES = 1000
"""How many states of one Deployment are read at most."""
_RESOURCES = ("cpu_request_millicores", "memory_request_bytes", "cpu_limit_millicores", "memory_limit_bytes")
_WORKLOAD = (
    "SELECT namespace, deployment, observed_at, is_sized, replicas AS running_replicas, cpu_asked_millicores,"
    " memory_asked_bytes, cpu_running_millicores, memory_running_bytes FROM deployments_current"
    " WHERE cluster = {cluster:String} ORDER BY namespace, deployment"
)
# Within a group of days, the sum of what each change added is the change of the sum over all Deployments.
_BY_DAY = """
    SELECT greatest(toDate(observed_at, {time_zone:String}), {before:Date}) AS day, namespace,
        sum(cpu - cpu_before) AS cpu_millicores, sum(memory - memory_before) AS memory_bytes
    FROM
    (
        SELECT namespace, observed_at,
            cpu_asked_millicores - cpu_running_millicores AS cpu, memory_asked_bytes - memory_running_bytes AS memory,
            lagInFrame(cpu) OVER changes AS cpu_before, lagInFrame(memory) OVER changes AS memory_before
        FROM deployment_states WHERE cluster = {cluster:String}
        WINDOW changes AS
            (PARTITION BY namespace, deployment ORDER BY observed_at ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
    )
    GROUP BY day, namespace HAVING cpu_millicores != 0 OR memory_bytes != 0 ORDER BY day, namespace
"""
_ASKED_BY_DAY = """
    SELECT greatest(toDate(observed_at, {time_zone:String}), {before:Date}) AS day,
        sum(cpu_asked_millicores - cpu_before) AS cpu_asked, sum(memory_asked_bytes - memory_before) AS memory_asked
    FROM
    (
        SELECT observed_at, cpu_asked_millicores, memory_asked_bytes,
            lagInFrame(cpu_asked_millicores) OVER changes AS cpu_before,
            lagInFrame(memory_asked_bytes) OVER changes AS memory_before
        FROM deployment_states WHERE cluster = {cluster:String}
        WINDOW changes AS
            (PARTITION BY namespace, deployment ORDER BY observed_at ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
    )
    GROUP BY day ORDER BY day
"""


class Observed(NamedTuple):
    """A state, and when and by whom (door, look or sample) it was seen last."""

    state: DeploymentState
    observed_at: datetime
    seen_by: str


class DeploymentStore:
    """The Deployments of one cluster. All methods raise StoreError."""

    def __init__(self, connection: Connection, cluster: str) -> None:
        self._connection = connection
        self._cluster = cluster

    def record(self, states: Iterable[DeploymentState], *, seen_by: str, at: datetime) -> None:
        """Of two states of one Deployment the later one is recorded. The newest `at` counts, not the last call."""
        self.record_each(((state, at) for state in states), seen_by=seen_by)

    def record_each(self, states: Iterable[tuple[DeploymentState, datetime]], *, seen_by: str) -> None:
        """As `record`, each state with its own instant; of two with the same instant the later one is recorded."""
        newest = {(state.key, at): state for state, at in states}
        rows = [{**self._row(key, at, seen_by), **_columns(state)} for (key, at), state in newest.items()]
        if rows:
            # The door's thread that writes takes the time from its event loop, so as little as possible is done to a row.
            lines = [orjson.dumps(list(row.values())) for row in rows]
            self._connection.insert_lines("deployment_states", list(rows[0]), lines, token=uuid.uuid4().hex)

    def record_gone(self, keys: Iterable[Key], *, at: datetime, seen_by: str = "look") -> None:
        """These Deployments are not in the cluster any more."""
        rows = [{**self._row(key, at, seen_by), "is_gone": True} for key in keys]
        self._connection.insert("deployment_states", rows)

    def record_look(self, *, at: datetime, deployments: int) -> None:
        """All Deployments of the cluster have been seen, and what had changed has been recorded."""
        self._connection.insert("deployment_looks", [{"cluster": self._cluster, "at": at, "deployments": deployments}])

    def looked_at(self) -> datetime | None:
        """The newest look at the cluster; None: there was none for 30 days."""
        row = only(
            self._connection.rows(
                "SELECT maxOrNull(at) AS at FROM deployment_looks WHERE cluster = {cluster:String}",
                cluster=self._cluster,
            )
        )
        at: datetime | None = row["at"]
        return at

    def _row(self, key: Key, at: datetime, seen_by: str) -> Row:
        namespace, deployment = key
        where = {"cluster": self._cluster, "namespace": namespace, "deployment": deployment}
        return {**where, "observed_at": at, "seen_by": seen_by}

    def current(self) -> dict[Key, DeploymentState]:
        """The newest state of each Deployment, without those that are gone."""
        return {key: one.state for key, one in self.observed().items()}

    def observed(self) -> dict[Key, Observed]:
        """As `current`, with when and by whom each was seen."""
        rows = self._connection.rows(
            "SELECT * FROM deployments_current WHERE cluster = {cluster:String} ORDER BY namespace, deployment",
            cluster=self._cluster,
        )
        return {one.state.key: one for one in map(_observed, rows)}

    def of(self, namespace: str, deployment: str) -> DeploymentState | None:
        """None: never seen, or gone."""
        return self.of_many([(namespace, deployment)]).get((namespace, deployment))

    def of_many(self, keys: Sequence[Key]) -> dict[Key, DeploymentState]:
        """As `of`, in one query whose cost does not grow with the number of Deployments."""
        return {key: one.state for key, one in self.observed_of(keys).items()}

    def last_admitted(self, keys: Collection[Key] | None = None) -> dict[Key, Observed]:
        """What the door stored last of each of these Deployments, whatever has been seen of them since; None: of all."""
        some = "" if keys is None else " AND (namespace, deployment) IN {keys:Array(Tuple(String, String))}"
        rows = self._connection.rows(
            "SELECT * FROM deployment_states WHERE cluster = {cluster:String} AND seen_by = 'door'"
            f"{some} ORDER BY observed_at DESC LIMIT 1 BY namespace, deployment",
            cluster=self._cluster,
            **({} if keys is None else {"keys": list(keys)}),
        )
        return {one.state.key: one for one in map(_observed, rows)}

    def admitted_at(self) -> dict[Key, datetime]:
        """When the door stored something of each Deployment last."""
        _, rows = self._connection.table(
            "SELECT namespace, deployment, max(observed_at) FROM deployment_states"
            " WHERE cluster = {cluster:String} AND seen_by = 'door' GROUP BY namespace, deployment",
            cluster=self._cluster,
        )
        return {(namespace, deployment): at for namespace, deployment, at in rows}

    def observed_of(self, keys: Sequence[Key]) -> dict[Key, Observed]:
        """As `of_many`, with when and by whom each was seen."""
        rows = self._connection.rows(
            "SELECT * FROM (SELECT * FROM deployment_states WHERE cluster = {cluster:String}"
            " AND (namespace, deployment) IN {keys:Array(Tuple(String, String))}"
            " ORDER BY observed_at DESC, is_gone LIMIT 1 BY namespace, deployment) WHERE NOT is_gone",
            cluster=self._cluster,
            keys=list(keys),
        )
        return {one.state.key: one for one in map(_observed, rows)}

    def sized(self, namespace: str, deployment: str) -> list[DeploymentState]:
        """What the door has stored for one Deployment where it had replaced something, the newest first."""
        rows = self._connection.rows(
            "SELECT * FROM deployment_states WHERE cluster = {cluster:String} AND namespace = {namespace:String}"
            " AND deployment = {deployment:String} AND seen_by = 'door' AND is_sized"
            " ORDER BY observed_at DESC LIMIT {limit:UInt32}",
            cluster=self._cluster,
            namespace=namespace,
            deployment=deployment,
            limit=SIZED_STATES,
        )
        return [_observed(row).state for row in rows]

    def revision(self) -> tuple[int, datetime | None]:
        """Changes whenever a state is recorded; cheap."""
        row = only(
            self._connection.rows(
                "SELECT count() AS states, maxOrNull(observed_at) AS newest FROM deployment_states"
                " WHERE cluster = {cluster:String}",
                cluster=self._cluster,
            )
        )
        return row["states"], row["newest"]

    def workloads(self) -> tuple[Sequence[str], list[tuple[Any, ...]]]:
        """For the list: column names and one row for each Deployment, with the sums over its pods, ordered by name."""
        return self._connection.table(_WORKLOAD, cluster=self._cluster)

    def savings(self) -> list[Row]:
        """By namespace: what owners asked, how much of it the door has taken off, and the number of sized Deployments.

        Sums over all pods, as these are scheduled. Negative: the door has given more than was asked.
        """
        return self._connection.rows(
            "SELECT namespace, countIf(is_sized) AS workloads,"
            " sum(c.cpu_asked_millicores - c.cpu_running_millicores) AS cpu_millicores,"
            " sum(c.memory_asked_bytes - c.memory_running_bytes) AS memory_bytes,"
            " sum(c.cpu_asked_millicores) AS cpu_asked_millicores, sum(c.memory_asked_bytes) AS memory_asked_bytes"
            " FROM deployments_current AS c WHERE cluster = {cluster:String} GROUP BY namespace ORDER BY namespace",
            cluster=self._cluster,
        )

    def savings_by_day(self, since: date, *, until: date, time_zone: str = "UTC") -> Iterator[Row]:
        """What was saved at the end of each local day from `since` to `until`: one row for each day and namespace.

        A namespace without savings on a day has no row.
        """
        before = since - timedelta(days=1)
        changes = self._connection.rows(_BY_DAY, cluster=self._cluster, before=before, time_zone=time_zone)
        by_day: dict[date, list[Row]] = {}
        for change in changes:
            by_day.setdefault(change["day"], []).append(change)
        return _running_sums(by_day, before, until)

    def asked_by_day(self, since: date, *, until: date, time_zone: str = "UTC") -> list[Row]:
        """What owners asked at the end of each local day from `since` to `until`, of all Deployments there were."""
        before = since - timedelta(days=1)
        changes = self._connection.rows(_ASKED_BY_DAY, cluster=self._cluster, before=before, time_zone=time_zone)
        by_day = {change["day"]: change for change in changes}
        days, cpu, memory = [], 0, 0
        for ahead in range((until - before).days + 1):
            if change := by_day.get(day := before + timedelta(days=ahead)):
                cpu, memory = cpu + change["cpu_asked"], memory + change["memory_asked"]
            days.append({"day": day, "cpu_asked_millicores": cpu, "memory_asked_bytes": memory})
        return days[1:]


def _running_sums(changes: Mapping[date, Iterable[Row]], before: date, until: date) -> Iterator[Row]:
    sums: dict[str, tuple[int, int]] = {}
    for back in range((until - before).days + 1):
        day = before + timedelta(days=back)
        for change in changes.get(day, ()):
            cpu, memory = sums.get(change["namespace"], (0, 0))
            sums[change["namespace"]] = cpu + change["cpu_millicores"], memory + change["memory_bytes"]
        if back:
            for namespace, (cpu, memory) in sorted(sums.items()):
                if cpu or memory:
                    yield {"day": day, "namespace": namespace, "cpu_millicores": cpu, "memory_bytes": memory}


def _columns(state: DeploymentState) -> dict[str, Any]:
    containers = state.containers
    columns: dict[str, Any] = {
        "replicas": state.replicas,
        "is_sized": state.is_sized,
        "init_containers": list(state.init_containers),
        "has_pod_resources": state.has_pod_resources,
        "generation": state.generation,
        "containers.name": [one.name for one in containers],
        "containers.is_sidecar": [one.is_sidecar for one in containers],
    }
    for name in _RESOURCES:
        columns[f"containers.asked_{name}"] = [getattr(one.asked, name) for one in containers]
        columns[f"containers.running_{name}"] = [getattr(one.runs, name) for one in containers]
    return columns


def _observed(row: Row) -> Observed:
    containers = tuple(
        DeploymentContainer(
            name=name,
            is_sidecar=row["containers.is_sidecar"][index],
            asked=_resources(row, "asked", index),
            runs=_resources(row, "running", index),
        )
        for index, name in enumerate(row["containers.name"])
    )
    state = DeploymentState(
        namespace=row["namespace"],
        deployment=row["deployment"],
        replicas=row["replicas"],
        containers=containers,
        is_sized=row["is_sized"],
        init_containers=tuple(row["init_containers"]),
        has_pod_resources=row["has_pod_resources"],
        generation=row["generation"],
    )
    return Observed(state, row["observed_at"], row["seen_by"])


def _resources(row: Row, kind: str, index: int) -> Resources:
    return Resources(*(row[f"containers.{kind}_{name}"][index] for name in _RESOURCES))
