from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubedoor.collection.grid import Grid
from kubedoor.collection.pod_counts import nearest_rank
from kubedoor.collection.readings import DayReading, Fact, Metric
from kubedoor.collection.usage_days import day_usage, round_up
from kubedoor.model.peak_day import PeakDay, TimeRange
from kubedoor.model.usage import DayUsage, UsageDay
from kubedoor.model.values import Resources

DAY = date(2025, 6, 3)
STEPS = 10
MIB = 2**20
OLD, NEW = "cart-7d4b9c8f65", "cart-5f6b9c8d44"
PODS = ("bcdfg", "hjklm", "npqrs", "tvwxz")


def peak_day(steps: int = STEPS) -> PeakDay:
    start = datetime(2025, 6, 3, 10, tzinfo=UTC)
    return PeakDay(DAY, (TimeRange(start, start + timedelta(minutes=steps - 1)),))


NO_NAMES: dict[str, dict[str, Any]] = {
    "a namespace that is a path": {"namespace": "../shop"},
    "a container that is a path": {"container": "../../app"},
    "a container in capitals": {"container": "App"},
    "a container with a line feed": {"container": "app\n"},
    "a container that is markup": {"container": "<b>app</b>"},
    "a namespace without end": {"namespace": "s" * 5000},
    "an empty container": {"container": ""},
}


@pytest.mark.parametrize("where", NO_NAMES.values(), ids=NO_NAMES.keys())
def test_names_that_kubernetes_would_not_take_are_not_collected(where: dict[str, Any]) -> None:
    day = Day().pod(f"{OLD}-{PODS[0]}").pod(f"{OLD}-{PODS[1]}", **where).usage()
    assert [(row.namespace, row.deployment, row.container) for row in day.rows] == [("shop", "cart", "cart")]
    (warning,) = [one for one in day.warnings if "names that Kubernetes would not take" in one]
    assert warning.startswith("1 container left out")
    assert warning.isprintable()
    assert len(warning) < 300


@pytest.mark.parametrize("pod", ["../x-7d4b9c8f65-bcdfg", "Cart-7d4b9c8f65-bcdfg", "x\x00-7d4b9c8f65-bcdfg"])
def test_a_deployment_that_is_a_path_is_not_collected(pod: str) -> None:
    day = Day().pod(pod).usage()
    assert day.rows == ()
    assert any("names that Kubernetes would not take" in one for one in day.warnings)


class Day:
    """Builds a reading. Samples are one number for all steps, or one per step, None for missing."""

    def __init__(self, steps: int = STEPS) -> None:
        self.reading = DayReading(Grid.of(peak_day(steps).ranges, 60))
        self.steps = steps

    def pod(
        self,
        name: str,
        *,
        container: str = "cart",
        namespace: str = "shop",
        cpu: float | Sequence[float | None] | None = 0.1,
        memory: float | Sequence[float | None] | None = 100.0 * MIB,
    ) -> Day:
        for metric, values in ((Metric.CPU, cpu), (Metric.MEMORY, memory)):
            if values is not None:
                series = [values] * self.steps if isinstance(values, int | float) else values
                curve = array("d", (math.nan if value is None else value for value in series))
                self.reading.add_curve(metric, (namespace, name, container), curve, 0)
        return self

    def state(self, metric: Metric, value: float = 1.0, **labels: str) -> Day:
        self.reading.state.add(metric, {"namespace": "shop", "container": "cart", **labels}, value)
        return self

    def usage(self) -> DayUsage:
        return day_usage(self.reading, peak_day(self.steps))

    def row(self) -> UsageDay:
        (row,) = self.usage().rows
        return row


