from __future__ import annotations

import math
from array import array
from datetime import UTC, datetime, timedelta

import pytest

from kubedoor.collection.grid import Grid, Segment
from kubedoor.collection.readings import ClusterState, DayReading, Fact, Metric
from kubedoor.model.peak_day import TimeRange

START = datetime(2025, 6, 3, 10, tzinfo=UTC)
KEY = ("shop", "cart-7d4b9c8f65-x7k2p", "cart")
LABELS = {"namespace": "shop", "pod": "cart-7d4b9c8f65-x7k2p", "container": "cart"}


def minutes(start: float, end: float) -> TimeRange:
    return TimeRange(START + timedelta(minutes=start), START + timedelta(minutes=end))


def steps_of(grid: Grid) -> list[tuple[float, float, int]]:
    zero = START.timestamp()
    return [((each.first - zero) / 60, (each.last - zero) / 60, each.offset) for each in grid.segments]


@pytest.mark.parametrize(
    ("ranges", "step_seconds", "want"),
    [
        pytest.param([minutes(0, 90)], 60, [(0, 90, 0)], id="both ends are steps"),
        pytest.param([minutes(0.5, 89.5)], 60, [(1, 89, 0)], id="steps are multiples of the step"),
        pytest.param([minutes(0, 10), minutes(60, 70)], 300, [(0, 10, 0), (60, 70, 3)], id="two windows in a row"),
        pytest.param([minutes(1, 3)], 300, [(0, 0, 0)], id="a window shorter than a step has the one before its end"),
        pytest.param([minutes(0, 6), minutes(7, 9)], 300, [(0, 5, 0)], id="no step belongs to two windows"),
        pytest.param([], 60, [], id="no windows"),
    ],
)
def test_a_grid_has_the_steps_inside_the_ranges(
    ranges: list[TimeRange], step_seconds: int, want: list[tuple[float, float, int]]
) -> None:
    assert steps_of(Grid.of(ranges, step_seconds)) == want


@pytest.mark.parametrize("steps", [1, 2, 3, 91])
def test_halves_have_the_same_steps_as_the_whole(steps: int) -> None:
    whole = Segment(600, 600 + (steps - 1) * 60, 60, offset=7)
    halves = whole.halves()
    assert sum(half.steps for half in halves) == steps
    assert (halves[0].first, halves[-1].last, halves[0].offset) == (600, whole.last, 7)
    assert len(halves) == min(steps, 2)
    assert halves[-1].offset - 7 == (halves[-1].first - 600) / 60


def test_a_curve_takes_points_by_their_time_and_leaves_gaps() -> None:
    points = [(600.0, 1.0), (720.001, 3.0), (780.0, math.inf), (840.0, math.nan), (540.0, 9.0), (960.0, 9.0)]
    curve = Segment(600, 900, 60).curve(points)
    assert [value for value in curve if not math.isnan(value)] == [1.0, 3.0]
    assert (curve[0], curve[2], len(curve)) == (1.0, 3.0, 6)


def test_a_curve_with_a_point_at_every_step_may_still_have_gaps() -> None:
    segment = Segment(600, 720, 60)
    assert list(segment.curve([(600, "1"), (660, "2"), (720, "3")])) == [1.0, 2.0, 3.0]
    assert repr(list(segment.curve([(600, "1"), (660, "NaN"), (720, "+Inf")]))) == "[1.0, nan, nan]"


@pytest.mark.parametrize(
    "points",
    [
        pytest.param([(600, 1), (660, 2.5), (720, 3)], id="at every step"),
        pytest.param([(600, 1), (720, 3)], id="with a gap"),
        pytest.param([(540, 1), (660, 2), (720.001, 3)], id="off the steps"),
        pytest.param([(600, 1), (660, math.inf), (720, 3)], id="not finite"),
        pytest.param([], id="without any"),
    ],
)
def test_flat_numbers_make_the_same_curve(points: list[tuple[float, float]]) -> None:
    segment = Segment(600, 720, 60)
    flat = [number for point in points for number in point]
    assert repr(segment.curve_of(flat)) == repr(segment.curve(points))


def test_pieces_of_a_curve_are_joined_in_any_order() -> None:
    reading = DayReading(Grid.of([minutes(0, 4)], 60))
    reading.add_curve(Metric.CPU, KEY, array("d", [4.0, 5.0]), 3)
    reading.add_curve(Metric.CPU, KEY, array("d", [1.0, math.nan, 3.0]), 0)
    assert repr(list(reading.cpu[KEY])) == "[1.0, nan, 3.0, 4.0, 5.0]"
    assert not reading.memory


