"""Every query of the store on the schema of sql/, embedded and over HTTP."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from functions.api.schemas.workloads import UsageDayAnswer
from kubedoor.control_values import UNKNOWN, compile_rows
from kubedoor.errors import Conflict, StoreError
from kubedoor.model.collected import CollectedContainer, CollectedValues
from kubedoor.model.facts import ObservationKind
from kubedoor.model.usage import DayUsage, UsageDay
from kubedoor.model.values import ManualValues, Mode, Resources, Source, Value, WorkloadKey
from kubedoor.sentences import Sentence, sentence
from kubedoor.store import usage as usage_module
from kubedoor.store.admissions import AdmissionRecord
from kubedoor.store.connection import EMBEDDED_CLIENTS, Connection, Row
from kubedoor.store.control import ControlStore
from kubedoor.store.listing import ListingStore
from kubedoor.store.migrations import _lock, available, folder, migrate
from kubedoor.store.records import AuditRecord, RecordStore
from kubedoor.store.usage import STREAMED_ROWS, CollectionEvent, UsageStore
from kubedoor.store.usage_history import UsageHistory
from kubedoor.store.users import User, UserStore
from kubedoor.workloads.filters import Filter
from kubedoor.workloads.listing_cache import ListingCache
from kubedoor.workloads.ordering import SORTS
from tests.support.builders import DAY, make_observation, make_usage_day
from tests.support.clickhouse import ClickHouse, running_clickhouse
from tests.toolbox.running import ROOT

MI = 2**20
EARLIER = DAY - timedelta(days=1)
LONG_AGO = DAY - timedelta(days=400)
WARNING = sentence("collection.of_prometheus", warning="a store is away")


def make_collected(
    deployment: str = "web",
    *,
    namespace: str = "shop",
    replicas: int = 3,
    container: str = "app",
    cpu: int = 120,
    **fields: object,
) -> CollectedValues:
    values = CollectedContainer(container, Resources(cpu, 256 * MI, 1000, 1024 * MI), cpu, 400 * MI, (Sentence("why"),))
    made = CollectedValues(namespace, deployment, replicas, DAY, DAY, (values,), days=10)
    return replace(made, **fields)  # type: ignore[arg-type]


@pytest.fixture
def usage(connection: Connection, cluster: str) -> UsageStore:
    return UsageStore(connection, cluster)


@pytest.fixture
def history(connection: Connection, cluster: str) -> UsageHistory:
    return UsageHistory(connection, cluster)


@pytest.fixture
def control(connection: Connection, cluster: str) -> ControlStore:
    return ControlStore(connection, cluster)


@pytest.fixture
def listing(connection: Connection, cluster: str) -> ListingCache:
    return ListingCache(ListingStore(connection, cluster))


@pytest.fixture
def records(connection: Connection, cluster: str) -> RecordStore:
    return RecordStore(connection, cluster)


@pytest.fixture
def web(cluster: str) -> WorkloadKey:
    return WorkloadKey(cluster, "shop", "web")


def store_day(usage: UsageStore, *rows: UsageDay, run: int, **fields: object) -> None:
    usage.replace_day(DAY, DayUsage(rows, 1.0), run=run, windows="10:00-11:30 UTC", seconds=0.5)


# Usage


def test_a_day_comes_back_as_it_went_in(usage: UsageStore) -> None:
    rows = (
        make_usage_day(
            pods=300, cpu=4_000_000, memory=2**42, throttled_share=0.25, oom_kills=2, coverage=0.5, hpa=True
        ),
        make_usage_day(container="proxy", found=Resources(), throttled_share=None),
        make_usage_day(container="quiet", hpa=False),
    )
    usage.replace_day(
        DAY,
        DayUsage(rows, 0.75, (Sentence("late"), WARNING), is_partial=True),
        run=7,
        windows="w",
        seconds=1.5,
        source="prometheus-1",
    )
    assert usage.history([DAY]) == [replace(row, is_partial=True) for row in rows]
    stored = usage.days()[DAY]
    assert (stored.windows, stored.row_count, stored.coverage, stored.is_partial) == ("w", 3, 0.75, True)
    assert (stored.warnings, stored.source) == (("late", WARNING), "prometheus-1")
    assert [one.code for one in stored.warnings] == ["", "collection.of_prometheus"]


def test_a_second_run_replaces_the_first(usage: UsageStore) -> None:
    store_day(usage, make_usage_day(), make_usage_day(container="old"), run=1)
    store_day(usage, make_usage_day(cpu=999), run=2)
    assert usage.history([DAY]) == [make_usage_day(cpu=999)]
    assert usage.newest_run(DAY) == 2


def test_the_greater_run_counts_whoever_ends_last(usage: UsageStore) -> None:
    store_day(usage, make_usage_day(cpu=2), run=2)
    store_day(usage, make_usage_day(cpu=1), run=1)
    assert usage.history([DAY]) == [make_usage_day(cpu=2)]


def test_rows_without_their_line_are_not_there(usage: UsageStore, connection: Connection, cluster: str) -> None:
    store_day(usage, make_usage_day(cpu=1), run=1)
    connection.command(
        "INSERT INTO usage_rows SELECT * REPLACE (9 AS run, 77 AS cpu_p95_millicores) FROM usage_rows WHERE cluster = {cluster:String}",
        cluster=cluster,
    )
    assert usage.history([DAY]) == [make_usage_day(cpu=1)]


def test_days_are_told_by_who_ran_and_dropped_whole(usage: UsageStore, connection: Connection, cluster: str) -> None:
    for day, names in ((DAY, ("web", "api")), (EARLIER, ("web",))):
        rows = tuple(make_usage_day(day=day, deployment=name) for name in names)
        usage.replace_day(day, DayUsage(rows, 1.0), run=1, windows="w", seconds=0.1)
    both = [("shop", "web"), ("shop", "api")]
    assert usage.days_of(both, days=[DAY, EARLIER]) == {DAY}
    assert usage.days_of(both, days=[EARLIER]) == set()
    usage.drop_days([DAY])
    assert list(usage.days()) == [EARLIER]
    assert {row.day for row in usage.history([DAY, EARLIER])} == {EARLIER}
    left = connection.rows("SELECT DISTINCT day FROM usage_rows WHERE cluster = {cluster:String}", cluster=cluster)
    assert left == [{"day": EARLIER}]


def test_days_of_an_older_version_keep_what_they_say(
    clickhouse: ClickHouse, served: Connection, tmp_path: Path
) -> None:
    del served
    connection = Connection(clickhouse.on("scratch_older"))
    for migration in available(folder())[:10]:
        (tmp_path / f"{migration.name}.sql").write_text(migration.text)
    migrate(connection, where=tmp_path)
    for table, columns in (("usage_rows", "hpa"), ("usage_days", "windows")):
        value = {"hpa": "true", "windows": "'w'"}[columns]
        connection.command(f"INSERT INTO {table} (cluster, day, run, {columns}) VALUES ('c', '{DAY}', 1, {value})")
    migrate(connection)
    store = UsageStore(connection, "c")
    assert [row.hpa for row in store.history([DAY])] == [True]
    assert store.days()[DAY].source == ""
    connection.close()


def test_an_empty_day_is_a_day(usage: UsageStore) -> None:
    usage.replace_day(DAY, DayUsage((), 0.0, (Sentence("no data"),)), run=1, windows="w", seconds=0.1)
    assert usage.days()[DAY].row_count == 0
    assert usage.history([DAY]) == []


def test_what_can_never_count_again_is_deleted(usage: UsageStore, connection: Connection, cluster: str) -> None:
    store_day(usage, make_usage_day(cpu=1), run=1)
    store_day(usage, make_usage_day(cpu=2), run=2)
    usage.prune()
    count = "SELECT count() AS n FROM usage_rows WHERE cluster = {cluster:String}"
    assert connection.rows(count, cluster=cluster)[0]["n"] == 2, "queries may still be reading the old run"
    old = {
        "cluster": cluster,
        "day": DAY,
        "run": 3,
        "windows": "w",
        "row_count": 0,
        "coverage": 0.0,
        "is_partial": False,
    }
    long_ago = datetime.now(UTC) - timedelta(hours=1)
    connection.insert("usage_days", [{**old, "warnings": [], "seconds": 0.0, "finished_at": long_ago}])
    usage.prune()
    assert connection.rows(count, cluster=cluster)[0]["n"] == 0


def test_runs_of_many_days_are_deleted_together(
    usage: UsageStore, connection: Connection, cluster: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also the record of a day without usage; what counts, and what may count later, stays."""
    monkeypatch.setattr(usage_module, "PRUNED_AT_ONCE", 3)
    every = 7
    long_ago = datetime.now(UTC) - timedelta(hours=1)
    marker = {"cluster": cluster, "windows": "w", "coverage": 0.0, "is_partial": False, "warnings": [], "seconds": 0.0}
    for back in range(every):
        day = DAY - timedelta(days=back)
        row = make_usage_day(day=day)
        usage.replace_day(day, DayUsage((row,) if back % 2 else (), 1.0), run=back + 1, windows="w", seconds=0.1)
        usage.replace_day(day, DayUsage((replace(row, oom_kills=9),), 1.0), run=back + 3, windows="w", seconds=0.1)
        late = {"run": back + 2, "row_count": 0, "finished_at": long_ago}
        connection.insert("usage_days", [{**marker, "day": day, **late}])
    usage.prune()
    runs = {
        table: connection.rows(
            f"SELECT run - toUInt64({{last:Date}} - day) AS run, count() AS days FROM {table}"
            " WHERE cluster = {cluster:String} GROUP BY run ORDER BY run",
            cluster=cluster,
            last=DAY,
        )
        for table in ("usage_rows", "usage_by_workload", "usage_days")
    }
    assert runs == {
        "usage_rows": [{"run": 3, "days": every}],
        "usage_by_workload": [{"run": 3, "days": every}],
        "usage_days": [{"run": 2, "days": every}, {"run": 3, "days": every}],
    }


