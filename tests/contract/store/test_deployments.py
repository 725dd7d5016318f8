"""States of Deployments and what they save, on the schema of sql/, embedded and over HTTP."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from kubedoor.model.deployments import DeploymentContainer, DeploymentState
from kubedoor.model.facts import ObservationKind
from kubedoor.model.usage import DayUsage
from kubedoor.model.values import ManualValues, Resources, WorkloadKey
from kubedoor.store.connection import Connection
from kubedoor.store.control import ControlStore
from kubedoor.store.deployments import DeploymentStore
from kubedoor.store.usage import UsageStore
from kubedoor.workloads.savings import Savings
from tests.contract.store.test_store import make_collected
from tests.support.accounts import Clock
from tests.support.builders import make_observation, make_usage_day

NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=3)
"""Not long ago: states expire."""
MINUTE = timedelta(minutes=1)
MI = 2**20
ASKED = Resources(500, 512 * MI, 1000, None)
RUNS = Resources(200, 256 * MI, 1000, None)


def make_state(deployment: str = "web", *, replicas: int = 3, runs: Resources = RUNS) -> DeploymentState:
    """One sized container and a sidecar that asks by its limits only."""
    limits = Resources(None, None, 100, 64 * MI)
    containers = (
        DeploymentContainer("app", False, ASKED, runs),
        DeploymentContainer("proxy", True, limits, limits),
    )
    return DeploymentState("shop", deployment, replicas, containers, runs != ASKED, ("migrate", "proxy"), True)


@pytest.fixture
def deployments(connection: Connection, cluster: str) -> DeploymentStore:
    return DeploymentStore(connection, cluster)


def test_the_newest_state_counts_whoever_says_it_last(deployments: DeploymentStore) -> None:
    before, sized = make_state(runs=ASKED), make_state()
    other = DeploymentState("bank", "ledger", 0, (), False)
    deployments.record([before, other], seen_by="look", at=NOON)
    deployments.record([before, sized], seen_by="door", at=NOON + 2 * MINUTE)
    deployments.record([before], seen_by="look", at=NOON + MINUTE)

    assert deployments.current() == {("shop", "web"): sized, ("bank", "ledger"): other}
    assert deployments.of("shop", "web") == sized
    assert deployments.observed()["shop", "web"].seen_by == "door"
    assert deployments.observed()["shop", "web"].observed_at == NOON + 2 * MINUTE


def test_a_gone_deployment_has_no_state_until_it_is_made_again(deployments: DeploymentStore) -> None:
    deployments.record([make_state(), make_state("cart")], seen_by="door", at=NOON)
    before = deployments.revision()
    deployments.record_gone([("shop", "web")], at=NOON + MINUTE)

    assert deployments.revision() != before
    assert deployments.of("shop", "web") is None
    assert list(deployments.current()) == [("shop", "cart")]
    assert [row[:2] for row in deployments.workloads()[1]] == [("shop", "cart")]

    deployments.record([make_state()], seen_by="door", at=NOON + 2 * MINUTE)
    assert deployments.of("shop", "web") == make_state()


def test_clusters_are_apart(connection: Connection, deployments: DeploymentStore, cluster: str) -> None:
    deployments.record([make_state()], seen_by="door", at=NOON)

    other = DeploymentStore(connection, f"{cluster}-other")
    assert (other.current(), other.of("shop", "web"), other.savings()) == ({}, None, [])


def test_a_large_workload_is_one_with_many_containers_in_its_manifest(
    connection: Connection, deployments: DeploymentStore, cluster: str
) -> None:
    """Policies look at each of them, also where only two have control values."""
    control = ControlStore(connection, cluster)
    for name, present in (("large", 150), ("fits", 100), ("unseen", 0)):
        values = {one: Resources(cpu_request_millicores=100) for one in ("c0", "c1")}
        control.edit(WorkloadKey(cluster, "shop", name), ManualValues(containers=values), based_on=0, who="test")
        many = tuple(DeploymentContainer(f"c{number}", False, ASKED, ASKED) for number in range(present))
        if present:
            deployments.record([replace(make_state(name), containers=many)], seen_by="look", at=NOON)
    assert control.workloads_with_more_containers(100) == [("shop", "large")]
    assert control.workloads_with_more_containers(1) == [("shop", "fits"), ("shop", "large"), ("shop", "unseen")]


def test_savings_are_what_all_pods_ask_for_less(deployments: DeploymentStore) -> None:
    deployments.record([make_state(), make_state("cart", replicas=2, runs=ASKED)], seen_by="door", at=NOON)

    assert deployments.savings() == [
        {
            "namespace": "shop",
            "workloads": 1,
            "cpu_millicores": 3 * 300,
            "memory_bytes": 3 * 256 * MI,
            "cpu_asked_millicores": 5 * 600,
            "memory_asked_bytes": 5 * 576 * MI,
        }
    ]
    columns, rows = deployments.workloads()
    web = dict(zip(columns, rows[1], strict=True))
    assert (web["cpu_asked_millicores"], web["cpu_running_millicores"]) == (1800, 900)
    assert (web["memory_asked_bytes"], web["memory_running_bytes"]) == (1728 * MI, 960 * MI)
    assert (web["running_replicas"], web["is_sized"], web["observed_at"]) == (3, True, NOON)


def test_the_largest_numbers_fit(deployments: DeploymentStore) -> None:
    huge = Resources(2**32 - 1, 2**64 - 1, 2**32 - 1, 2**64 - 1)
    state = replace(make_state(replicas=2**32 - 1), containers=(DeploymentContainer("app", False, huge, Resources()),))
    deployments.record([state], seen_by="door", at=NOON)

    assert deployments.of("shop", "web") == state
    assert deployments.savings()[0]["memory_bytes"] == (2**32 - 1) * (2**64 - 1)


def test_savings_by_day_are_those_at_the_end_of_each_day(deployments: DeploymentStore) -> None:
    day = timedelta(days=1)
    deployments.record([make_state(runs=ASKED)], seen_by="look", at=NOON - 9 * day)
    deployments.record([make_state()], seen_by="door", at=NOON - 5 * day)
    deployments.record([make_state("cart")], seen_by="door", at=NOON - 2 * day)
    deployments.record([make_state(runs=Resources(600, 768 * MI))], seen_by="door", at=NOON - day)
    deployments.record_gone([("shop", "cart")], at=NOON)

    def shown(since: date) -> list[tuple[int, int, int]]:
        days = deployments.savings_by_day(since, until=NOON.date())
        return [((NOON.date() - one["day"]).days, one["cpu_millicores"], one["memory_bytes"] // MI) for one in days]

    assert shown((NOON - 6 * day).date()) == [
        *((back, 900, 768) for back in (5, 4, 3)),
        (2, 1800, 1536),
        (1, 900 - 300, 768 - 768),
        (0, -300, -768),
    ]
    assert shown((NOON - 3 * day).date()) == shown((NOON - 6 * day).date())[2:], "what was before counts too"


def test_days_are_local(deployments: DeploymentStore) -> None:
    deployments.record([make_state()], seen_by="door", at=NOON.replace(hour=20))

    days = deployments.savings_by_day(NOON.date(), until=NOON.date() + timedelta(days=1), time_zone="Asia/Shanghai")
    assert [one["day"] for one in days] == [NOON.date() + timedelta(days=1)]


# The HPA fact: the newest of the usage days and what was seen since


def test_a_gone_hpa_counts_although_the_usage_days_had_it(connection: Connection, cluster: str) -> None:
    control, usage, web = (
        ControlStore(connection, cluster),
        UsageStore(connection, cluster),
        WorkloadKey(cluster, "shop", "web"),
    )

    def collect(day: date, *, hpa: bool, run: int) -> None:
        usage.replace_day(day, DayUsage((make_usage_day(hpa=hpa),), 1.0), run=run, windows="w", seconds=0.1)
        control.replace_collected([make_collected(hpa=hpa)], run=run, rule="peak_day")

    today = datetime.now(UTC).date()
    collect(today - timedelta(days=1), hpa=True, run=1)
    assert control.values_of(web).hpa
    control.record_facts([make_observation(web, ObservationKind.HPA, hpa=False)], seen_by="look")
    assert not control.values_of(web).hpa
    collect(today, hpa=True, run=2)
    assert not control.values_of(web).hpa, "the HPA was deleted after the window of the newest day"
    collect(today + timedelta(days=1), hpa=True, run=3)
    assert control.values_of(web).hpa, "made again since"
    control.record_facts([make_observation(web, ObservationKind.HPA, hpa=True)], seen_by="look")
    collect(today + timedelta(days=2), hpa=False, run=4)
    assert control.values_of(web).hpa, "no collection proves by itself that there is none"


# What the overview shows


def test_the_overview_has_every_day_and_today_is_now(deployments: DeploymentStore) -> None:
    clock, day = Clock(NOON), timedelta(days=1)
    savings = Savings(deployments, time_zone="UTC", now=clock)
    assert savings.show()["observed_at"] is None
    assert [one["cpu_millicores"] for one in savings.show()["days"]] == [0] * 31

    clock.now += day
    deployments.record([make_state()], seen_by="door", at=clock.now - 2 * day)
    deployments.record_look(at=clock.now, deployments=1)
    shown = savings.show()
    assert [one["cpu_millicores"] for one in shown["days"]] == [0] * 28 + [900] * 3
    assert shown["days"][-1]["day"] == clock.now.date()
    assert (shown["cpu_millicores"], shown["workloads"], shown["observed_at"]) == (900, 1, clock.now)

    deployments.record([make_state(replicas=1)], seen_by="door", at=clock.now)
    assert [one["cpu_millicores"] for one in savings.by_day(days=2)] == [900, 300]
    assert [one["cpu_asked_millicores"] for one in savings.asked_by_day()][-4:] == [0, 1800, 1800, 600]
    deployments.record_gone([("shop", "web")], at=clock.now + MINUTE)
    assert [one["day"] for one in savings.by_day(days=2)] == [(clock.now - day).date()]
    assert (savings.by_namespace(), savings.show()["cpu_millicores"]) == ([], 0)