def test_quantiles_are_those_of_the_mean_over_pods() -> None:
    rising = [index / 10 for index in range(STEPS)]
    day = Day().pod(f"{OLD}-bcdfg", cpu=rising).pod(f"{OLD}-hjklm", cpu=[value + 0.1 for value in rising])
    row = day.row()
    # The mean runs from 0.05 to 0.95 cores; linear interpolation as quantile_over_time does it.
    assert row.cpu_quantiles_millicores == (500, 725, 860, 905, 932, 941, 950)
    assert row.cpu_p95_millicores == 905
    assert row.cpu_p95_hottest_millicores == 955
    assert row.pods == 2
    assert row.coverage == 1.0


def test_memory_is_rounded_up_to_whole_bytes() -> None:
    row = Day().pod(f"{OLD}-bcdfg", memory=1000.25).row()
    assert (row.memory_p95_bytes, row.memory_max_bytes, row.memory_quantiles_bytes[-1]) == (1001, 1001, 1001)


@pytest.mark.parametrize(
    ("value", "want"),
    [
        pytest.param(0.1 * 3 * 1000, 300, id="float noise above"),
        pytest.param(250.00000000001, 250, id="less than a millionth"),
        pytest.param(250.01, 251, id="really above"),
        pytest.param(0.0, 0, id="zero"),
        pytest.param(0.0004 * 1000, 1, id="less than a millicore"),
    ],
)
def test_rounding_goes_up_but_not_for_float_noise(value: float, want: int) -> None:
    assert round_up(value) == want


def test_the_memory_maximum_is_the_highest_sample_of_any_pod() -> None:
    day = Day().pod(f"{OLD}-bcdfg", memory=200.0).pod(f"{OLD}-hjklm", memory=100.0)
    day.reading.add_fact(Fact.MEMORY_MAX, ("shop", f"{OLD}-hjklm", "cart"), 777.0)
    row = day.row()
    assert (row.memory_max_bytes, row.memory_p95_bytes, row.memory_p95_hottest_bytes) == (777, 150, 200)


def present(start: int, end: int, value: float = 0.1) -> list[float | None]:
    return [value if start <= step < end else None for step in range(STEPS)]


def test_a_rollout_inside_the_window_is_one_row_without_its_surge() -> None:
    day = Day()
    for index, suffix in enumerate(PODS):
        old, new = present(0, 4 + index), present(2 + index, STEPS)
        day.pod(f"{OLD}-{suffix}", cpu=old, memory=old).pod(f"{NEW}-{suffix}", cpu=new, memory=new)
    row = day.row()
    assert (row.deployment, row.pods, row.coverage) == ("cart", 4, 1.0)


def test_a_replaced_pod_does_not_count_twice() -> None:
    day = Day(steps=20)
    day.pod(f"{OLD}-bcdfg", memory=1.0)
    day.pod(f"{OLD}-hjklm", memory=[1.0] * 10 + [None] * 10)
    day.pod(f"{OLD}-npqrs", memory=[None] * 9 + [1.0] * 11)
    assert day.row().pods == 2


def test_pods_are_counted_over_the_steps_that_have_any() -> None:
    row = Day().pod(f"{OLD}-bcdfg", memory=[None] * 8 + [1.0, 1.0]).row()
    assert (row.pods, row.coverage) == (1, 0.2)


def test_pods_without_memory_are_counted_by_cpu() -> None:
    day = Day().pod(f"{OLD}-bcdfg").pod(f"{OLD}-hjklm", memory=None)
    assert day.row().pods == 2


def test_all_containers_of_a_workload_have_its_pods_and_their_own_usage() -> None:
    day = Day()
    for suffix in PODS[:3]:
        day.pod(f"{OLD}-{suffix}", cpu=0.5)
    day.pod(f"{OLD}-bcdfg", container="proxy", cpu=0.02)
    rows = day.usage().rows
    assert [(row.container, row.pods, row.cpu_p95_millicores) for row in rows] == [("cart", 3, 500), ("proxy", 3, 20)]


