"""Import from tables with the schema of an original KubeDoor."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from kubedoor.admission.rules import Rules
from kubedoor.collection.refresh import CollectedRefresh, CollectOptions
from kubedoor.collection.stored_days import Provenance, missing_days
from kubedoor.errors import NotFound, StoreError
from kubedoor.model.cluster_facts import ClusterFacts
from kubedoor.model.peak_day import PeakDay
from kubedoor.model.usage import ORIGINAL_MARK, DayUsage, StoredDay
from kubedoor.model.values import Resources, WorkloadKey
from kubedoor.peak_windows import PeakWindows
from kubedoor.sizing.options import SizingOptions
from kubedoor.store.conditions import ConditionStore
from kubedoor.store.connection import Connection
from kubedoor.store.control import ControlStore
from kubedoor.store.deployments import DeploymentStore
from kubedoor.store.listing import ListingStore
from kubedoor.store.records import RecordFilter, RecordStore
from kubedoor.store.usage import UsageStore
from kubedoor.store.usage_history import UsageHistory
from kubedoor.workloads.additions import Additions, Scope
from kubedoor.workloads.edits import Edit
from kubedoor.workloads.kubedoor_import import ImportReport, KubeDoorImport, OriginalKubeDoor
from kubedoor.workloads.listing_cache import ListingCache
from kubedoor.workloads.service import Workloads
from kubedoor.workloads.standings import Standings
from kubedoor.workloads.value_warnings import ValueWarnings
from tests.contract.store.test_store import make_collected
from tests.support.accounts import EDITOR, dsn_of_new_database
from tests.support.builders import make_usage_day
from tests.support.original_kubedoor import make_original

MI = 2**20
DAYS = (date(2026, 11, 18), date(2026, 11, 19))
CONTAINERS = {("shop", "web"): ("app",), ("shop", "api"): ("app", "proxy"), ("shop", "asleep"): ("app", "proxy")}
AI = {"web": 5, "cart": 6, "mine": 7, "asleep": 2, "nobody": 3, "none": 0}


@pytest.fixture(scope="module")
def original(embedded_dsn: str) -> Iterator[Connection]:
    connection = Connection(dsn_of_new_database(embedded_dsn))
    counts = {"web": 9, "api": 0, "cart": -1, "nobody": 4, "mine": 8, "asleep": -1}
    make_original(connection, env="prod", deployments=counts, days=DAYS, ai=AI)
    yield connection
    connection.close()


@pytest.fixture
def usage(connection: Connection, cluster: str) -> UsageStore:
    return UsageStore(connection, cluster)


@pytest.fixture
def workloads(connection: Connection, cluster: str, usage: UsageStore) -> Workloads:
    control = ControlStore(connection, cluster)
    names = ("web", "api", "cart", "mine")
    control.replace_collected([make_collected(name) for name in names], run=1, rule="peak-day")
    return Workloads(
        cluster=cluster,
        control=control,
        conditions=ConditionStore(connection, cluster),
        listing=ListingCache(ListingStore(connection, cluster)),
        history=UsageHistory(connection, cluster),
        records=RecordStore(connection, cluster),
        warnings=ValueWarnings(usage=usage, look_back_days=10),
        standings=Standings(
            rules=Rules(),
            deployments=DeploymentStore(connection, cluster),
            records=RecordStore(connection, cluster),
            view=lambda: None,
            has_sample=False,
        ),
        now=lambda: datetime.now(UTC),
    )


@pytest.fixture
def takeover(
    original: Connection, connection: Connection, usage: UsageStore, workloads: Workloads, cluster: str
) -> KubeDoorImport:
    control = ControlStore(connection, cluster)
    additions = Additions(
        cluster=cluster,
        control=control,
        control_of=lambda _: control,
        records=RecordStore(connection, cluster),
        scope=Scope(),
    )
    return KubeDoorImport(
        OriginalKubeDoor(original),
        usage=usage,
        workloads=workloads,
        additions=additions,
        cluster=cluster,
        windows="w",
        run=1,
    )


def test_days_that_are_not_here_yet_are_taken_over(takeover: KubeDoorImport, usage: UsageStore) -> None:
    usage.replace_day(DAYS[1], DayUsage((), 1.0), run=5, windows="w", seconds=0.1)
    done = ImportReport()
    assert list(takeover.days("prod", CONTAINERS, done)) == [DAYS[0]]
    (row,) = usage.history(DAYS)
    assert (row.deployment, row.container, row.pods, row.cpu_p95_millicores) == ("web", "app", 3, 250)
    assert row.memory_p95_bytes == 300.5 * MI
    assert row.found == Resources(500, None, 1000, 1024 * MI)
    assert done.left_out == {
        "usage days that are here already": 1,
        "usage of Deployments with several containers": 2,
        "usage of unknown Deployments": 3,
    }
    assert "0.80 quantile" in usage.days()[DAYS[0]].warnings[0]
    assert [day.is_taken_over for day in usage.days().values()] == [True, False]


def test_days_of_the_original_are_marked_and_set_no_values(
    takeover: KubeDoorImport, usage: UsageStore, connection: Connection, cluster: str
) -> None:
    list(takeover.days("prod", CONTAINERS, ImportReport()))
    own = make_usage_day(day=DAYS[1], cpu=100, memory=100 * MI)
    usage.replace_day(DAYS[1], DayUsage((own,), 1.0), run=5, windows="w", seconds=0.1, source="http://p")
    assert [(row.day, row.is_taken_over) for row in usage.history(DAYS)] == [(DAYS[0], True), (DAYS[1], False)]
    listing = ListingStore(connection, cluster)
    assert [row["day"] for row in listing.by_day(since=DAYS[0])] == [DAYS[1]], "not summed with P95s"
    (newest,) = listing.newest_usage(since=DAYS[0]).values()
    assert not json.loads(newest)["is_taken_over"]
    refreshed(connection, cluster, at=datetime(2026, 11, 20, 9, tzinfo=UTC))
    (row,) = ControlStore(connection, cluster).control_rows_of(WorkloadKey(cluster, "shop", "web"))
    assert (row["days"], row["cpu_usage_millicores"]) == (1, 100), "the original's 250m of the day before are more"


def test_a_day_of_the_original_makes_way_for_a_measured_one() -> None:
    stored = StoredDay(DAYS[0], "w", 1, 1.0, False, (), 0.0, datetime(2026, 11, 20, tzinfo=UTC), ORIGINAL_MARK)
    older = replace(stored, day=DAYS[0] - timedelta(days=1), row_count=0, source="http://p")
    oldest = replace(stored, day=DAYS[0] - timedelta(days=30))
    measured = replace(stored, day=DAYS[1], source="http://p")
    days = [PeakDay(one.day, ()) for one in (measured, stored, older)]
    known = {one.day: one for one in (measured, stored, older, oldest)}
    missing = missing_days(days, known, Provenance("w", "http://p"), min_coverage=0.8)
    assert [day.day for day in missing] == [DAYS[0]], "before Prometheus there was nothing, whatever the original has"


def test_pod_counts_set_by_people_become_manual_values(
    takeover: KubeDoorImport, workloads: Workloads, connection: Connection, cluster: str
) -> None:
    mine = WorkloadKey(cluster, "shop", "mine")
    workloads.edit(mine, Edit(0, {"replicas": 2}), EDITOR)
    done = ImportReport()
    takeover.pod_counts("prod", CONTAINERS, EDITOR, done)
    known = {key.deployment: manual.replicas for key, (_, manual) in workloads.all_with_manual().items()}
    assert known == {"web": 9, "api": 0, "cart": None, "mine": 2}
    assert done.manual == 2
    assert done.ai == 2, "cart and asleep; web's and mine's are a person's"
    assert done.left_out == {"pod counts of unknown Deployments": 1, "pod counts where one is set here": 1}
    audit = RecordStore(connection, cluster).find_audit(RecordFilter(target=f"{cluster}/shop/web"), limit=10)
    assert [row["after"]["replicas"] for row in audit] == [9]
    again = ImportReport()
    takeover.pod_counts("prod", CONTAINERS, EDITOR, again)
    assert again.manual == 0


def test_pod_counts_of_its_ai_become_manual_values_where_wanted(takeover: KubeDoorImport, workloads: Workloads) -> None:
    done = ImportReport()
    takeover.pod_counts("prod", CONTAINERS, EDITOR, done, with_ai=True)
    manual = {key.deployment: manual for key, (_, manual) in workloads.all_with_manual().items()}
    assert {name: one.replicas for name, one in manual.items()} == {
        "web": 9,
        "api": 0,
        "cart": 6,
        "mine": 8,
        "asleep": 2,
    }, "asleep is in the cluster, and was not in the control table"
    assert "its AI" in manual["cart"].note
    assert (done.manual, done.ai) == (3, 2)


def refreshed(connection: Connection, cluster: str, *, at: datetime) -> None:
    CollectedRefresh(
        usage=UsageStore(connection, cluster),
        control=ControlStore(connection, cluster),
        windows=PeakWindows.parse("10:00-11:30", "UTC"),
        options=CollectOptions(10, 30, "peak-day", SizingOptions(), whole_cluster=False, cluster=cluster),
        now=lambda: at,
        run_number=lambda: 7,
        read_facts=ClusterFacts,
    ).run()


def test_an_unknown_env_and_a_store_without_the_tables_are_said(
    takeover: KubeDoorImport, connection: Connection
) -> None:
    with pytest.raises(NotFound, match="it has prod"):
        takeover.check("test")
    with pytest.raises(StoreError):
        OriginalKubeDoor(connection).envs()
