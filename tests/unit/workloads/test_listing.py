"""Search, filters, sorts and sums of the in-memory control table."""

from __future__ import annotations

from typing import Any

import pytest

from kubedoor.workloads.filters import Filter
from kubedoor.workloads.listing import NO_STATE, Listing, Row, Table
from kubedoor.workloads.ordering import SORTS, STATE_SORTS

GIB = 2**30
COLUMNS = (
    "namespace",
    "deployment",
    "mode",
    "replicas",
    "edited_at",
    "hpa",
    "has_manual",
    "unasked",
    "is_over_asked",
    "is_under_asked",
    "cpu_requested_millicores",
    "cpu_used_millicores",
    "cpu_control_millicores",
    "memory_requested_bytes",
    "memory_used_bytes",
    "memory_control_bytes",
    "condition_types",
    "enforced_count",
    "withheld_count",
    "waiting_count",
    "is_withheld",
    "is_waiting",
    "oom_kills",
)


def make_row(namespace: str, deployment: str, **values: Any) -> tuple[Any, ...]:
    row: Row = {
        **dict.fromkeys(COLUMNS, 0),
        "namespace": namespace,
        "deployment": deployment,
        "mode": "enforce",
        "replicas": None,
        "edited_at": None,
        "condition_types": [],
        **values,
    }
    return tuple(row[column] for column in COLUMNS)


@pytest.fixture
def listing() -> Listing:
    rows = [
        make_row(
            "data",
            "etl",
            cpu_requested_millicores=300,
            cpu_used_millicores=900,
            replicas=2,
            is_under_asked=1,
            condition_types=["OOMKilled", "Imbalanced"],
            enforced_count=3,
            withheld_count=2,
            is_withheld=1,
            waiting_count=1,
            is_waiting=1,
            oom_kills=9,
        ),
        make_row(
            "shop",
            "Ärger",
            cpu_requested_millicores=300,
            cpu_used_millicores=100,
            unasked=1,
            mode="observe",
            condition_types=["Imbalanced"],
            withheld_count=1,
            is_withheld=1,
        ),
        make_row("shop", "cart", memory_requested_bytes=4 * GIB, memory_used_bytes=GIB, replicas=9, is_over_asked=1),
    ]
    containers = [("shop", "cart", "app", 100), ("shop", "cart", "proxy", 10), ("data", "etl", "", 0)]
    return Listing(
        Table(COLUMNS, rows), Table(("namespace", "deployment", "container", "cpu_request_millicores"), containers)
    )


def names(rows: list[Row]) -> list[str]:
    return [row["deployment"] for row in rows]


def sorted_names(listing: Listing, sort: str, *, descending: bool) -> list[str]:
    return names(listing.page(Filter(), sort=sort, descending=descending, limit=10, offset=0)[0])


@pytest.mark.parametrize(
    ("sort", "up", "down"),
    [
        ("name", ["etl", "cart", "Ärger"], ["Ärger", "cart", "etl"]),
        ("cpu_waste", ["etl", "cart", "Ärger"], ["Ärger", "cart", "etl"]),
        ("memory_waste", ["etl", "Ärger", "cart"], ["cart", "etl", "Ärger"]),
        ("cpu_used", ["cart", "Ärger", "etl"], ["etl", "Ärger", "cart"]),
        # Rows without a value are last in both directions; ties are sorted by name.
        ("replicas", ["etl", "cart", "Ärger"], ["cart", "etl", "Ärger"]),
        ("edited_at", ["etl", "Ärger", "cart"], ["etl", "Ärger", "cart"]),
    ],
)
def test_sorts_go_both_ways(listing: Listing, sort: str, up: list[str], down: list[str]) -> None:
    assert (sorted_names(listing, sort, descending=False), sorted_names(listing, sort, descending=True)) == (up, down)


def test_every_sort_names_columns_that_there_are() -> None:
    assert {column for columns in SORTS.values() for column in columns} <= set(COLUMNS)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Filter(search="ÄRG"), ["Ärger"]),
        (Filter(search="p/c"), ["cart"]),
        (Filter(asked="over"), ["cart"]),
        (Filter(asked="under"), ["etl"]),
        (Filter(asked="none"), ["Ärger"]),
        (Filter(mode="observe", namespace="data"), []),
        (Filter(hpa=False, has_manual=False, namespace="shop"), ["Ärger", "cart"]),
        (Filter(condition="Imbalanced"), ["etl", "Ärger"]),
        (Filter(condition="Imbalanced", namespace="data"), ["etl"]),
        (Filter(condition="OOM"), []),
        (Filter(withheld=True), ["etl", "Ärger"]),
        (Filter(withheld=False), ["cart"]),
        (Filter(waiting=True), ["etl"]),
    ],
)
def test_filters_hold_together(listing: Listing, wanted: Filter, found: list[str]) -> None:
    rows, total = listing.page(wanted, sort="replicas", descending=False, limit=10, offset=0)
    assert sorted(names(rows)) == sorted(found)
    assert total == len(found)


def test_one_workload_is_found_by_its_exact_name(listing: Listing) -> None:
    found = listing.one(("shop", "cart"))
    assert found is not None
    assert found["memory_requested_bytes"] == 4 * GIB
    assert listing.one(("shop", "car")) is None


def test_containers_of_the_asked_workloads_only(listing: Listing) -> None:
    assert [row["container"] for row in listing.containers([("shop", "cart"), ("shop", "none")])] == ["app", "proxy"]