def test_rows_are_in_order_of_namespace_deployment_container() -> None:
    day = Day()
    for namespace, deployment, container in (("b", "x", "c"), ("a", "z", "c"), ("a", "y", "d"), ("a", "y", "c")):
        day.pod(f"{deployment}-7d4b9c8f65-bcdfg", namespace=namespace, container=container)
    names = [(row.namespace, row.deployment, row.container) for row in day.usage().rows]
    assert names == [("a", "y", "c"), ("a", "y", "d"), ("a", "z", "c"), ("b", "x", "c")]


def test_pods_that_no_deployment_owns_are_left_out() -> None:
    assert Day().pod("redis-0").pod("log-agent-x7k2p").usage().rows == ()


def test_a_plain_init_container_is_left_out_and_a_native_sidecar_is_not() -> None:
    pod = f"{OLD}-bcdfg"
    day = Day().pod(pod).pod(pod, container="migrate").pod(pod, container="proxy")
    day.state(Metric.CONTAINER_INFO, pod=pod)
    day.state(Metric.INIT_CONTAINER_INFO, pod=pod, container="migrate", restart_policy="")
    day.state(Metric.INIT_CONTAINER_INFO, pod=pod, container="proxy", restart_policy="Always")
    assert [row.container for row in day.usage().rows] == ["cart", "proxy"]


def test_requests_and_limits_are_the_largest_found_of_the_pods() -> None:
    day = Day()
    for suffix, cores, size in (("bcdfg", 0.25, 64 * MIB), ("hjklm", 0.5, 32 * MIB)):
        pod = f"{OLD}-{suffix}"
        day.pod(pod)
        day.state(Metric.REQUESTS, cores, pod=pod, resource="cpu").state(
            Metric.REQUESTS, size, pod=pod, resource="memory"
        )
        day.state(Metric.LIMITS, 4 * cores, pod=pod, resource="cpu")
    assert day.row().found == Resources(500, 64 * MIB, 2000, None)


def test_a_request_is_rounded_up_and_a_limit_down_to_whole_units() -> None:
    pod = f"{NEW}-bcdfg"
    day = Day().pod(pod)
    for metric in (Metric.REQUESTS, Metric.LIMITS):
        day.state(metric, 107374182.4, pod=pod, resource="memory").state(metric, 0.1004, pod=pod, resource="cpu")
    assert day.row().found == Resources(101, 107374183, 100, 107374182)


def test_the_cpu_quota_is_the_fallback_for_a_limit_that_is_not_listed() -> None:
    pod = f"{OLD}-bcdfg"
    quota = Day().pod(pod).state(Metric.CPU_QUOTA, 50_000, pod=pod)
    assert quota.row().found == Resources(cpu_limit_millicores=500)
    assert quota.state(Metric.LIMITS, 0.3, pod=pod, resource="cpu").row().found.cpu_limit_millicores == 300


def test_throttling_is_a_share_of_all_pods_periods_or_not_known() -> None:
    day = Day().pod(f"{OLD}-bcdfg").pod(f"{OLD}-hjklm")
    assert day.row().throttled_share is None
    for suffix, throttled in (("bcdfg", 30.0), ("hjklm", 10.0)):
        day.reading.add_fact(Fact.PERIODS, ("shop", f"{OLD}-{suffix}", "cart"), 100.0)
        day.reading.add_fact(Fact.THROTTLED_PERIODS, ("shop", f"{OLD}-{suffix}", "cart"), throttled)
    assert day.row().throttled_share == pytest.approx(0.2)


def test_an_oom_kill_seen_by_both_metrics_is_one() -> None:
    day = Day().pod(f"{OLD}-bcdfg").pod(f"{OLD}-hjklm")
    day.reading.add_fact(Fact.OOM_EVENTS, ("shop", f"{OLD}-bcdfg", "cart"), 1.02)
    day.reading.add_fact(Fact.OOM_RESTARTS, ("shop", f"{OLD}-bcdfg", "cart"), 0.98)
    day.reading.add_fact(Fact.OOM_RESTARTS, ("shop", f"{OLD}-hjklm", "cart"), 2.04)
    assert day.row().oom_kills == 3