def test_a_curve_without_samples_is_not_added() -> None:
    reading = DayReading(Grid.of([minutes(0, 1)], 60))
    reading.add_curve(Metric.MEMORY, KEY, array("d", [math.nan, math.nan]), 0)
    assert not reading.memory
    assert Metric.MEMORY in list(reading.missing_metrics())


def test_facts_of_pieces_add_up_and_maxima_stay_maxima() -> None:
    reading = DayReading(Grid.of([minutes(0, 1)], 60))
    for value in (3.0, 5.0, 4.0, math.nan):
        reading.add_fact(Fact.MEMORY_MAX, KEY, value)
        reading.add_fact(Fact.PERIODS, KEY, value)
    assert (reading.fact(Fact.MEMORY_MAX, KEY), reading.fact(Fact.PERIODS, KEY)) == (5.0, 12.0)
    assert reading.fact(Fact.OOM_EVENTS, KEY) == 0


def state_of(metric: str, value: float = 1.0, **labels: str) -> ClusterState:
    state = ClusterState()
    state.add(metric, {**LABELS, **labels}, value)
    return state


def test_of_duplicate_requests_the_largest_is_kept() -> None:
    state = state_of(Metric.REQUESTS, 0.5, resource="cpu")
    state.add(Metric.REQUESTS, {**LABELS, "resource": "cpu"}, 0.25)
    state.add(Metric.LIMITS, {**LABELS, "resource": "memory"}, 1024.0)
    assert (state.requests, state.limits) == ({(KEY, "cpu"): 0.5}, {(KEY, "memory"): 1024.0})


@pytest.mark.parametrize(
    ("quota", "want"),
    [
        pytest.param(50_000, {KEY: 0.5}, id="half a core"),
        pytest.param(-1, {}, id="-1 is none"),
        pytest.param(0, {}, id="0 is none"),
        pytest.param(math.nan, {}, id="NaN is none"),
    ],
)
def test_a_quota_is_microseconds_in_100_ms(quota: float, want: dict[tuple[str, str, str], float]) -> None:
    assert state_of(Metric.CPU_QUOTA, quota).cpu_quotas == want


@pytest.mark.parametrize(
    ("state", "want"),
    [
        pytest.param(ClusterState(), True, id="nothing is listed: all are counted"),
        pytest.param(state_of(Metric.CONTAINER_INFO), True, id="listed"),
        pytest.param(state_of(Metric.CONTAINER_INFO, container="other"), False, id="another is listed"),
        pytest.param(state_of(Metric.REQUESTS, resource="cpu"), True, id="requests alone list nothing"),
    ],
)
def test_only_listed_containers_are_counted(state: ClusterState, want: bool) -> None:
    assert state.is_counted(KEY) is want


@pytest.mark.parametrize(("policy", "want"), [("Always", True), ("", False)])
def test_of_init_containers_only_native_sidecars_are_counted(policy: str, want: bool) -> None:
    state = state_of(Metric.CONTAINER_INFO, container="other")
    state.add(Metric.INIT_CONTAINER_INFO, {**LABELS, "restart_policy": policy}, 1)
    assert state.is_counted(KEY) is want


@pytest.mark.parametrize(("kind", "want"), [("Deployment", {("shop", "cart")}), ("StatefulSet", set())])
def test_only_autoscalers_of_deployments_are_kept(kind: str, want: set[tuple[str, str]]) -> None:
    assert state_of(Metric.HPA, scaletargetref_kind=kind, scaletargetref_name="cart").hpa_targets == want


def test_owner_series_reach_the_ownership() -> None:
    state = state_of(Metric.POD_OWNER, owner_kind="ReplicaSet", owner_name="odd")
    state.add(
        Metric.REPLICASET_OWNER,
        {"namespace": "shop", "replicaset": "odd", "owner_kind": "Deployment", "owner_name": "x"},
        1,
    )
    owner = state.ownership.owner_of("shop", KEY[1])
    assert owner is not None
    assert owner.deployment == "x"


def test_an_unknown_metric_is_only_recorded_as_seen() -> None:
    state = state_of("kube_pod_labels")
    assert state == ClusterState(seen={"kube_pod_labels"})
