"""How many pods ran: rollouts in trouble, pods that come and go, and nodes that are not scraped, in a real Prometheus.

The right number is what each Deployment wants all day long; docs/decisions/0014 has the arithmetic.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.contract.collection.conftest import MONDAY, PLAIN, WINDOWS, Read, at
from tests.support.raw_samples import RawSamples, mean_at_each_step, p95
from tests.toolbox.pods import pods_of
from tests.toolbox.series import (
    CFS_METRICS,
    DEPLOYMENT_METRICS,
    READY_METRIC,
    App,
    Fleet,
    Gap,
    Hang,
    Replace,
    Rollout,
    Shape,
)

MIB = 2**20
IDLE = replace(PLAIN, cpu=Shape(0.001), memory=Shape(20 * MIB))
"""What does not start uses nothing."""


def churning(name: str, pods: int) -> App:
    """Each pod lives an hour and takes half a minute to end."""
    every = 3600 / pods
    ends = (Replace(at("09:00") + timedelta(seconds=every * number), number % pods, 30) for number in range(3 * pods))
    return App(name, "shop", (PLAIN,), pods, events=tuple(ends))


def rollouts(pods: int, *, quarter: int) -> tuple[App, ...]:
    def app(name: str, *events: Rollout | Hang) -> App:
        return App(f"{name}-{pods}", "shop", (PLAIN,), pods, events=events)

    return (
        app("hangs", Hang(at("09:30"), quarter, pods // 5, (IDLE,))),
        app("begins-to-hang", Hang(at("10:40"), quarter, pods // 5, (IDLE,))),
        app("canary", Rollout(at("09:00"), stops_after=pods // 5)),
        app("paused", Rollout(at("10:50"), 10, surge=quarter, stops_after=pods // 2)),
        app("slow", Rollout(at("09:40"), 10_800 // pods, surge=quarter)),
        app("quick", Rollout(at("10:40"), 5, surge=quarter)),
        churning(f"hourly-{pods}", pods),
    )


TENS, HUNDREDS = rollouts(10, quarter=3), rollouts(100, quarter=25)
UNUSED = (*CFS_METRICS, "container_spec_cpu_period", "kube_pod_container_status_restarts_total")
# Of the large ones only those that go wrong, to keep the data small.
ROLLING = Fleet((*TENS, HUNDREDS[0], *HUNDREDS[4:7:2]), MONDAY, 1, nodes=40, without=UNUSED, has_pod_cgroups=False)


def test_rollouts_that_hang_are_paused_or_take_hours_leave_the_replicas_as_they_are(read: Read) -> None:
    usage = read(ROLLING)
    pods = {row.deployment: row.pods for row in usage.rows}
    assert pods == {app.name: app.replicas for app in ROLLING.apps}
    assert all(row.pods_coverage > 0.99 for row in usage.rows)


def pods_without(read: Read, *metrics: str) -> dict[str, int]:
    return {row.deployment: row.pods for row in read(replace(ROLLING, without=(*UNUSED, *metrics))).rows}


def test_without_what_deployments_want_the_ready_pods_count(read: Read) -> None:
    want = {app.name: app.replicas for app in ROLLING.apps}
    # Nobody can say that a ReplicaSet of eight whose successor never gets ready should have ten.
    want |= {name: want[name] * 8 // 10 for name in want if name.startswith("hangs")}
    assert pods_without(read, *DEPLOYMENT_METRICS) == {
        name: pytest.approx(pods, rel=0.09) for name, pods in want.items()
    }


def test_without_what_is_ready_a_surge_may_count_and_no_pod_is_missed(read: Read) -> None:
    pods = pods_without(read, *DEPLOYMENT_METRICS, READY_METRIC)
    assert all(app.replicas <= pods[app.name] <= 1.3 * app.replicas for app in ROLLING.apps), pods
    exact = ("canary", "quick", "paused", "begins-to-hang")
    assert {name: pods[name] for name in pods if name.rsplit("-", 1)[0] in exact} == {
        app.name: app.replicas for app in ROLLING.apps if app.name.rsplit("-", 1)[0] in exact
    }


@pytest.mark.parametrize("without", [(), DEPLOYMENT_METRICS], ids=["deployments are exported", "they are not"])
def test_evicted_pods_that_nobody_deletes_did_not_run(read: Read, without: tuple[str, ...]) -> None:
    ends = (Replace(at("08:00") + timedelta(minutes=number), number % 4, stays_listed=True) for number in range(30))
    cart = App("cart", "shop", (PLAIN,), 4, events=tuple(ends))
    [row] = read(Fleet((cart,), MONDAY, 1, without=without)).rows
    assert (row.pods, row.pods_coverage) == (4, 1.0)


def test_a_container_of_some_pods_is_counted_for_itself(read: Read) -> None:
    """A canary brings a proxy along: two of ten pods have it."""
    proxy = replace(PLAIN, name="proxy")
    canary = Rollout(at("09:00"), stops_after=2, containers=(PLAIN, proxy))
    usage = read(Fleet((App("cart", "shop", (PLAIN,), 10, events=(canary,)),), MONDAY, 1))
    assert {row.container: (row.pods, row.pods_with_container) for row in usage.rows} == {
        "app": (10, None),
        "proxy": (10, 2),
    }


def nodes_with(app: App, fleet: Fleet, pods: int) -> list[str]:
    """Nodes that hold so many pods of the app and no more than one each."""
    nodes = [pod.node for pod in pods_of(fleet) if pod.app is app]
    return [node for node in nodes if nodes.count(node) == 1][:pods]


@pytest.mark.parametrize("without", [(), DEPLOYMENT_METRICS], ids=["deployments are exported", "they are not"])
def test_pods_on_nodes_that_are_not_scraped_ran_all_the_same(read: Read, without: tuple[str, ...]) -> None:
    cart = App("cart", "shop", (PLAIN,), 10)
    fleet = Fleet((cart,), MONDAY, 1, nodes=40, without=without)
    away = tuple(Gap(at("08:00"), at("12:00"), "cadvisor", node) for node in nodes_with(cart, fleet, 4))
    assert len(away) == 4
    [row] = read(replace(fleet, gaps=away)).rows
    assert (row.pods, round(row.pods_coverage, 4), row.coverage) == (10, 0.6, 1.0)
    [whole] = read(fleet).rows
    assert row.cpu_p95_millicores == pytest.approx(whole.cpu_p95_millicores, rel=0.1)


def test_p95_of_what_was_seen_is_that_of_the_raw_samples_in_spite_of_it_all(read: Read) -> None:
    rows = {row.deployment: row for row in read(ROLLING).rows}
    for app in (*TENS[2:], HUNDREDS[-1]):
        raw = RawSamples(ROLLING, app.name, "app", WINDOWS.peak_day(MONDAY).ranges[0])
        want = p95(mean_at_each_step(raw.cores())) * 1000
        assert rows[app.name].cpu_p95_millicores == pytest.approx(want, rel=0.03, abs=1), app.name