def test_a_look_back_is_streamed_as_history_has_it(usage: UsageStore) -> None:
    rows = [make_usage_day(deployment=f"web-{number:04}", cpu=number) for number in range(STREAMED_ROWS + 10)]
    store_day(usage, *reversed(rows), run=1)
    later = make_usage_day(day=DAY - timedelta(days=1), container="proxy")
    usage.replace_day(later.day, DayUsage((later,), 1.0, is_partial=True), run=1, windows="w", seconds=0.1)
    days = [DAY, later.day, DAY - timedelta(days=2)]
    assert list(usage.stream(days)) == usage.history(days)
    assert list(usage.stream(days[2:])) == []


def test_a_stream_that_is_left_early_disturbs_nothing(usage: UsageStore) -> None:
    store_day(usage, *(make_usage_day(deployment=f"web-{number:04}") for number in range(3 * STREAMED_ROWS)), run=1)
    stream = usage.stream([DAY])
    assert next(iter(stream)).deployment == "web-0000"
    assert usage.newest_run(DAY) == 1, "while it is open"
    del stream
    assert len(usage.history([DAY])) == 3 * STREAMED_ROWS


def shown_day(row: UsageDay) -> dict[str, Any]:
    """As one workload's history has it."""
    quantiles = {name: list(getattr(row, name)) for name in ("cpu_quantiles_millicores", "memory_quantiles_bytes")}
    values = vars(row) | vars(row.found) | quantiles | {"hpa": bool(row.hpa)}
    return {name: values[name] for name in UsageDayAnswer.model_fields}


