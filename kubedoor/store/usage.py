"""Usage days, and the events of collections.

A day is replaced atomically: its rows are written under a new run number, then one row in `usage_days` makes that run
current. See sql/0001_usage.sql.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from kubedoor.model.usage import ORIGINAL_MARK, DayUsage, Peak, Peaks, StoredDay, UsageDay
from kubedoor.model.values import Resources
from kubedoor.sentences import NOTHING, Sentence
from kubedoor.store.connection import Connection, Row, only
from kubedoor.store.said import read_all_said, read_said, said_column, said_columns

PRUNE_AFTER_SECONDS = 600
"""Rows of a superseded run are kept for this time, because running queries may still read them."""
PRUNED_AT_ONCE = 200
"""Runs per statement: they are in the address of the request, which proxies limit."""
_ROWS = ("usage_rows", "usage_by_workload")
"""What is inserted into the first is in the second too: see sql/0019."""
_THIS_SERVER = {"lightweight_deletes_sync": 1}
"""A DELETE waits for this server, not for replicas that may be down."""
STREAMED_ROWS = 4096
"""Rows of a look-back in memory at once: a few megabytes."""
OF_ORIGINAL = (
    f"(source = '{ORIGINAL_MARK}'"
    # As they were stored before they had a mark.
    " OR (source = '' AND arrayExists(x -> startsWith(x, 'taken over from KubeDoor'), warnings)))"
)
"""Of a row of usage_days: it is an original KubeDoor's."""
TAKEN_OVER_DAYS = f"(SELECT day, run FROM usage_days WHERE cluster = {{cluster:String}} AND {OF_ORIGINAL})"
_HISTORY = (
    "SELECT * EXCEPT (cluster, run), (day, run) IN (SELECT day, run FROM usage_days WHERE cluster = {cluster:String}"
    f" AND is_partial) AS is_partial, (day, run) IN {TAKEN_OVER_DAYS} AS is_taken_over"
    " FROM usage_daily WHERE cluster = {cluster:String} AND day IN {days:Array(Date)}"
)
_PEAKS = (
    "SELECT namespace, deployment, container, max(pods) AS most_pods, argMax(day, (pods, day)) AS pods_day,"
    " max(cpu_p95_millicores) AS cpu_millicores, argMax(day, (cpu_p95_millicores, day)) AS cpu_day,"
    " max(memory_p95_bytes) AS memory_bytes, argMax(day, (memory_p95_bytes, day)) AS memory_day,"
    " max(usage_daily.memory_max_bytes) AS memory_most_bytes,"
    " argMax(day, (usage_daily.memory_max_bytes, day)) AS memory_max_day"
    " FROM usage_daily WHERE cluster = {cluster:String}"
    " AND day > (SELECT max(day) FROM usage_days WHERE cluster = {cluster:String}) - {look_back:UInt16}"
    " AND (namespace, deployment) IN {workloads:Array(Tuple(String, String))}"
    f" AND (day, run) NOT IN {TAKEN_OVER_DAYS} GROUP BY namespace, deployment, container"
)
_HISTORY_ORDER = "ORDER BY namespace, deployment, day, container"
_FOUND = ("cpu_request_millicores", "memory_request_bytes", "cpu_limit_millicores", "memory_limit_bytes")


@dataclass(frozen=True)
class CollectionEvent:
    """`event`: started, day, kept, failed_day, cancel_asked, cancelled, failed, finished or next."""

    collection: str
    event: str
    message: Sentence = NOTHING
    day: date | None = None
    row_count: int = 0
    coverage: float = 0.0
    seconds: float = 0.0


# Only smaller runs: a run greater than the current one may still be in progress.
_STALE = """
    SELECT DISTINCT r.day AS day, r.run AS run FROM
        (SELECT day, run FROM usage_rows WHERE cluster = {cluster:String}
        UNION ALL SELECT day, run FROM usage_days WHERE cluster = {cluster:String}) AS r
    INNER JOIN (SELECT day, max(run) AS newest FROM usage_days WHERE cluster = {cluster:String}
        AND finished_at < now64(3) - {seconds:UInt32} GROUP BY day) AS c ON r.day = c.day
    WHERE r.run < c.newest ORDER BY day, run
"""


