"""Pods of a Deployment as they are listed and as they are seen: rollouts, churn, nodes and shards that are away."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from kubedoor.collection.readings import Metric
from kubedoor.model.usage import DayUsage, UsageDay
from kubedoor.model.values import Resources
from tests.support.readings import STEPS, Day, between

OLD, NEW = "web-7d4b9c8f65", "web-5f6b9c8d44"
LETTERS = "bcdfghjklmnpqrstvwxz"


def names(replicaset: str, count: int) -> list[str]:
    """Pod names of one ReplicaSet."""
    return [f"{replicaset}-{LETTERS[index // 20]}{LETTERS[index % 20]}bcd" for index in range(count)]


def add(
    day: Day, pods: Sequence[str], start: int = 0, end: int = STEPS, *, linger: int = 0, listed: bool = True
) -> Day:
    """Pods that run from step `start` to `end`; Prometheus returns their last sample for `linger` steps more."""
    for pod in pods:
        samples = between(start, end + linger)
        day.seen(pod, cpu=[value and 0.2 for value in samples], memory=[value and 2.0**27 for value in samples])
        if listed:
            day.listed(pod, between(start, end))
    return day


def only(usage: DayUsage) -> UsageDay:
    (row,) = usage.rows
    return row


class TestRollouts:
    def test_hanging(self) -> None:
        """10 are wanted; 8 old ones are ready, 3 new ones never start: no samples."""
        day = add(Day(), names(OLD, 8)).deployment("web", spec=10, ready=8, existing=11)
        for pod in names(NEW, 3):
            day.listed(pod)
        row = day.row()
        assert row.pods == 10
        assert row.pods_coverage == pytest.approx(8 / 11)

    @pytest.mark.parametrize("with_spec", [True, False])
    def test_paused_as_a_canary(self, with_spec: bool) -> None:
        day = add(add(Day(), names(OLD, 8)), names(NEW, 2))
        if with_spec:
            day.deployment("web", spec=10, ready=10, existing=10)
        row = day.row()
        assert (row.pods, row.pods_coverage, row.coverage) == (10, 1.0, 1.0)

    def test_a_surge_for_twenty_minutes(self) -> None:
        day = add(add(Day(), names(OLD, 10), end=50, linger=5), names(NEW, 10), start=30)
        assert day.row().pods == 10

    @pytest.mark.parametrize(("with_spec", "want"), [(True, 100), (False, 104)])
    def test_one_that_takes_three_hours(self, with_spec: bool, want: int) -> None:
        """The window sees pods 20 to 80 of 100 change, one and a half minutes each, with a surge of four."""
        day = Day()
        for index, (old, new) in enumerate(zip(names(OLD, 100), names(NEW, 100), strict=True)):
            changes = round((index - 20) * 1.5)
            add(day, [old], end=min(max(changes + 6, 0), STEPS))
            add(day, [new], start=min(max(changes, 0), STEPS))
        if with_spec:
            day.deployment("web", spec=100, ready=100, existing=104)
        assert day.row().pods == want


class TestChurn:
    @pytest.mark.parametrize(("with_spec", "want"), [(True, 100), (False, 100)])
    def test_pods_that_live_an_hour(self, with_spec: bool, want: int) -> None:
        """Each is replaced once in the hour, at its own minute; Prometheus shows the last sample for five minutes more."""
        day, pods = Day(), iter(names(OLD, 400))
        for index in range(100):
            changes = range(index * 60 // 100 - 60, STEPS + 60, 60)
            for start in changes:
                first, last = max(start, 0), min(start + 60, STEPS)
                if first < last:
                    add(day, [next(pods)], first, last, linger=5)
        if with_spec:
            day.deployment("web", spec=100, ready=99, existing=100)
        usage = day.usage()
        assert only(usage).pods == want
        assert only(usage).pods_coverage == 1.0
        assert not usage.is_partial

    def test_the_last_trace_of_pods_that_were_gone_before_the_window_counts_for_nothing(self) -> None:
        day = add(add(Day(), names(OLD, 3)), names(NEW, 3), end=5, listed=False)
        usage = day.usage()
        assert (only(usage).pods, only(usage).pods_coverage, usage.is_partial) == (3, 1.0, False)
        assert not [warning for warning in usage.warnings if "not listed" in warning]

    def test_so_it_does_in_a_short_window(self) -> None:
        day = Day(steps=10)
        for pod in names(OLD, 20):
            day.seen(pod).listed(pod)
        day.seen(names(NEW, 1)[0], cpu=between(0, 5, steps=10), memory=between(0, 5, steps=10))
        day.seen(names(NEW, 2)[1], cpu=between(0, 5, steps=10), memory=between(0, 5, steps=10))
        assert not day.usage().is_partial


class TestNodesThatAreNotScraped:
    @pytest.mark.parametrize("with_spec", [True, False])
    def test_ten_pods_run_and_six_are_seen(self, with_spec: bool) -> None:
        """Case 03."""
        day = add(Day(), names(OLD, 6))
        for pod in names(OLD, 10)[6:]:
            day.listed(pod)
        if with_spec:
            day.deployment("web", spec=10, ready=10, existing=10)
        row = day.row()
        assert (row.pods, row.coverage) == (10, 1.0)
        assert row.pods_coverage == pytest.approx(0.6)

    def test_all_of_its_nodes(self) -> None:
        day = add(Day(), names("cart-7d4b9c8f65", 2))
        for pod in names(OLD, 3):
            day.listed(pod)
        usage = day.usage()
        assert [row.deployment for row in usage.rows] == ["cart"]
        assert (
            "1 Deployment with listed pods and without a sample: shop/web; are the kubelets of all nodes scraped, and have these"
            " pods ever started?" in usage.warnings
        )

    def test_many_are_counted_and_some_named(self) -> None:
        day = add(Day(), names("cart-7d4b9c8f65", 2))
        for letter in "bcdfghj":
            day.listed(f"api{letter}-7d4b9c8f65-bcdfg")
        (warning,) = [one for one in day.usage().warnings if "listed pods" in one]
        assert warning.startswith("7 Deployments with listed pods and without a sample: shop/apib, ")
        assert " and 2 more; " in warning

    def test_a_deployment_of_this_minute_is_not_missed(self) -> None:
        day = add(Day(), names("cart-7d4b9c8f65", 2)).listed(names(OLD, 1)[0], between(88, STEPS))
        assert not [one for one in day.usage().warnings if "listed pods" in one]

    def test_from_the_middle_of_the_window_on(self) -> None:
        day = add(Day(), names(OLD, 4))
        for pod in names(NEW, 4):
            day.listed(pod)
            day.seen(pod, cpu=between(0, 46), memory=between(0, 46))
        row = day.row()
        assert row.pods == 8
        assert row.pods_coverage == pytest.approx((4 * 91 + 4 * 46) / (8 * 91))


class TestShardsOfKubeStateMetrics:
    def test_away_all_the_time(self) -> None:
        """Case 32: usage of cart and web; cart alone is listed."""
        day = add(add(Day(), names("cart-7d4b9c8f65", 4)), names(OLD, 4), listed=False)
        usage = day.usage()
        assert {row.deployment: (row.pods, row.pods_coverage) for row in usage.rows} == {
            "cart": (4, 1.0),
            "web": (4, 1.0),
        }
        assert usage.is_partial
        assert any(
            warning.startswith("4 pods with usage not listed by kube_pod_container_info") for warning in usage.warnings
        )
        assert {row.deployment: row.resources_known for row in usage.rows} == {"cart": True, "web": False}

    def test_half_of_the_pods_are_in_it(self) -> None:
        day = add(add(Day(), names(OLD, 10)[:5]), names(OLD, 10)[5:], listed=False)
        assert (day.row().pods, day.reading.has_unlisted_shard()) == (10, True)

    @pytest.mark.parametrize("until", [3, 8, 40])
    def test_half_of_the_pods_are_in_one_that_goes_away(self, until: int) -> None:
        """And so is the Deployment: what is seen for longer than a moment is there."""
        day = add(Day(), names(OLD, 5))
        for pod in names(OLD, 10)[5:]:
            day.seen(pod).listed(pod, between(0, until))
        day.deployment("web", spec=between(0, until, 10.0), ready=between(0, until, 10.0))
        assert (day.row().pods, day.row().pods_coverage) == (10, 1.0)

    def test_one_away_for_some_minutes_is_bridged(self) -> None:
        day = Day()
        for pod in names(OLD, 5):
            day.seen(pod).listed(pod, [None if 40 <= step < 44 else 1.0 for step in range(STEPS)])
        usage = day.usage()
        assert (only(usage).pods, only(usage).pods_coverage, usage.is_partial) == (5, 1.0, False)

    def test_no_kube_state_metrics_at_all(self) -> None:
        usage = add(Day(), names(OLD, 4), listed=False).usage()
        assert (only(usage).pods, only(usage).pods_coverage, usage.is_partial) == (4, 1.0, False)
        assert not only(usage).resources_known
        assert not [warning for warning in usage.warnings if "not listed" in warning]

    def test_exported_namespace_alone(self) -> None:
        """Case 04: all series of kube-state-metrics carry the namespace of kube-state-metrics itself."""
        day = add(Day(), names(OLD, 3), listed=False)
        day.listed("kube-state-metrics-7d4b9c8f65-bcdfg", namespace="monitoring", containers=("app",))
        usage = day.usage()
        assert [(row.deployment, row.pods) for row in usage.rows] == [("web", 3)]
        assert usage.is_partial
        assert any("exported_namespace" in warning for warning in usage.warnings)

    def test_owners_say_whose_pods_are_that_nothing_lists(self) -> None:
        day = add(Day(), ["odd-name-1"], listed=False).listed("cart-7d4b9c8f65-bcdfg")
        day.state(Metric.POD_OWNER, pod="odd-name-1", owner_kind="ReplicaSet", owner_name="odd")
        day.state(Metric.REPLICASET_OWNER, replicaset="odd", owner_kind="Deployment", owner_name="real")
        assert [row.deployment for row in day.usage().rows] == ["real"]


class TestContainers:
    def test_init_containers_of_listed_pods_never_count(self) -> None:
        day = Day()
        for pod in names(OLD, 2):
            day.seen(pod).seen(pod, container="migrate", cpu=between(0, 10, 3.0), memory=between(0, 10)).listed(pod)
        assert [row.container for row in day.usage().rows] == ["app"]

    def test_a_sidecar_in_some_of_the_pods(self) -> None:
        day = Day()
        for index, pod in enumerate(names(OLD, 10)):
            day.seen(pod).listed(pod, containers=("app", "proxy") if index < 3 else ("app",))
            if index < 3:
                day.seen(pod, container="proxy")
        rows = {row.container: (row.pods, row.pods_with_container) for row in day.usage().rows}
        assert rows == {"app": (10, None), "proxy": (10, 3)}

    def test_a_sidecar_in_some_of_the_pods_that_are_seen(self) -> None:
        """10 are listed, 6 seen, 3 of those with the sidecar: it is in half of them."""
        day = Day()
        for index, pod in enumerate(names(OLD, 10)):
            day.listed(pod, containers=("app", "proxy"))
            if index < 6:
                day.seen(pod)
            if index < 3:
                day.seen(pod, container="proxy")
        rows = {row.container: (row.pods, row.pods_with_container) for row in day.usage().rows}
        assert rows == {"app": (10, None), "proxy": (10, 5)}

    def test_a_sidecar_that_a_rollout_brought_is_in_all_of_them(self) -> None:
        day = add(Day(), names(OLD, 4), end=45)
        for pod in names(NEW, 4):
            for container in ("app", "proxy"):
                day.seen(pod, container=container, cpu=between(45, STEPS), memory=between(45, STEPS))
            day.listed(pod, between(45, STEPS), containers=("app", "proxy"))
        rows = {row.container: row.pods_with_container for row in day.usage().rows}
        assert rows == {"app": None, "proxy": None}

    def test_pods_without_memory_are_seen_by_their_cpu(self) -> None:
        pods = names(OLD, 2)
        day = Day().seen(pods[0]).seen(pods[1], memory=None).listed(pods[0]).listed(pods[1])
        assert (day.row().pods, day.row().pods_coverage) == (2, 1.0)


class TestResources:
    def test_what_is_listed_without_a_limit_has_none(self) -> None:
        day = add(Day(), names(OLD, 1)).state(Metric.REQUESTS, 0.5, pod=names(OLD, 1)[0], resource="cpu")
        assert (day.row().found, day.row().resources_known) == (Resources(500), True)

    def test_a_quota_is_no_list(self) -> None:
        """kube-state-metrics is away: cAdvisor's quota is there, and the other limits are not known."""
        day = add(Day(), names(OLD, 1), listed=False).state(Metric.CPU_QUOTA, 50_000, pod=names(OLD, 1)[0])
        assert (day.row().found.cpu_limit_millicores, day.row().resources_known) == (500, False)

    def test_a_native_sidecar_is_listed(self) -> None:
        (pod,) = names(OLD, 1)
        day = Day().seen(pod).listed(pod).seen(pod, container="proxy")
        day.state(Metric.INIT_CONTAINER_INFO, pod=pod, container="proxy", restart_policy="Always")
        assert {row.container: row.resources_known for row in day.usage().rows} == {"app": True, "proxy": True}