def test_one_workloads_history_is_only_its_own(usage: UsageStore, history: UsageHistory) -> None:
    store_day(usage, make_usage_day(), make_usage_day(deployment="api"), make_usage_day(namespace="other"), run=1)
    assert history.of("shop", "web", since=DAY) == [shown_day(make_usage_day())]


@pytest.mark.parametrize(("hpa", "shown"), [(True, True), (False, False), (None, False)])
def test_an_unknown_hpa_is_shown_as_none(
    usage: UsageStore, history: UsageHistory, hpa: bool | None, shown: bool
) -> None:
    store_day(usage, make_usage_day(hpa=hpa), run=1)
    assert [row["hpa"] for row in history.of("shop", "web", since=DAY)] == [shown]


def test_a_workloads_history_has_its_days_and_containers_in_order(usage: UsageStore, history: UsageHistory) -> None:
    """Also of a day whose rows an earlier version has stored, and only of the run that counts."""
    days = [DAY - timedelta(days=back) for back in range(4)]
    for day in reversed(days):
        rows = tuple(make_usage_day(day=day, container=name, cpu=7) for name in ("proxy", "app"))
        usage.replace_day(day, DayUsage(rows, 1.0, is_partial=day == DAY), run=1, windows="w", seconds=0.1)
    usage.replace_day(days[1], DayUsage((make_usage_day(day=days[1]),), 1.0), run=2, windows="w", seconds=0.1)
    stored_by_an_earlier_version(usage, days[2])
    found = history.of("shop", "web", since=days[2])
    expected = [(days[2], "app"), (days[2], "proxy"), (days[1], "app"), (DAY, "app"), (DAY, "proxy")]
    assert [(row["day"], row["container"]) for row in found] == expected
    assert found == [shown_day(row) for row in usage.history(days[:3])]


class Collected(Connection):
    """A day is collected anew after the rows of a workload were read, and before anybody reads which run counts."""

    def __init__(self, inner: Connection, collect: Callable[[], None]) -> None:
        self._inner, self._collect, self._is_collected = inner, collect, threading.Event()

    def table(self, sql: str, **parameters: Any) -> tuple[Sequence[str], list[tuple[Any, ...]]]:
        if "FROM usage_by_workload" not in sql:
            assert self._is_collected.wait(60)
            return self._inner.table(sql, **parameters)
        found = self._inner.table(sql, **parameters)
        if not self._is_collected.is_set():
            self._collect()
            self._is_collected.set()
        return found


def test_a_day_that_is_collected_while_it_is_read_is_not_missing(
    connection: Connection, cluster: str, usage: UsageStore
) -> None:
    store_day(usage, make_usage_day(cpu=1), run=1)
    collected = Collected(connection, lambda: store_day(usage, make_usage_day(cpu=2), run=2))
    assert [row["cpu_p95_millicores"] for row in UsageHistory(collected, cluster).of("shop", "web", since=DAY)] == [2]


def stored_by_an_earlier_version(usage: UsageStore, day: date) -> None:
    for sql in (
        "DELETE FROM usage_by_workload WHERE cluster = {cluster:String} AND day = {day:Date}",
        "ALTER TABLE usage_days UPDATE is_by_workload = false WHERE cluster = {cluster:String} AND day = {day:Date}"
        " SETTINGS mutations_sync = 1",
    ):
        usage._connection.command(sql, cluster=usage._cluster, day=day)


def test_a_reader_never_sees_half_a_day(usage: UsageStore) -> None:
    rows = [make_usage_day(deployment=f"d{number}", cpu=1) for number in range(200)]
    store_day(usage, *rows, run=1)
    stop = threading.Event()
    seen: set[tuple[int, int]] = set()

    def read() -> None:
        while not stop.is_set():
            got = usage.history([DAY])
            seen.add((len(got), len({row.cpu_p95_millicores for row in got})))

    reader = threading.Thread(target=read)
    reader.start()
    for run in range(2, 12):
        store_day(usage, *[replace(row, cpu_p95_millicores=run) for row in rows], run=run)
    stop.set()
    reader.join()
    assert seen == {(200, 1)}