class UsageStore:
    """Usage of one cluster."""

    def __init__(self, connection: Connection, cluster: str) -> None:
        self._connection = connection
        self._cluster = cluster

    def days(self) -> dict[date, StoredDay]:
        """All stored days."""
        rows = self._connection.rows(
            "SELECT day, argMax(windows, run) AS windows, argMax(row_count, run) AS row_count,"
            " argMax(coverage, run) AS coverage, argMax(is_partial, run) AS is_partial,"
            " argMax((warnings, warnings_said), run) AS told, argMax(seconds, run) AS seconds, argMax(finished_at, run) AS finished_at,"
            f" if((day, max(run)) IN {TAKEN_OVER_DAYS}, '{ORIGINAL_MARK}', argMax(source, run)) AS source"
            " FROM usage_days WHERE cluster = {cluster:String} GROUP BY day ORDER BY day",
            cluster=self._cluster,
        )
        return {row["day"]: StoredDay(warnings=tuple(read_all_said(*row.pop("told"))), **row) for row in rows}

    def days_of(self, workloads: Sequence[tuple[str, str]], *, days: Iterable[date]) -> set[date]:
        """Those of `days` that have usage of every one of these (namespace, deployment)."""
        rows = self._connection.rows(
            "SELECT day FROM usage_daily WHERE cluster = {cluster:String} AND day IN {days:Array(Date)}"
            " AND (namespace, deployment) IN {workloads:Array(Tuple(String, String))}"
            " GROUP BY day HAVING uniqExact(namespace, deployment) = {all:UInt32}",
            cluster=self._cluster,
            days=list(days),
            workloads=list(workloads),
            all=len(workloads),
        )
        return {row["day"] for row in rows}

    def drop_days(self, days: Iterable[date]) -> None:
        """Delete everything stored for these days."""
        # `usage_days` first: without its row there a day is invisible to readers.
        for table in ("usage_days", *_ROWS):
            self._connection.command(
                f"DELETE FROM {table} WHERE cluster = {{cluster:String}} AND day IN {{days:Array(Date)}}",
                settings=_THIS_SERVER,
                cluster=self._cluster,
                days=list(days),
            )

    def replace_day(
        self, day: date, usage: DayUsage, *, run: int, windows: str, seconds: float, source: str = ""
    ) -> None:
        """Atomically replace what is stored for `day`. Of two runs the greater number wins, whichever ends last."""
        self._connection.insert(
            "usage_rows", [{"cluster": self._cluster, "run": run, **_as_row(row)} for row in usage.rows]
        )
        marker = {
            "cluster": self._cluster,
            "day": day,
            "run": run,
            "windows": windows,
            "row_count": len(usage.rows),
            "coverage": usage.coverage,
            "is_partial": usage.is_partial,
            "warnings": list(usage.warnings),
            "warnings_said": said_columns(usage.warnings),
            "seconds": seconds,
            "source": source,
            "is_by_workload": True,
        }
        self._connection.insert("usage_days", [marker])

    def newest_run(self, day: date) -> int:
        """The current run of this day; 0 if there is none."""
        row = only(
            self._connection.rows(
                "SELECT max(run) AS run FROM usage_days WHERE cluster = {cluster:String} AND day = {day:Date}",
                cluster=self._cluster,
                day=day,
            )
        )
        return int(row["run"])

    def prune(self) -> None:
        """Delete rows of superseded runs, PRUNE_AFTER_SECONDS after a greater run became current.

        This covers a collection that crashed before its run became current, once a later run of that day is current.
        """
        stale = self._connection.rows(_STALE, cluster=self._cluster, seconds=PRUNE_AFTER_SECONDS)
        pairs = [(row["day"], row["run"]) for row in stale]
        for first in range(0, len(pairs), PRUNED_AT_ONCE):
            # NB: replicated tables refuse a DELETE with a subquery.
            for table in (*_ROWS, "usage_days"):
                self._connection.command(
                    f"DELETE FROM {table} WHERE cluster = {{cluster:String}}"
                    " AND (day, run) IN {stale:Array(Tuple(Date, UInt64))}",
                    settings=_THIS_SERVER,
                    cluster=self._cluster,
                    stale=pairs[first : first + PRUNED_AT_ONCE],
                )

    def history(self, days: Iterable[date]) -> list[UsageDay]:
        """Usage of these days, of all workloads."""
        rows = self._connection.rows(f"{_HISTORY} {_HISTORY_ORDER}", cluster=self._cluster, days=list(days))
        return [_from_row(row) for row in rows]

    def revision(self) -> tuple[int, int]:
        """Changes with every collected day; cheap."""
        row = only(
            self._connection.rows(
                "SELECT max(run) AS newest, count() AS days FROM usage_days WHERE cluster = {cluster:String}",
                cluster=self._cluster,
            )
        )
        return row["newest"], row["days"]

    def peaks(self, workloads: Sequence[tuple[str, str]], *, days: int) -> dict[tuple[str, str], Peaks]:
        """What each (namespace, deployment) used at most in so many days up to the newest one that is stored.

        Absent where it has no usage day.
        """
        rows = self._connection.rows(_PEAKS, cluster=self._cluster, look_back=days, workloads=list(workloads))
        found: dict[tuple[str, str], Peaks] = {}
        for row in rows:
            name = (row["namespace"], row["deployment"])
            before = found.get(name, Peaks())
            most = max((before.pods, before.pods_day), (row["most_pods"], row["pods_day"]), key=lambda one: one[0])
            found[name] = Peaks(*most, {**before.containers, row["container"]: _peak(row)})
        return found

    def stream(self, days: Iterable[date]) -> Iterator[UsageDay]:
        """As `history` of all workloads, in the same order, with a few rows in memory at once."""
        rows = self._connection.stream(
            f"{_HISTORY} {_HISTORY_ORDER}", block_rows=STREAMED_ROWS, cluster=self._cluster, days=list(days)
        )
        return map(_from_row, rows)

    def record(self, event: CollectionEvent) -> None:
        """Add an event to a collection."""
        row = {"cluster": self._cluster, **asdict(event), "message_said": said_column(event.message)}
        self._connection.insert("collection_events", [row])

    def events(self, collection: str) -> list[Row]:
        """Events of one collection, oldest first; empty if there is no such collection."""
        rows = self._connection.rows(
            "SELECT at, event, day, row_count, coverage, seconds, message, message_said FROM collection_events"
            " WHERE cluster = {cluster:String} AND collection = {collection:String} ORDER BY at",
            cluster=self._cluster,
            collection=collection,
        )
        return [_event(row) for row in rows]

    def newest_collections(self, *, limit: int) -> dict[str, list[Row]]:
        """Events of the newest collections, newest collection first; by collection id, each list as in `events`."""
        rows = self._connection.rows(
            "SELECT collection, at, event, day, row_count, coverage, seconds, message, message_said FROM collection_events"
            " WHERE cluster = {cluster:String} AND collection IN"
            " (SELECT collection FROM collection_events WHERE cluster = {cluster:String}"
            " GROUP BY collection ORDER BY min(at) DESC LIMIT {limit:UInt32}) ORDER BY at",
            cluster=self._cluster,
            limit=limit,
        )
        by_collection: dict[str, list[Row]] = {}
        for row in rows:
            by_collection.setdefault(row.pop("collection"), []).append(_event(row))
        return dict(reversed(by_collection.items()))