def test_a_workload_with_an_hpa() -> None:
    day = Day().pod(f"{OLD}-bcdfg")
    day.state(Metric.HPA, scaletargetref_kind="Deployment", scaletargetref_name="cart")
    assert day.row().hpa is True


def test_an_hpa_of_another_workload_does_not_count() -> None:
    day = Day().pod(f"{OLD}-bcdfg").pod("redis-0")
    day.state(Metric.HPA, scaletargetref_kind="StatefulSet", scaletargetref_name="redis")
    assert day.row().hpa is False
    assert day.state(Metric.CONTAINER_INFO, pod=f"{OLD}-bcdfg").row().hpa is False, "a StatefulSet's pod is no matter"


def test_without_the_hpa_metric_the_hpa_is_not_known() -> None:
    assert Day().pod(f"{OLD}-bcdfg").row().hpa is None


def test_with_a_missing_shard_of_kube_state_metrics_only_listed_hpas_are_known() -> None:
    day = Day().pod(f"{OLD}-bcdfg").pod(f"{OLD}-hjklm").pod("web-7d4b9c8f65-npqrs")
    for pod in (f"{OLD}-bcdfg", "web-7d4b9c8f65-npqrs"):
        day.state(Metric.CONTAINER_INFO, pod=pod)
    day.state(Metric.HPA, scaletargetref_kind="Deployment", scaletargetref_name="cart")
    assert {row.deployment: row.hpa for row in day.usage().rows} == {"cart": True, "web": None}


@pytest.mark.parametrize(
    ("cpu", "memory", "metric"),
    [(0.1, None, "container_memory_working_set_bytes"), (None, 1.0, "container_cpu_usage_seconds_total")],
)
def test_a_container_without_one_of_the_figures_gives_no_row_but_a_warning(
    cpu: float | None, memory: float | None, metric: str
) -> None:
    day = Day().pod(f"{OLD}-bcdfg").pod(f"{OLD}-bcdfg", container="odd", cpu=cpu, memory=memory)
    usage = day.usage()
    assert [row.container for row in usage.rows] == ["cart"]
    assert f"1 container without a sample of {metric} left out: shop/cart/odd" in usage.warnings


def test_a_day_without_data_has_no_rows_and_names_what_is_missing() -> None:
    usage = Day().usage()
    assert (usage.rows, usage.coverage) == ((), 0.0)
    assert len(usage.warnings) == 6
    assert usage.warnings[2] == (
        "container_spec_cpu_quota has no series between 2025-06-03 10:00 UTC and 2025-06-03 10:09 UTC"
    )


def test_a_day_without_windows_has_no_usage_and_no_warnings() -> None:
    nothing = PeakDay(DAY, ())
    assert day_usage(DayReading(Grid.of((), 60)), nothing) == DayUsage((), 0.0)


def test_coverage_of_a_day_is_that_of_all_containers_together() -> None:
    day = Day().pod(f"{OLD}-bcdfg", cpu=[0.1] * 5 + [None] * 5, memory=[1.0] * 6 + [None] * 4)
    day.pod("redis-0", cpu=None, memory=[None] * 8 + [1.0, None])
    assert day.usage().coverage == pytest.approx(0.7)
    assert day.row().coverage == pytest.approx(0.5)


STEADY = settings(derandomize=True, deadline=None)


@STEADY
@given(st.lists(st.integers(1, 300), min_size=1, max_size=100), st.sampled_from([0.1, 0.5, 0.9, 1.0]))
def test_the_nearest_rank_is_not_exceeded_by_its_share(numbers: list[int], share: float) -> None:
    rank = nearest_rank(sorted(numbers), share)
    assert rank in numbers
    assert sum(number <= rank for number in numbers) >= share * len(numbers) - 1e-9