def test_a_collections_course_is_kept(usage: UsageStore) -> None:
    usage.record(CollectionEvent("c1", "started", sentence("collection.days", days=1), row_count=1))
    usage.record(CollectionEvent("c1", "day", Sentence(), DAY, 5, 1.0, 0.25))
    usage.record(CollectionEvent("c1", "finished"))
    assert [event["event"] for event in usage.events("c1")] == ["started", "day", "finished"]
    assert [event["message"].code for event in usage.events("c1")] == ["collection.days", "", ""]
    assert usage.newest_collections(limit=5) == {"c1": usage.events("c1")}
    assert usage.events("nobody") == []


def test_the_newest_collections_come_first_and_whole(usage: UsageStore) -> None:
    for collection in ("c1", "c2", "c3"):
        usage.record(CollectionEvent(collection, "started", Sentence("1 days"), row_count=1))
        time.sleep(0.002)  # Events of one millisecond have no order.
    usage.record(CollectionEvent("c2", "finished"))
    assert list(usage.newest_collections(limit=2)) == ["c3", "c2"]
    assert [event["event"] for event in usage.newest_collections(limit=2)["c2"]] == ["started", "finished"]


# Control values


def test_collected_values_become_control_values(control: ControlStore, web: WorkloadKey) -> None:
    control.replace_collected([make_collected(hpa=True)], run=1, rule="peak-day")
    (values,) = compile_rows(web.cluster, control.control_rows()).values()
    assert values.replicas == Value(3, Source.COLLECTED)
    assert values.containers["app"].memory_limit_bytes == Value(1024 * MI, Source.COLLECTED)
    assert values.hpa
    assert values.peak_day == DAY
    assert control.peak_days(web) == (DAY, DAY)
    assert control.workload_count() == 1
    assert control.collected_row_count() == 1
    assert control.refreshed_at() is not None


def test_manual_beats_collected_field_by_field(control: ControlStore, web: WorkloadKey) -> None:
    control.replace_collected([make_collected()], run=1, rule="peak-day")
    manual = ManualValues(replicas=0, containers={"app": Resources(cpu_request_millicores=700)}, mode=Mode.OBSERVE)
    saved = control.edit(web, manual, based_on=0, who="alice")
    values = compile_rows(web.cluster, control.control_rows_of(web))[web]
    assert values.replicas == Value(0, Source.MANUAL)
    assert values.containers["app"].cpu_request_millicores == Value(700, Source.MANUAL)
    assert values.containers["app"].memory_request_bytes == Value(256 * MI, Source.COLLECTED)
    assert (values.mode, values.version) == (Mode.OBSERVE, 1)
    assert (saved.version, saved.edited_by, saved.replicas) == (1, "alice", 0)


def test_a_manual_value_survives_every_collection(control: ControlStore, web: WorkloadKey) -> None:
    control.edit(web, ManualValues(replicas=9), based_on=0, who="alice")
    for run in range(1, 6):
        control.replace_collected([make_collected(replicas=run)], run=run, rule="peak-day")
        row = control.control_rows_of(web)[0]
        assert (row["replicas"], row["collected_replicas"], row["manual_replicas"]) == (9, run, 9)


def test_manual_values_stand_without_collected_ones(control: ControlStore, web: WorkloadKey) -> None:
    control.edit(web, ManualValues(replicas=4), based_on=0, who="alice")
    values = compile_rows(web.cluster, control.control_rows_of(web))[web]
    assert values.replicas == Value(4, Source.MANUAL)
    assert values.containers == {}


def test_what_is_no_longer_collected_is_gone(control: ControlStore, web: WorkloadKey) -> None:
    control.replace_collected([make_collected(), make_collected("api")], run=1, rule="peak-day")
    control.replace_collected([make_collected()], run=2, rule="peak-day")
    assert {row["deployment"] for row in control.control_rows()} == {"web"}


def test_a_stale_edit_is_told_who_was_first(control: ControlStore, web: WorkloadKey) -> None:
    control.edit(web, ManualValues(replicas=1), based_on=0, who="alice")
    with pytest.raises(Conflict, match="version 1 by alice") as caught:
        control.edit(web, ManualValues(replicas=2), based_on=0, who="bob")
    assert caught.value.details == {"field": "version", "version": 1}
    assert control.manual(web).replicas == 1


def test_of_many_edits_at_once_exactly_one_wins(control: ControlStore, web: WorkloadKey) -> None:
    barrier = threading.Barrier(8)

    def edit(number: int) -> int | None:
        barrier.wait()
        try:
            saved = control.edit(web, ManualValues(replicas=number), based_on=0, who=f"user-{number}")
        except Conflict:
            return None
        assert saved.replicas == number
        return number

    with ThreadPoolExecutor(8) as pool:
        winners = [won for won in pool.map(edit, range(8)) if won is not None]
    assert len(winners) == 1
    assert control.manual(web).replicas == winners[0]
    assert [version.version for version in control.edits(web, limit=10)] == [1]


def test_edits_are_kept_newest_first(control: ControlStore, web: WorkloadKey) -> None:
    for version in range(3):
        control.edit(web, ManualValues(replicas=version, note=f"n{version}"), based_on=version, who="alice")
    assert [edit.note for edit in control.edits(web, limit=2)] == ["n2", "n1"]