def _peak(row: Row) -> Peak:
    return Peak(
        cpu_millicores=row["cpu_millicores"],
        cpu_day=row["cpu_day"],
        memory_bytes=row["memory_bytes"],
        memory_day=row["memory_day"],
        memory_max_bytes=row["memory_most_bytes"],
        memory_max_day=row["memory_max_day"],
    )


def _event(row: Row) -> Row:
    row["message"] = read_said(row["message"], row.pop("message_said"))
    return row


def _as_row(row: UsageDay) -> dict[str, Any]:
    # NB: not dataclasses.asdict: its deep copies take seconds for one day of a large cluster.
    values = {name: getattr(row, name) for name in UsageDay.__dataclass_fields__ if name != "found"}
    values["cpu_quantiles_millicores"] = list(row.cpu_quantiles_millicores)
    values["memory_quantiles_bytes"] = list(row.memory_quantiles_bytes)
    del values["is_partial"], values["is_taken_over"]
    pods = row.pods if row.pods_with_container is None else row.pods_with_container
    values |= {"hpa": bool(row.hpa), "hpa_known": row.hpa is not None, "pods_with_container": pods}
    return values | {name: getattr(row.found, name) for name in _FOUND}


def _from_row(row: Row) -> UsageDay:
    values = {name: row[name] for name in UsageDay.__dataclass_fields__ if name != "found"}
    values["cpu_quantiles_millicores"] = tuple(row["cpu_quantiles_millicores"])
    values["memory_quantiles_bytes"] = tuple(row["memory_quantiles_bytes"])
    values["hpa"] = row["hpa"] if row["hpa_known"] else None
    values["pods_with_container"] = None if row["pods_with_container"] == row["pods"] else row["pods_with_container"]
    return UsageDay(**values, found=Resources(*(row[name] for name in _FOUND)))