def test_one_workloads_spare_does_not_pay_for_what_another_misses(listing: Listing) -> None:
    sums = listing.sums
    assert (sums["cpu_spare_millicores"], sums["cpu_missing_millicores"]) == (200, 600)
    assert (sums["memory_spare_bytes"], sums["memory_missing_bytes"]) == (3 * GIB, 0)
    assert (sums["over_asked"], sums["under_asked"], sums["unasked"], sums["observed"]) == (1, 1, 1, 1)


def test_the_namespace_that_asks_for_most_comes_first(listing: Listing) -> None:
    assert [(row["namespace"], row["workloads"]) for row in listing.by_namespace] == [("data", 1), ("shop", 2)]


def test_fields_and_workloads_that_are_withheld_are_counted(listing: Listing) -> None:
    assert listing.values == {
        "enforced": 3,
        "withheld": 3,
        "waiting": 1,
        "workloads_waiting": 1,
        "workloads_withheld": 2,
    }
    assert listing.by_condition == {"Imbalanced": 2, "OOMKilled": 1}


def test_an_empty_table_has_nothing_to_count() -> None:
    empty = Listing(Table((), []), Table((), []))
    assert set(empty.values.values()) == {0}
    assert not empty.by_condition


def test_states_of_deployments_lie_over_the_list_and_change_nothing_else(listing: Listing) -> None:
    state = {
        "observed_at": None,
        "is_sized": True,
        "running_replicas": 3,
        "cpu_asked_millicores": 900,
        "memory_asked_bytes": GIB,
        "cpu_running_millicores": 300,
        "memory_running_bytes": GIB,
    }
    sums = listing.sums
    over = listing.with_states({("data", "etl"): state, ("shop", "only-in-the-cluster"): state})
    assert over.sums is sums
    rows, total = over.page(Filter(sized=True), sort="name", descending=False, limit=10, offset=0)
    assert ([row["deployment"] for row in rows], total) == (["etl"], 1)
    assert rows[0]["cpu_asked_millicores"] == 900
    rest, _ = over.page(Filter(sized=False), sort="name", descending=False, limit=10, offset=0)
    assert "etl" not in {row["deployment"] for row in rest}
    assert {(row["is_sized"], row["cpu_asked_millicores"]) for row in rest} == {(False, None)}
    assert listing.page(Filter(sized=True), sort="name", descending=False, limit=10, offset=0) == ([], 0)


@pytest.mark.parametrize("sort", STATE_SORTS)
def test_what_is_saved_is_sorted_by_and_what_is_not_known_comes_last(listing: Listing, sort: str) -> None:
    asked, runs = STATE_SORTS[sort]

    def order(states: dict[tuple[str, str], int], *, descending: bool) -> list[str]:
        found = {key: {**NO_STATE, asked: 1000, runs: 1000 - amount} for key, amount in states.items()}
        page = listing.with_states(found).page(Filter(), sort=sort, descending=descending, limit=9, offset=0)
        return names(page[0])

    given_more = {("shop", "cart"): 400, ("data", "etl"): -200}
    assert order(given_more, descending=True) == ["cart", "etl", "Ärger"]
    assert order(given_more, descending=False) == ["etl", "cart", "Ärger"]
    assert order({("shop", "Ärger"): 5}, descending=True) == ["Ärger", "etl", "cart"], "other states, another order"


def test_what_was_oom_killed_is_counted_found_and_sorted_by(listing: Listing) -> None:
    found, total = listing.page(Filter(oom_killed=True), sort="name", descending=False, limit=9, offset=0)
    assert (names(found), total, listing.sums["oom_killed"]) == (["etl"], 1, 1)
    assert listing.page(Filter(oom_killed=False), sort="name", descending=False, limit=9, offset=0)[1] == 2
    assert sorted_names(listing, "oom_kills", descending=True)[0] == "etl"


def test_what_is_dangerous_is_a_filter_of_what_somebody_has_judged(listing: Listing) -> None:
    def found(wanted: Filter, *dangerous: tuple[str, str]) -> list[str]:
        page = listing.page(wanted, sort="name", descending=False, limit=9, offset=0, dangerous=set(dangerous))
        return names(page[0])

    assert found(Filter(dangerous=True), ("shop", "cart")) == ["cart"]
    assert found(Filter(dangerous=False), ("shop", "cart")) == ["etl", "Ärger"]
    assert found(Filter(dangerous=True)) == []


def test_the_net_is_of_all_deployments_that_were_seen() -> None:
    rows = [
        make_row("shop", "cart", cpu_control_millicores=600),
        make_row("shop", "never-seen", cpu_control_millicores=9),
    ]
    listing = Listing(Table(COLUMNS, rows), Table(("namespace", "deployment", "container"), ()))
    assert listing.net()["cpu_asked_millicores"] is None
    seen = {
        "cpu_asked_millicores": 2000,
        "cpu_running_millicores": 1500,
        "memory_asked_bytes": GIB,
        "memory_running_bytes": None,
    }
    net = listing.with_states({("shop", "cart"): NO_STATE | seen, ("shop", "elsewhere"): NO_STATE | seen}).net()
    assert (net["cpu_asked_millicores"], net["cpu_enforced_millicores"]) == (4000, 3000)
    assert net["cpu_would_be_millicores"] == 600 + 1500, "without control values it goes on as it runs"
    off = [make_row("shop", "cart", replicas=0), make_row("shop", "scaled", replicas=0, hpa=True)]
    listing = Listing(Table(COLUMNS, off), Table(("namespace", "deployment", "container"), ()))
    states = {("shop", "cart"): NO_STATE | seen, ("shop", "scaled"): NO_STATE | seen}
    net = listing.with_states(states).net()
    assert net["cpu_would_be_millicores"] == 1500, "of replicas 0 nothing runs, unless an HPA has them"
    assert (net["memory_asked_bytes"], net["memory_enforced_bytes"]) == (2 * GIB, 0)