def test_facts_are_known_and_the_newest_counts(control: ControlStore, web: WorkloadKey) -> None:
    control.replace_collected([make_collected()], run=1, rule="peak-day")
    for owned in (True, False):
        control.record_facts([make_observation(web, opted_out=True, owned=owned)], seen_by="door")
    values = compile_rows(web.cluster, control.control_rows_of(web))[web]
    assert (values.opted_out, values.owned, values.hpa) == (True, False, False)
    stranger = WorkloadKey(web.cluster, "shop", "stranger")
    control.record_facts([make_observation(stranger, ObservationKind.HPA, hpa=True)], seen_by="door")
    nobody = WorkloadKey(web.cluster, "a", "b")
    found = control.values_of_each([web, stranger, nobody])
    assert found == {web: values, stranger: replace(UNKNOWN, hpa=True), nobody: UNKNOWN}
    assert {row["deployment"] for row in control.known_facts()} == {"web", "stranger"}


def test_facts_of_earlier_versions_are_taken_over_once(
    connection: Connection, control: ControlStore, web: WorkloadKey
) -> None:
    facts = [("opted_out", True, 1), ("owned", True, 1), ("owned", False, 2), ("hpa", True, 3)]
    row = {"cluster": web.cluster, "namespace": "shop", "deployment": "web", "seen_by": "door"}
    for fact, holds, second in facts:
        at = datetime(2026, 11, 20, 12, 0, second, tzinfo=UTC)
        connection.insert("workload_facts", [{**row, "fact": fact, "holds": holds, "seen_at": at}])
    migration = next(one for one in available(folder()) if one.name == "0015_facts")
    for _ in range(2):
        connection.command(migration.statements(cluster="")[-1])
    known = control.facts_of_each([web])[web]
    assert known.stored
    assert known.hpa
    assert (known.stored.exemptions, known.stored.uid, known.hpa.hpa) == ((True, False), "", True)
    control.record_facts([make_observation(web, uid="7a11", resource_version=5)], seen_by="door")
    assert not control.values_of(web).opted_out


def test_every_change_changes_the_revision(control: ControlStore, web: WorkloadKey) -> None:
    seen = [control.revision()]
    control.replace_collected([make_collected()], run=1, rule="peak-day")
    seen.append(control.revision())
    control.edit(web, ManualValues(replicas=1), based_on=0, who="alice")
    seen.append(control.revision())
    control.record_facts([make_observation(web, ObservationKind.HPA, hpa=True)], seen_by="door")
    seen.append(control.revision())
    assert len(set(seen)) == 4
    assert control.revision() == seen[-1]


def test_a_fact_changes_the_revision_whatever_the_clock_of_the_server_says(
    control: ControlStore, web: WorkloadKey
) -> None:
    instant = datetime(2026, 11, 20, 12, tzinfo=UTC)
    seen = [control.revision()]
    for deployment, at in (("cart", instant), ("web", instant), ("search", instant - timedelta(seconds=2))):
        key = WorkloadKey(web.cluster, "shop", deployment)
        control.record_facts([make_observation(key, owned=True, seen_at=at)], seen_by="door")
        seen.append(control.revision())
    assert len(set(seen)) == 4


# The list


def names(rows: list[dict[str, object]]) -> list[object]:
    return [row["deployment"] for row in rows]


@pytest.fixture
def filled(usage: UsageStore, control: ControlStore, web: WorkloadKey) -> None:
    # asked 500m × 3 pods; used 120m (over), 900m (under).
    store_day(
        usage,
        make_usage_day(cpu=120, memory=600 * MI),
        make_usage_day(deployment="hungry", cpu=900, memory=600 * MI, pods=4),
        make_usage_day(deployment="bare", namespace="data", found=Resources(), cpu=50),
        run=1,
    )
    control.replace_collected(
        [
            make_collected(cpu=120),
            make_collected("hungry", cpu=900, replicas=4),
            make_collected("bare", namespace="data", cpu=50, hpa=True),
        ],
        run=1,
        rule="peak-day",
    )
    control.edit(web, ManualValues(replicas=7, mode=Mode.OBSERVE), based_on=0, who="alice")


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize(
    ("wanted", "want"),
    [
        (Filter(), ["bare", "hungry", "web"]),
        (Filter(search="WEB"), ["web"]),
        (Filter(search="data/ba"), ["bare"]),
        (Filter(search="%"), []),
        (Filter(namespace="shop"), ["hungry", "web"]),
        (Filter(mode="observe"), ["web"]),
        (Filter(asked="over"), ["web"]),
        (Filter(asked="under"), ["bare", "hungry"]),
        (Filter(asked="none"), ["bare"]),
        (Filter(has_manual=True), ["web"]),
        (Filter(has_manual=False), ["bare", "hungry"]),
        (Filter(hpa=True), ["bare"]),
        (Filter(search="'; DROP TABLE manual; --"), []),
    ],
)
def test_workloads_are_found(listing: ListingCache, wanted: Filter, want: list[str]) -> None:
    rows, total = listing.current(since=DAY).page(wanted, sort="name", descending=False, limit=10, offset=0)
    assert names(rows) == want
    assert total == len(want)


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("sort", sorted(SORTS))
def test_every_sort_works_both_ways(listing: ListingCache, sort: str) -> None:
    up, _ = listing.current(since=DAY).page(Filter(), sort=sort, descending=False, limit=10, offset=0)
    down, _ = listing.current(since=DAY).page(Filter(), sort=sort, descending=True, limit=10, offset=0)
    assert {str(name) for name in names(up)} == {str(name) for name in names(down)} == {"bare", "hungry", "web"}


