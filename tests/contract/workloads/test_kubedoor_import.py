"""Import from tables with the schema of an original KubeDoor."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest

from kubedoor.errors import NotFound, StoreError
from kubedoor.model.usage import DayUsage
from kubedoor.model.values import Resources, WorkloadKey
from kubedoor.store.conditions import ConditionStore
from kubedoor.store.connection import Connection
from kubedoor.store.control import ControlStore
from kubedoor.store.listing import ListingStore
from kubedoor.store.records import RecordFilter, RecordStore
from kubedoor.store.usage import UsageStore
from kubedoor.workloads.edits import Edit
from kubedoor.workloads.kubedoor_import import ImportReport, KubeDoorImport, OriginalKubeDoor
from kubedoor.workloads.listing_cache import ListingCache
from kubedoor.workloads.service import Workloads
from tests.contract.store.test_store import make_collected
from tests.support.accounts import EDITOR, dsn_of_new_database
from tests.support.original_kubedoor import make_original

MI = 2**20
DAYS = (date(2026, 11, 18), date(2026, 11, 19))
CONTAINERS = {("shop", "web"): ("app",), ("shop", "api"): ("app", "proxy")}


@pytest.fixture(scope="module")
def original(embedded_dsn: str) -> Iterator[Connection]:
    connection = Connection(dsn_of_new_database(embedded_dsn))
    counts = {"web": 9, "api": 0, "cart": -1, "nobody": 4, "mine": 8}
    make_original(connection, env="prod", deployments=counts, days=DAYS)
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
        usage=usage,
        records=RecordStore(connection, cluster),
        now=lambda: datetime.now(UTC),
    )


@pytest.fixture
def takeover(original: Connection, usage: UsageStore, workloads: Workloads, cluster: str) -> KubeDoorImport:
    return KubeDoorImport(
        OriginalKubeDoor(original), usage=usage, workloads=workloads, cluster=cluster, windows="w", run=1
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
        "usage of Deployments with several containers": 1,
        "usage of unknown Deployments": 3,
    }
    assert "taken over" in usage.days()[DAYS[0]].warnings[0]


def test_pod_counts_set_by_people_become_manual_values(
    takeover: KubeDoorImport, workloads: Workloads, connection: Connection, cluster: str
) -> None:
    mine = WorkloadKey(cluster, "shop", "mine")
    workloads.edit(mine, Edit(0, {"replicas": 2}), EDITOR)
    done = ImportReport()
    takeover.manual("prod", EDITOR, done)
    known = {key.deployment: manual.replicas for key, (_, manual) in workloads.all_with_manual().items()}
    assert known == {"web": 9, "api": 0, "cart": None, "mine": 2}
    assert done.manual == 2
    assert done.left_out == {
        "pod counts of Deployments that are not in the control table": 1,
        "pod counts where one is set here": 1,
    }
    audit = RecordStore(connection, cluster).find_audit(RecordFilter(target=f"{cluster}/shop/web"), limit=10)
    assert [row["after"]["replicas"] for row in audit] == [9]
    again = ImportReport()
    takeover.manual("prod", EDITOR, again)
    assert again.manual == 0


def test_an_unknown_env_and_a_store_without_the_tables_are_said(
    takeover: KubeDoorImport, connection: Connection
) -> None:
    with pytest.raises(NotFound, match="it has prod"):
        takeover.check("test")
    with pytest.raises(StoreError):
        OriginalKubeDoor(connection).envs()
