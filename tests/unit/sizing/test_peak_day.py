from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from kubedoor.model.usage import UsageDay
from kubedoor.model.values import Resources
from kubedoor.sizing.options import SizingOptions
from kubedoor.sizing.peak_day import pods_of
from kubedoor.sizing.rules import collected_values
from tests.support.builders import DAY, make_usage_day
from tests.support.sizing import MI, days, of, sized

YESTERDAY = DAY - timedelta(days=1)


def day(back: int, **fields: Any) -> UsageDay:
    return make_usage_day(day=DAY - timedelta(days=back), **fields)


def test_ten_small_pods_and_three_large_ones_are_both_covered() -> None:
    got = sized([*days(9, pods=3, cpu=310), day(9, pods=10, cpu=100)])
    assert (got.replicas, got.peak_day) == (10, DAY - timedelta(days=9))
    assert of(got).cpu_request_millicores == 310
    assert got.containers[0].reasons[0] == f"cpu 310m: P95 of {DAY} was 310m with 3 pods"


def test_the_load_of_the_heaviest_memory_day_fits_into_the_replicas() -> None:
    """CPU decides how many pods run; ten pods' memory of another day then has to fit into four."""
    got = sized([day(0, pods=4, cpu=900, memory=100 * MI), day(1, pods=10, cpu=100, memory=90 * MI)])
    assert (got.replicas, got.memory_peak_day) == (4, YESTERDAY)
    assert of(got).memory_request_bytes == 225 * MI
    assert "load of 2026-11-19 was 10 × 90.0Mi, over 4 replicas" in got.containers[0].reasons[1]


def test_a_day_with_more_pods_says_nothing_of_one_pod() -> None:
    got = sized([day(0, pods=4, cpu=500), day(1, pods=3, cpu=600), day(2, pods=5, cpu=380)])
    assert (got.replicas, of(got).cpu_request_millicores) == (4, 600)


def test_a_container_of_some_pods_has_the_load_of_those_only() -> None:
    rows = [
        day(0, pods=10, cpu=100),
        day(0, pods=10, container="proxy", cpu=500, pods_with_container=1),
        day(1, pods=4, cpu=200),
    ]
    got = sized(rows)
    assert pods_of(rows[1]) == 1
    assert got.peak_day == DAY, "10 × 100m + 1 × 500m are more than 4 × 200m"
    assert of(got, "proxy").cpu_request_millicores == 500


@pytest.mark.parametrize(
    "thin",
    [{"coverage": 0.03}, {"pods_coverage": 0.4}, {"is_partial": True}],
    ids=["a few minutes", "some pods", "partial"],
)
def test_a_thin_day_is_never_the_peak_day_while_there_are_whole_ones(thin: dict[str, Any]) -> None:
    got = sized([day(0, pods=50, cpu=900, memory=900 * MI, **thin), *days(4, pods=3)[1:]])
    assert (got.replicas, got.peak_day, got.memory_peak_day) == (3, YESTERDAY, YESTERDAY)
    assert (of(got).cpu_request_millicores, of(got).memory_request_bytes) == (200, 256 * MI)


def test_a_container_renamed_minutes_before_the_windows_end_does_not_decide() -> None:
    rows = [
        day(0, container="app", cpu=200, coverage=0.95),
        day(0, container="renamed", cpu=9000, coverage=0.05),
        *days(4, cpu=200)[1:],
    ]
    got = sized(rows)
    assert (got.peak_day, of(got).cpu_request_millicores) == (DAY, 200)
    assert of(got, "renamed").cpu_request_millicores == 1000, "its own row for want of a better, cut to its limit"


def test_a_deployment_two_minutes_old_is_sized_by_what_there_is_of_it() -> None:
    got = sized([day(0, pods=1, cpu=40, coverage=0.02)])
    assert (got.replicas, of(got).cpu_request_millicores) == (1, 40)


def test_usage_of_the_peak_day_stays_visible_beside_the_request() -> None:
    got = sized([*days(9, pods=3, cpu=310), day(9, pods=10, cpu=100)]).containers[0]
    assert (got.cpu_usage_millicores, got.values.cpu_request_millicores) == (100, 310)


def test_limits_stay_those_of_the_newest_day_that_knows() -> None:
    newest = replace(day(0), found=Resources(), resources_known=False)
    limits = of(sized([newest, *days(4)[1:]]))
    assert (limits.cpu_limit_millicores, limits.memory_limit_bytes) == (1000, 1024 * MI)
    none = replace(day(0), found=Resources(500, 512 * MI))
    assert of(sized([none, *days(4)[1:]])).memory_limit_bytes is None, "no limit is not 'not known'"


def test_where_nobody_knows_what_is_asked_for_there_are_no_limits() -> None:
    rows = [replace(row, found=Resources(), resources_known=False) for row in days(3, cpu=5000)]
    assert of(sized(rows)) == Resources(5000, 256 * MI, None, None)


def test_the_clusters_peak_day_decides_alone() -> None:
    """With the scope `cluster` a workload's own heavier day is not looked at, on purpose."""
    rows = [
        *(replace(row, deployment="big") for row in (day(0, cpu=100), day(1, cpu=9000))),
        day(0, cpu=800),
        day(1, cpu=50),
    ]
    got = collected_values(rows, rule="peak-day", options=SizingOptions(), whole_cluster=True)
    assert {one.deployment: of(one).cpu_request_millicores for one in got} == {"big": 1000, "web": 50}


def test_the_clusters_peak_day_is_a_whole_one() -> None:
    rows = [day(0, cpu=9000, is_partial=True), day(1, cpu=100), day(2, cpu=300)]
    options = SizingOptions()
    (got,) = collected_values(rows, rule="peak-day", options=options, whole_cluster=True)
    assert got.peak_day == DAY - timedelta(days=2)
    (only,) = collected_values(rows[:1], rule="peak-day", options=options, whole_cluster=True)
    assert only.peak_day == DAY