@pytest.mark.usefixtures("filled")
def test_pages_and_totals(listing: ListingCache) -> None:
    page, total = listing.current(since=DAY).page(Filter(), sort="name", descending=False, limit=2, offset=2)
    assert (names(page), total) == (["web"], 3)
    assert listing.current(since=DAY).page(Filter(), sort="name", descending=False, limit=2, offset=9) == ([], 3)


@pytest.mark.usefixtures("filled")
def test_sums_of_the_cluster(listing: ListingCache) -> None:
    sums = listing.current(since=DAY).sums
    assert (sums["workloads"], sums["over_asked"], sums["under_asked"], sums["unasked"]) == (3, 1, 2, 1)
    assert sums["cpu_requested_millicores"] == 500 * 3 + 500 * 4
    assert sums["cpu_used_millicores"] == 120 * 3 + 900 * 4 + 50 * 3
    assert [row["namespace"] for row in listing.current(since=DAY).by_namespace] == ["shop", "data"]
    assert [row["day"] for row in listing.store.by_day(since=DAY)] == [DAY]
    assert listing.current(since=DAY).namespaces == ["data", "shop"]


@pytest.mark.usefixtures("filled")
def test_oom_kills_count_over_the_look_back(connection: Connection, cluster: str, usage: UsageStore) -> None:
    for back, kills in ((1, 2), (2, 3), (10, 50)):
        day = DAY - timedelta(days=back)
        row = make_usage_day(day=day, oom_kills=kills)
        usage.replace_day(day, DayUsage((row, replace(row, container="proxy")), 1.0), run=1, windows="w", seconds=0.1)
    for look_back, want in ((10, 10), (2, 4), (11, 110)):
        store = ListingStore(connection, cluster, look_back_days=look_back)
        listing = ListingCache(store).current(since=DAY - timedelta(days=31))
        found = [listing.one(("shop", name)) for name in ("web", "hungry")]
        assert [one["oom_kills"] for one in found if one] == [want, 0]


@pytest.mark.usefixtures("filled")
def test_days_are_read_again_only_when_usage_has_changed(
    listing: ListingCache, usage: UsageStore, control: ControlStore, web: WorkloadKey
) -> None:
    before = DAY - timedelta(days=1)
    _, first = listing.with_days(since=before)
    control.edit(web, ManualValues(replicas=9), based_on=1, who="alice")
    edited, second = listing.with_days(since=before)
    row = edited.one(("shop", "web"))
    assert row is not None
    assert row["replicas"] == 9
    assert second is first
    usage.replace_day(before, DayUsage((make_usage_day(day=before),), 1.0), run=1, windows="w", seconds=0.1)
    _, third = listing.with_days(since=before)
    assert [day["day"] for day in third] == [before, DAY]


@pytest.mark.usefixtures("filled")
def test_containers_and_newest_usage_of_a_page(listing: ListingCache) -> None:
    keys = [("shop", "web"), ("data", "bare")]
    assert names(listing.current(since=DAY).containers(keys)) == ["bare", "web"]
    newest = listing.current(since=DAY).newest_usage("shop", "web", "app")
    assert newest is not None
    assert (newest["day"], newest["cpu_request_millicores"]) == (str(DAY), 500)
    assert listing.current(since=DAY).newest_usage("shop", "web", "gone") is None


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize(
    "change",
    [
        pytest.param(
            lambda connection, cluster: ControlStore(connection, cluster).edit(
                WorkloadKey(cluster, "shop", "hungry"), ManualValues(replicas=8), based_on=0, who="test"
            ),
            id="an edit",
        ),
        pytest.param(
            lambda connection, cluster: ControlStore(connection, cluster).record_facts(
                [make_observation(WorkloadKey(cluster, "shop", "hungry"), opted_out=True)], seen_by="test"
            ),
            id="a fact",
        ),
        pytest.param(
            lambda connection, cluster: store_day(
                UsageStore(connection, cluster), make_usage_day(deployment="hungry", pods=9), run=9
            ),
            id="a day collected again",
        ),
        pytest.param(
            lambda connection, cluster: ControlStore(connection, cluster).replace_collected(
                [make_collected("hungry", replicas=6)], run=9, rule="peak-day"
            ),
            id="a refresh",
        ),
    ],
)
def test_a_kept_listing_is_read_anew_after(
    listing: ListingCache, connection: Connection, cluster: str, change: Callable[[Connection, str], None]
) -> None:
    before = listing.current(since=DAY)
    assert listing.current(since=DAY) is before
    change(connection, cluster)
    after = listing.current(since=DAY)
    assert after.one(("shop", "hungry")) != before.one(("shop", "hungry"))
    assert after.one(("shop", "hungry")) == ListingCache(ListingStore(connection, cluster)).current(since=DAY).one(
        ("shop", "hungry")
    )


