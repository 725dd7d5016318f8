from __future__ import annotations

from datetime import date, timedelta

import pytest

from kubedoor.errors import InvalidInput
from kubedoor.model.collected import CollectedValues
from kubedoor.model.usage import UsageDay
from kubedoor.model.values import Resources
from kubedoor.sizing import rules
from kubedoor.sizing.options import SizingOptions
from tests.support.builders import DAY, make_usage_day

MI = 2**20
YESTERDAY = DAY - timedelta(days=1)


def size(*history: UsageDay, options: SizingOptions | None = None) -> CollectedValues:
    (values,) = rules.collected_values(
        history, rule="peak-day", options=options or SizingOptions(), whole_cluster=False
    )
    return values


def test_the_heaviest_day_decides() -> None:
    got = size(make_usage_day(cpu=100, pods=3), make_usage_day(cpu=400, pods=5, day=YESTERDAY))
    assert (got.replicas, got.peak_day, got.days) == (5, YESTERDAY, 2)
    assert got.containers[0].values.cpu_request_millicores == 400


def test_many_small_pods_outweigh_few_big_ones() -> None:
    got = size(make_usage_day(cpu=100, pods=9), make_usage_day(cpu=200, pods=4, day=YESTERDAY))
    assert got.peak_day == DAY


def test_of_equal_days_the_newest_counts() -> None:
    assert size(make_usage_day(), make_usage_day(day=YESTERDAY)).peak_day == DAY


def test_memory_follows_its_own_day() -> None:
    got = size(make_usage_day(cpu=400, memory=100 * MI), make_usage_day(cpu=100, memory=900 * MI, day=YESTERDAY))
    assert (got.peak_day, got.memory_peak_day) == (DAY, YESTERDAY)
    assert got.containers[0].values.memory_request_bytes == 900 * MI


def test_a_sidecar_is_never_below_its_own_p95_of_a_day_with_as_many_pods() -> None:
    got = size(
        make_usage_day(cpu=400),
        make_usage_day(container="proxy", cpu=20),
        make_usage_day(cpu=100, day=YESTERDAY),
        make_usage_day(container="proxy", cpu=90, day=YESTERDAY),
    )
    assert [(c.container, c.values.cpu_request_millicores) for c in got.containers] == [("app", 400), ("proxy", 90)]


def test_a_container_that_is_new_since_the_peak_day_uses_its_own() -> None:
    got = size(
        make_usage_day(cpu=900, day=YESTERDAY), make_usage_day(cpu=100), make_usage_day(container="proxy", cpu=30)
    )
    assert [(c.container, c.values.cpu_request_millicores) for c in got.containers] == [("app", 900), ("proxy", 30)]


def test_limits_are_those_of_the_newest_day() -> None:
    old, new = Resources(cpu_limit_millicores=500), Resources(cpu_limit_millicores=2000)
    got = size(make_usage_day(cpu=900, day=YESTERDAY, found=old), make_usage_day(cpu=100, found=new))
    assert got.containers[0].values.cpu_limit_millicores == 2000


def test_floors_and_whole_mebibytes() -> None:
    got = size(make_usage_day(cpu=1, memory=5)).containers[0]
    assert (got.values.cpu_request_millicores, got.values.memory_request_bytes) == (10, MI)
    assert "raised to the floor" in got.reasons[0]
    assert "raised to the floor" in got.reasons[1]
    assert size(make_usage_day(memory=MI * 3 + 1)).containers[0].values.memory_request_bytes == 4 * MI


def test_a_request_above_its_limit_is_cut_and_says_so() -> None:
    got = size(make_usage_day(cpu=900, memory=900 * MI, found=Resources(None, None, 300, 200 * MI))).containers[0]
    assert (got.values.cpu_request_millicores, got.values.memory_request_bytes) == (300, 200 * MI)
    assert got.reasons[-2:] == (
        "cpu request 300m: cut to its limit 300m",
        "memory request 200Mi: cut to its limit 200Mi",
    )


@pytest.mark.parametrize(
    ("newest", "yesterday", "want"),
    [
        (True, False, True),
        (False, True, False),
        (None, True, True),
        (None, False, False),
        (None, None, None),
    ],
)
def test_the_newest_day_with_a_known_hpa_decides(
    newest: bool | None, yesterday: bool | None, want: bool | None
) -> None:
    assert size(make_usage_day(hpa=newest), make_usage_day(hpa=yesterday, day=YESTERDAY)).hpa is want


def test_with_the_cluster_scope_every_workload_uses_one_peak_day() -> None:
    rows = [
        make_usage_day(deployment="big", cpu=4000, day=YESTERDAY),
        make_usage_day(deployment="big", cpu=100),
        make_usage_day(deployment="small", cpu=10, day=YESTERDAY),
        make_usage_day(deployment="small", cpu=20),
        make_usage_day(deployment="young", cpu=30),
    ]

    def days(*, whole_cluster: bool) -> dict[str, date]:
        got = rules.collected_values(rows, rule="peak-day", options=SizingOptions(), whole_cluster=whole_cluster)
        return {values.deployment: values.peak_day for values in got}

    assert days(whole_cluster=True) == {"big": YESTERDAY, "small": YESTERDAY, "young": DAY}
    assert days(whole_cluster=False) == {"big": YESTERDAY, "small": DAY, "young": DAY}


def test_no_usage_gives_no_values() -> None:
    assert rules.collected_values([], rule="peak-day", options=SizingOptions(), whole_cluster=True) == []


def test_an_unknown_rule_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InvalidInput, match="peak-day"):
        rules.rule_named("guess")
