"""Conditions, what they withhold, and what people accept: in the tables, the view `control` and the list."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from kubedoor.control_values import compile_rows
from kubedoor.model.collected import CollectedContainer
from kubedoor.model.conditions import CPU_REQUEST, MEMORY_LIMIT, MEMORY_REQUEST, REPLICAS, ConditionType
from kubedoor.model.events import Event
from kubedoor.model.values import ControlValues, ManualValues, Mode, Resources, Source, Value, WorkloadKey
from kubedoor.store.conditions import ConditionStore, conditions_of
from kubedoor.store.connection import Connection, Row
from kubedoor.store.control import ControlStore
from kubedoor.store.events import EventStore
from kubedoor.store.listing import ListingStore
from kubedoor.store.usage import UsageStore
from kubedoor.workloads.filters import Filter
from kubedoor.workloads.listing_cache import ListingCache
from tests.contract.store.test_store import make_collected, store_day
from tests.support.builders import DAY, NOON, make_condition, make_usage_day

MI = 2**20
SHORT, OOM, HPA = ConditionType.SHORT_HISTORY, ConditionType.OOM_KILLED, ConditionType.HORIZONTAL_POD_AUTOSCALER
NEW = make_condition(SHORT, CPU_REQUEST, MEMORY_REQUEST, REPLICAS)


@pytest.fixture
def control(connection: Connection, cluster: str) -> ControlStore:
    return ControlStore(connection, cluster)


@pytest.fixture
def conditions(connection: Connection, cluster: str) -> ConditionStore:
    return ConditionStore(connection, cluster)


@pytest.fixture
def web(cluster: str) -> WorkloadKey:
    return WorkloadKey(cluster, "shop", "web")


def values_of(control: ControlStore, key: WorkloadKey) -> ControlValues:
    return compile_rows(key.cluster, control.control_rows_of(key))[key]


def accept(
    conditions: ConditionStore,
    key: WorkloadKey,
    *types: ConditionType,
    until: datetime | None = None,
    is_accepted: bool = True,
) -> None:
    conditions.accept({key: types}, until=until, note="looked at", who="alice", is_accepted=is_accepted)


def test_conditions_come_back_as_they_went_in(control: ControlStore, web: WorkloadKey) -> None:
    oom = make_condition(OOM, MEMORY_LIMIT, message="“9” kills, 中文", parameters={"kills": 9, "limit": "512Mi"})
    control.replace_collected([make_collected(conditions=(NEW, oom)), make_collected("api")], run=1, rule="peak-day")
    (row,) = control.control_rows_of(web)
    assert conditions_of(row) == [NEW, oom]
    assert control.conditions() == {("shop", "web"): {SHORT: NOON, OOM: NOON}}


def test_of_two_conditions_of_one_type_the_first_says_since_when(control: ControlStore) -> None:
    later = make_condition(OOM, since=NOON + timedelta(days=1))
    found = (later, make_condition(OOM), make_condition(HPA, since=None))
    control.replace_collected([make_collected(conditions=found)], run=1, rule="peak-day")
    assert control.conditions() == {("shop", "web"): {OOM: NOON}}


def test_a_type_of_a_newer_version_is_left_out(control: ControlStore, connection: Connection, web: WorkloadKey) -> None:
    control.replace_collected([make_collected(conditions=(NEW,))], run=1, rule="peak-day")
    (row,) = control.control_rows_of(web)
    newer = {**row, "conditions": row["conditions"].replace("ShortHistory", "NotKnownYet")}
    assert conditions_of(newer) == []


def test_a_withheld_value_is_collected_and_no_control_value(control: ControlStore, web: WorkloadKey) -> None:
    control.replace_collected([make_collected(conditions=(NEW,))], run=1, rule="peak-day")
    values = values_of(control, web)
    app = values.containers["app"]
    assert (values.replicas, values.withheld_replicas) == (None, ("ShortHistory",))
    assert (app.cpu_request_millicores, app.memory_request_bytes) == (None, None)
    assert app.withheld == {CPU_REQUEST: ("ShortHistory",), MEMORY_REQUEST: ("ShortHistory",)}
    assert app.cpu_limit_millicores == Value(1000, Source.COLLECTED)
    (row,) = control.control_rows_of(web)
    assert (row["collected_replicas"], row["collected_cpu_request_millicores"]) == (3, 120)


def test_a_manual_value_is_set_whatever_is_withheld(control: ControlStore, web: WorkloadKey) -> None:
    control.replace_collected([make_collected(conditions=(NEW,))], run=1, rule="peak-day")
    manual = ManualValues(replicas=5, containers={"app": Resources(cpu_request_millicores=700)})
    control.edit(web, manual, based_on=0, who="alice")
    values = values_of(control, web)
    assert values.replicas == Value(5, Source.MANUAL)
    assert values.containers["app"].cpu_request_millicores == Value(700, Source.MANUAL)
    assert values.containers["app"].memory_request_bytes is None


def test_what_is_withheld_is_of_the_container_that_is_named(control: ControlStore, web: WorkloadKey) -> None:
    proxy = CollectedContainer("proxy", Resources(50, 64 * MI, None, None))
    found = make_collected(conditions=(make_condition(SHORT, CPU_REQUEST, container="proxy"),))
    control.replace_collected([replace(found, containers=(*found.containers, proxy))], run=1, rule="peak-day")
    values = values_of(control, web)
    assert values.containers["app"].cpu_request_millicores == Value(120, Source.COLLECTED)
    assert values.containers["proxy"].cpu_request_millicores is None
    assert values.replicas == Value(3, Source.COLLECTED)


def test_an_acceptance_frees_what_only_accepted_conditions_withhold(
    control: ControlStore, conditions: ConditionStore, web: WorkloadKey
) -> None:
    oom = make_condition(OOM, MEMORY_REQUEST)
    control.replace_collected([make_collected(conditions=(NEW, oom))], run=1, rule="peak-day")
    accept(conditions, web, SHORT)
    values = values_of(control, web)
    assert values.replicas == Value(3, Source.COLLECTED)
    assert values.containers["app"].cpu_request_millicores == Value(120, Source.COLLECTED)
    assert values.containers["app"].withheld == {MEMORY_REQUEST: ("OOMKilled",)}
    accept(conditions, web, OOM)
    assert values_of(control, web).containers["app"].memory_request_bytes == Value(256 * MI, Source.COLLECTED)
    accept(conditions, web, SHORT, is_accepted=False)
    assert values_of(control, web).replicas is None


def test_an_acceptance_is_of_one_workload_and_outlives_collections(
    control: ControlStore, conditions: ConditionStore, web: WorkloadKey
) -> None:
    api = replace(web, deployment="api")
    accept(conditions, web, SHORT)
    for run in (1, 2):
        found = [make_collected(name, conditions=(NEW,)) for name in ("web", "api")]
        control.replace_collected(found, run=run, rule="peak-day")
    assert values_of(control, web).replicas == Value(3, Source.COLLECTED)
    assert values_of(control, api).replicas is None


def test_an_acceptance_ends_at_its_time_and_changes_the_revision(
    control: ControlStore, conditions: ConditionStore, web: WorkloadKey
) -> None:
    control.replace_collected([make_collected(conditions=(NEW,))], run=1, rule="peak-day")
    revisions = [control.revision()]
    accept(conditions, web, SHORT, until=datetime.now(UTC) + timedelta(seconds=2))
    revisions.append(control.revision())
    assert values_of(control, web).replicas == Value(3, Source.COLLECTED)
    assert [one.is_accepted for one in conditions.acceptances([("shop", "web")])] == [True]
    time.sleep(2.1)
    revisions.append(control.revision())
    assert values_of(control, web).replicas is None
    assert [one.is_accepted for one in conditions.acceptances([("shop", "web")])] == [False]
    accept(conditions, web, SHORT)
    revisions.append(control.revision())
    accept(conditions, web, SHORT, is_accepted=False)
    revisions.append(control.revision())
    assert len(set(revisions)) == 5
    assert control.revision() == revisions[-1]


def test_the_newest_word_about_a_condition_is_told(conditions: ConditionStore, web: WorkloadKey) -> None:
    until = datetime(2199, 12, 31, tzinfo=UTC)
    accept(conditions, web, SHORT, OOM, until=until)
    accept(conditions, web, SHORT, is_accepted=False)
    short, oom = conditions.acceptances([("shop", "web"), ("shop", "api")])
    assert (short.condition, short.is_accepted, short.until) == ("ShortHistory", False, None)
    assert (oom.condition, oom.is_accepted, oom.until, oom.note, oom.who) == (
        "OOMKilled",
        True,
        until,
        "looked at",
        "alice",
    )
    assert conditions.acceptances([("shop", "api")]) == []


# Fewer replicas by hand than were collected


def set_replicas(control: ControlStore, key: WorkloadKey, replicas: int, **containers: Resources) -> None:
    control.edit(key, ManualValues(replicas=replicas, containers=containers), based_on=0, who="alice")


def requests_of(control: ControlStore, key: WorkloadKey, container: str = "app") -> tuple[int | None, int | None]:
    (row,) = [row for row in control.control_rows_of(key) if row["container"] == container]
    return row["cpu_request_millicores"], row["memory_request_bytes"]


@pytest.mark.parametrize(
    ("replicas", "cpu", "memory"),
    # 10 pods use 120m and 400Mi each; limits are 1 core and 1Gi.
    [(10, 120, 400), (20, 120, 400), (5, 240, 800), (7, 172, 572), (1, 1000, 1024), (0, 120, 400)],
)
def test_fewer_pods_carry_the_same_load_below_their_limits(
    control: ControlStore, web: WorkloadKey, replicas: int, cpu: int, memory: int
) -> None:
    app = CollectedContainer("app", Resources(120, 400 * MI, 1000, 1024 * MI), 120, 400 * MI)
    control.replace_collected([make_collected(replicas=10, containers=(app,))], run=1, rule="peak-day")
    set_replicas(control, web, replicas)
    assert requests_of(control, web) == (cpu, memory * MI)


def test_without_limits_there_is_no_overflow_and_what_is_not_collected_stays_none(
    control: ControlStore, web: WorkloadKey
) -> None:
    containers = (
        CollectedContainer("app", Resources(4_000_000, 2**40), 4_000_000, 2**40),
        CollectedContainer("bare", Resources(), 50, 64 * MI),
    )
    control.replace_collected([make_collected(replicas=5000, containers=containers)], run=1, rule="peak-day")
    set_replicas(control, web, 1, sidecar=Resources(memory_request_bytes=MI))
    assert requests_of(control, web) == (2**32 - 1, 5000 * 2**40)
    assert requests_of(control, web, "bare") == (None, None)
    assert requests_of(control, web, "sidecar") == (None, MI)


def test_what_is_withheld_stays_withheld_with_fewer_pods_and_a_manual_request_as_it_is(
    control: ControlStore, web: WorkloadKey
) -> None:
    found = make_collected(replicas=10, conditions=(make_condition(SHORT, MEMORY_REQUEST),))
    control.replace_collected([found], run=1, rule="peak-day")
    set_replicas(control, web, 5, app=Resources(cpu_request_millicores=130))
    assert requests_of(control, web) == (130, None)


def test_an_hpa_has_its_own_replicas(control: ControlStore, web: WorkloadKey) -> None:
    control.replace_collected([make_collected(replicas=10, hpa=True)], run=1, rule="peak-day")
    set_replicas(control, web, 5)
    assert requests_of(control, web) == (120, 256 * MI)


# The list, and what waits


@pytest.fixture
def listing(connection: Connection, cluster: str) -> ListingCache:
    return ListingCache(ListingStore(connection, cluster))


@pytest.fixture
def filled(connection: Connection, cluster: str, control: ControlStore) -> None:
    """Five workloads: one may be accepted, one partly, one not, one is off, one has nothing withheld."""
    of_hpa = make_condition(HPA, CPU_REQUEST)
    found = {
        "web": (NEW, make_condition(ConditionType.IMBALANCED)),
        "partly": (make_condition(SHORT, CPU_REQUEST, MEMORY_REQUEST), of_hpa),
        "stuck": (of_hpa,),
        "silent": (NEW,),
        "plain": (),
    }
    values = [make_collected(name, conditions=these) for name, these in found.items()]
    control.replace_collected(values, run=1, rule="peak-day")
    control.edit(WorkloadKey(cluster, "shop", "silent"), ManualValues(mode=Mode.OFF), based_on=0, who="alice")
    usage = UsageStore(connection, cluster)
    store_day(usage, *(make_usage_day(deployment=name, pods=4) for name in found), run=1)


def names(listing: ListingCache, wanted: Filter) -> list[str]:
    rows, _ = listing.current(since=DAY).page(wanted, sort="name", descending=False, limit=10, offset=0)
    return [row["deployment"] for row in rows]


def one(listing: ListingCache, name: str) -> Row:
    row = listing.current(since=DAY).one(("shop", name))
    assert row is not None
    return row


@pytest.mark.usefixtures("filled")
def test_the_list_finds_what_is_withheld_and_what_waits(listing: ListingCache) -> None:
    assert names(listing, Filter(condition="ShortHistory")) == ["partly", "silent", "web"]
    assert names(listing, Filter(condition="Imbalanced")) == ["web"]
    assert names(listing, Filter(withheld=True)) == ["partly", "silent", "stuck", "web"]
    assert names(listing, Filter(withheld=False)) == ["plain"]
    assert names(listing, Filter(waiting=True)) == ["partly", "web"]
    assert [one(listing, name)["withheld_count"] for name in ("web", "partly", "stuck", "plain")] == [3, 2, 1, 0]
    assert one(listing, "web")["condition_types"] == ["ShortHistory", "Imbalanced"]


@pytest.mark.usefixtures("filled")
def test_the_overview_counts_fields_and_workloads(listing: ListingCache) -> None:
    # Enforced: 2 limits of web, partly 2, stuck 3 and replicas of both, plain 5; nothing of what is off.
    assert listing.current(since=DAY).values == {
        "enforced": 2 + (2 + 1) + (3 + 1) + 5,
        "withheld": 3 + 2 + 1 + 3,
        "waiting": 3 + 1,
        "workloads_waiting": 2,
        "workloads_withheld": 4,
    }
    assert listing.current(since=DAY).by_condition["ShortHistory"] == 3


@pytest.mark.usefixtures("filled")
def test_of_what_is_withheld_the_sums_have_what_is_there_now(listing: ListingCache) -> None:
    assert one(listing, "plain")["cpu_control_millicores"] == 3 * 120
    assert one(listing, "web")["cpu_control_millicores"] == 4 * 500
    assert one(listing, "partly")["memory_control_bytes"] == 3 * 512 * MI


@pytest.mark.usefixtures("filled")
def test_what_is_set_by_hand_or_accepted_does_not_wait(
    listing: ListingCache, control: ControlStore, conditions: ConditionStore, web: WorkloadKey
) -> None:
    accept(conditions, replace(web, deployment="partly"), SHORT)
    by_hand = ManualValues(replicas=5, containers={"app": Resources(100, 256 * MI)})
    control.edit(web, by_hand, based_on=0, who="alice")
    assert names(listing, Filter(waiting=True)) == []
    assert names(listing, Filter(withheld=True)) == ["partly", "silent", "stuck"]
    assert one(listing, "partly")["withheld_count"] == 1
    assert one(listing, "partly")["accepted"] == ["ShortHistory"]


def test_replicas_of_an_hpa_are_withheld_only_where_the_door_sets_them(
    connection: Connection, cluster: str, control: ControlStore
) -> None:
    found = make_collected(hpa=True, conditions=(make_condition(SHORT, REPLICAS),))
    control.replace_collected([found], run=1, rule="peak-day")
    kept, overridden = (
        ListingCache(ListingStore(connection, cluster, keeps_hpa_replicas=keeps)) for keeps in (True, False)
    )
    assert names(kept, Filter(waiting=True)) == []
    assert one(kept, "web")["withheld_replicas"] == []
    assert names(overridden, Filter(waiting=True)) == ["web"]
    assert one(overridden, "web")["withheld_replicas"] == ["replicas:ShortHistory"]


def test_an_acceptance_and_its_end_are_seen_by_a_kept_listing(
    listing: ListingCache, control: ControlStore, conditions: ConditionStore, web: WorkloadKey
) -> None:
    control.replace_collected([make_collected(conditions=(NEW,))], run=1, rule="peak-day")
    assert names(listing, Filter(withheld=True)) == ["web"]
    accept(conditions, web, SHORT, until=datetime.now(UTC) + timedelta(seconds=2))
    assert names(listing, Filter(withheld=True)) == []
    time.sleep(2.1)
    assert names(listing, Filter(withheld=True)) == ["web"]


# Notifications


def test_it_is_told_when_a_collection_leaves_more_that_waits(
    connection: Connection, cluster: str, control: ControlStore, conditions: ConditionStore
) -> None:
    events = EventStore(connection, cluster, own_username="kubedoor", missed=lambda since, until: ())
    start = datetime.now(UTC) - timedelta(minutes=1)

    def collect(run: int, *waiting: tuple[str, str]) -> list[tuple[str, int]]:
        nonlocal start
        found = [make_collected(name, namespace=space, conditions=(NEW,)) for space, name in waiting]
        control.replace_collected([*found, make_collected("plain")], run=run, rule="peak-day")
        now = datetime.now(UTC)
        told = events.between(Event.VALUES_WAITING, start, now)
        start = now
        return [(notice.text, notice.count) for notice in told]

    assert collect(1) == []
    many = [("shop", f"w{number}") for number in range(7)]
    assert collect(2, ("data", "etl"), *many) == [("shop: w0, w1, w2, w3, w4, …", 7), ("data: etl", 1)]
    assert collect(3, ("data", "etl"), *many) == [], "as many as before"
    assert collect(4, *many) == []
    assert collect(5, ("data", "etl"), *many) == [("shop: w0, w1, w2, w3, w4, …", 7), ("data: etl", 1)]