def test_an_empty_cluster_has_zero_sums(listing: ListingCache) -> None:
    assert listing.current(since=DAY).sums["workloads"] == 0
    assert listing.current(since=DAY).page(Filter(), sort="name", descending=False, limit=5, offset=0) == ([], 0)


# Records


def make_admission(cluster: str, *, at: datetime, outcome: str = "patched") -> AdmissionRecord:
    return AdmissionRecord(
        at=at,
        cluster=cluster,
        namespace="shop",
        deployment="web",
        uid="u",
        operation="UPDATE",
        subresource="scale",
        username="alice",
        outcome=outcome,
        reason="r",
        before={"replicas": "10"},
        after={"replicas": "3"},
        warnings=("w",),
        version=1,
        snapshot_age_seconds=0.5,
    )


def test_admissions_are_read_newest_first(records: RecordStore, cluster: str) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    records.add_admissions([make_admission(cluster, at=now - timedelta(seconds=second)) for second in range(3)])
    records.add_admissions([make_admission(cluster, at=now, outcome="denied")])
    assert len(records.admissions(limit=10)) == 4
    assert [row["outcome"] for row in records.admissions(outcome="denied", limit=10)] == ["denied"]
    (oldest,) = records.admissions(before=now - timedelta(seconds=1), limit=10)
    assert (oldest["at"], oldest["before"], oldest["after"]) == (
        now - timedelta(seconds=2),
        {"replicas": "10"},
        {"replicas": "3"},
    )
    assert records.admissions(namespace="shop", deployment="nobody", limit=10) == []
    assert records.outcomes_since(now - timedelta(seconds=1)) == {"patched": 2, "denied": 1}
    records.add_admissions([])


def test_the_audit_is_kept(records: RecordStore) -> None:
    who = f"alice-{uuid.uuid4()}"
    records.add_audit(
        AuditRecord(who, "session", "127.0.0.1", "control.on", "default", {"enabled": False}, {"enabled": True})
    )
    (row,) = [row for row in records.audit(limit=100) if row["who"] == who]
    assert (row["action"], row["before"], row["after"]) == ("control.on", {"enabled": False}, {"enabled": True})


# People


def make_user(**fields: object) -> User:
    made = User(f"user-{uuid.uuid4()}", "admin", "hash", True, datetime.now(UTC).replace(microsecond=0))
    return replace(made, **fields)  # type: ignore[arg-type]


def test_a_user_is_kept_in_versions(connection: Connection) -> None:
    people = UserStore(connection)
    first = people.save(make_user())
    second = people.save(replace(first, must_change_password=False))
    assert people.user(first.username) == second
    assert people.user("nobody") is None
    assert people.has_users()
    with pytest.raises(Conflict):
        people.save(first)


def test_a_shared_key_is_the_same_for_all(connection: Connection) -> None:
    people, name = UserStore(connection), f"key-{uuid.uuid4()}"
    with ThreadPoolExecutor(4) as pool:
        keys = set(pool.map(lambda number: people.shared_key(name, candidate=f"c{number}"), range(8)))
    assert len(keys) == 1


# The connection


def test_a_refusal_says_what_but_never_where(connection: Connection) -> None:
    with pytest.raises(StoreError, match=r"UNKNOWN_TABLE \(code 60\)") as caught:
        connection.rows("SELECT * FROM nowhere")
    assert "secret" not in str(caught.value)


def test_values_are_bound_and_never_sql(connection: Connection) -> None:
    text = "'; DROP TABLE manual; --\n\t\\ \u4e2d\u6587"
    assert connection.rows("SELECT {text:String} AS text", text=text) == [{"text": text}]


# Migrations on a server, where several processes may come at once


@pytest.fixture
def served_scratch(clickhouse: ClickHouse, request: pytest.FixtureRequest) -> Iterator[Connection]:
    database = f"scratch_{abs(hash(request.node.name))}"
    connection = Connection(clickhouse.on(database))
    yield connection
    connection.close()


def never(_: float) -> None:
    pytest.fail("nobody else has the lock")


def one_migration(where: Path) -> Path:
    text = "CREATE TABLE IF NOT EXISTS one {on_cluster} (a UInt8) ENGINE = {MergeTree} ORDER BY a"
    (where / "0001_one.sql").write_text(text)
    return where


def test_a_migration_waits_for_the_one_under_way(served_scratch: Connection, tmp_path: Path) -> None:
    where = one_migration(tmp_path)
    served_scratch.create_database()
    waited: list[float] = []
    with ExitStack() as held:
        held.enter_context(_lock(served_scratch, "", never))

        def let_go(seconds: float) -> None:
            waited.append(seconds)
            held.close()

        assert migrate(served_scratch, where=where, sleep=let_go) == ["0001_one"]
    assert waited == [0.5]


def test_a_lock_that_is_held_for_good_is_said(
    served_scratch: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kubedoor.store.migrations.LOCK_WAIT_SECONDS", 1)
    where = one_migration(tmp_path)
    served_scratch.create_database()
    with _lock(served_scratch, "", never):
        with pytest.raises(StoreError, match="another migration"):
            migrate(served_scratch, where=where, sleep=lambda _: None)
        monkeypatch.setattr("kubedoor.store.migrations.LOCK_STALE_SECONDS", 0)
        time.sleep(1.1)
        assert migrate(served_scratch, where=where, sleep=never) == ["0001_one"], "the dead hold nobody up"


class Slow(Connection):
    """Calls `meanwhile` once, between reading the state of the lock and acting on it."""

    def __init__(self, dsn: str, meanwhile: Callable[[], None]) -> None:
        super().__init__(dsn)
        self._meanwhile: list[Callable[[], None]] = [meanwhile]

    def rows(self, sql: str, **parameters: object) -> list[Row]:
        found = super().rows(sql, **parameters)
        if "schema_locks" in sql and self._meanwhile:
            self._meanwhile.pop()()
        return found


def test_of_two_who_find_a_lock_stale_one_goes_on(
    clickhouse: ClickHouse, served_scratch: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kubedoor.store.migrations.LOCK_WAIT_SECONDS", 1)
    served_scratch.create_database()
    with _lock(served_scratch, "", never):
        pass
    killed = {"holder": uuid.uuid4(), "is_released": False, "at": datetime.now(UTC) - timedelta(minutes=3)}
    served_scratch.insert("schema_locks", [{"number": 2, **killed}], token="killed")
    with ExitStack() as held:
        first = _lock(served_scratch, "", never)
        slow = Slow(clickhouse.on(served_scratch.database), lambda: held.enter_context(first))
        with pytest.raises(StoreError, match="another migration"):
            held.enter_context(_lock(slow, "", lambda _: None))
        slow.close()


def test_two_processes_that_migrate_at_once_apply_each_once(clickhouse: ClickHouse, served: Connection) -> None:
    del served
    environment = {
        "PATH": os.environ["PATH"],
        "KUBEDOOR_STORE_DSN": clickhouse.on("scratch_processes"),
        "KUBEDOOR_SOURCE": "sample",
    }
    command = [sys.executable, "-m", "kubedoor", "migrate"]
    with ThreadPoolExecutor(2) as pool:
        said = list(
            pool.map(
                lambda _: (
                    subprocess.run(
                        command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True
                    ).stdout
                ),
                range(2),
            )
        )
    names = [migration.name for migration in available(folder())]
    assert sorted(name for text in said for name in text.split() if name in names) == names


def test_a_server_that_was_killed_and_is_back_has_everything(tmp_path: Path) -> None:
    with running_clickhouse(tmp_path / "own") as server:
        if server.child is None:
            pytest.fail("this test kills ClickHouse: unset KUBEDOOR_TEST_CLICKHOUSE_URL for it")
        connection = Connection(server.dsn, timeout_seconds=10)
        migrate(connection)
        usage, control = UsageStore(connection, "c"), ControlStore(connection, "c")
        store_day(usage, make_usage_day(), run=1)
        control.edit(WorkloadKey("c", "shop", "web"), ManualValues(replicas=2), based_on=0, who="alice")
        server.kill()
        with pytest.raises(StoreError, match="cannot be reached"):
            usage.history([DAY])
        server.start()
        assert usage.history([DAY]) == [make_usage_day()]
        assert control.manual(WorkloadKey("c", "shop", "web")).replicas == 2
        connection.close()


def test_what_nobody_has_a_value_for_is_no_longer_in_the_table(control: ControlStore, web: WorkloadKey) -> None:
    control.edit(web, ManualValues(replicas=1), based_on=0, who="alice")
    control.edit(web, ManualValues(), based_on=1, who="alice")
    assert control.control_rows_of(web) == []


def test_old_collected_rows_are_deleted(control: ControlStore, connection: Connection, cluster: str) -> None:
    for run in range(1, 6):
        control.replace_collected([make_collected()], run=run, rule="peak-day")
    control.prune()
    left = connection.rows(
        "SELECT DISTINCT run FROM collected_rows WHERE cluster = {cluster:String} ORDER BY run", cluster=cluster
    )
    assert [row["run"] for row in left] == [3, 4, 5]


def test_threads_that_come_and_go_leave_no_clients_behind(embedded_dsn: str, embedded: Connection) -> None:
    del embedded
    own = Connection(embedded_dsn)
    for _ in range(20):
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda _: own.rows("SELECT 1 AS one"), range(4)))
    assert len(own._idle) <= EMBEDDED_CLIENTS
    own.close()


_IMPORTED_BY_AN_INSERT = """
import sys
from kubedoor.store.connection import Connection

connection = Connection(sys.argv[1])
connection.command("CREATE TABLE IF NOT EXISTS plain (number UInt32) ENGINE = MergeTree ORDER BY number")
connection.insert("plain", [{"number": 1}])
assert connection.rows("SELECT max(number) AS number FROM plain") == [{"number": 1}]
print(sorted({"numpy", "pandas", "pyarrow"} & set(sys.modules)))
"""


@pytest.mark.usefixtures("served")
def test_an_insert_over_http_imports_no_frames(clickhouse: ClickHouse) -> None:
    """Here they are installed, with chDB; each door would have 80 MB more."""
    command = [sys.executable, "-c", _IMPORTED_BY_AN_INSERT, clickhouse.dsn]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
