"""Samples that cannot be true never reach a value."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from kubedoor.collection.grid import Grid
from kubedoor.collection.plausibility import Bounds
from kubedoor.collection.readings import Fact, Metric
from kubedoor.model.peak_day import TimeRange
from tests.support.readings import MIB, STEPS, Day

POD, OTHER = "web-7d4b9c8f65-x7k2p", "web-7d4b9c8f65-bcdfg"


def with_glitch(usual: float, glitch: float, at: Sequence[int] = range(40, 45)) -> list[float | None]:
    """One bad sample of a counter is in five steps of a rate over five minutes."""
    return [glitch if step in at else usual for step in range(STEPS)]


def limited(day: Day, pod: str = POD, *, cpu: float = 0, memory: float = 0) -> Day:
    for resource, value in (("cpu", cpu), ("memory", memory)):
        if value:
            day.state(Metric.LIMITS, value, pod=pod, resource=resource)
    return day


class TestBounds:
    @pytest.mark.parametrize(
        ("limit", "quota", "node", "glitch", "bound"),
        [
            pytest.param(0.5, 0, 64, 1.01, "its limit with slack, 1 cores", id="its limit"),
            pytest.param(0, 50_000, 64, 1.01, "its limit with slack, 1 cores", id="its quota, if no limit is listed"),
            pytest.param(0, 0, 64, 64.5, "the largest node's 64 cores", id="the largest node"),
            pytest.param(0.5, 0, 0.8, 0.9, "the largest node's 0.8 cores", id="a node below the limit"),
            pytest.param(4e6, 0, 64, 65, "the largest node's 64 cores", id="a limit that no node has"),
            pytest.param(0, 0, 0, 4100, "the possible 4096 cores", id="the setting"),
            pytest.param(0, 0, 64, 5766666.7, "the largest node's 64 cores", id="google/cadvisor#3611"),
        ],
    )
    def test_cpu_above_the_bound_is_dropped_and_named(
        self, limit: float, quota: float, node: float, glitch: float, bound: str
    ) -> None:
        day = limited(Day().seen(POD, cpu=with_glitch(0.2, glitch)), cpu=limit)
        day.state(Metric.CPU_QUOTA, quota or -1, pod=POD)
        if node:
            day.node(node, 2**40)
        usage = day.usage()
        assert usage.rows[0].cpu_p95_millicores == usage.rows[0].cpu_quantiles_millicores[-1] == 200
        assert usage.rows[0].dropped_samples == 5
        assert usage.rows[0].coverage == pytest.approx(86 / 91)
        assert f"5 implausible samples dropped: shop/{POD}/app (5, above {bound})" in usage.warnings

    @pytest.mark.parametrize("limit", [0, 0.5])
    def test_what_is_just_possible_stays(self, limit: float) -> None:
        row = limited(Day().seen(POD, cpu=with_glitch(0.2, 1.0 if limit else 4096)), cpu=limit).row()
        assert (row.dropped_samples, row.cpu_quantiles_millicores[-1]) == (0, 1000 if limit else 4_096_000)

    def test_a_negative_value_is_none(self) -> None:
        row = Day().seen(POD, cpu=with_glitch(0.2, -3.0), memory=with_glitch(100 * MIB, -1.0, [7])).row()
        assert (row.dropped_samples, row.cpu_quantiles_millicores[0]) == (6, 200)

    def test_missing_samples_are_no_dropped_ones(self) -> None:
        row = Day().seen(POD, cpu=[None, *with_glitch(0.2, 9999)[1:]]).row()
        assert row.dropped_samples == 5

    def test_of_memory_the_limit_bounds_too_with_less_slack(self) -> None:
        day = limited(Day().seen(POD, memory=with_glitch(100 * MIB, 251 * MIB, [3])), memory=200 * MIB)
        usage = day.usage()
        assert usage.rows[0].memory_max_bytes == 100 * MIB
        assert usage.warnings[-1] == (
            f"1 implausible sample dropped: shop/{POD}/app (1, above its limit with slack, 2.62144e+08 bytes)"
        )

    def test_an_absurd_memory_maximum_is_dropped(self) -> None:
        day = Day().seen(POD).node(8, 32 * 2**30).fact(Fact.MEMORY_MAX, POD, 2.0**62)
        row = day.row()
        assert (row.memory_max_bytes, row.dropped_samples) == (100 * MIB, 1)

    def test_without_a_node_the_settings_bound_memory(self) -> None:
        day = Day().seen(POD, memory=with_glitch(100 * MIB, 2**41, [3]))
        assert day.usage(Bounds(memory_bytes=2**40)).rows[0].memory_quantiles_bytes[-1] == 100 * MIB

    def test_a_limit_that_every_sample_exceeds_is_not_the_one_that_holds(self) -> None:
        """CFS quotas are switched off, or `400m` of memory was written for 400Mi."""
        row = limited(Day().seen(POD, cpu=0.5), cpu=0.1, memory=0.4).row()
        assert (row.cpu_p95_millicores, row.memory_p95_bytes, row.dropped_samples) == (500, 100 * MIB, 0)

    def test_a_container_with_nothing_but_absurd_samples_is_left_out_by_name(self) -> None:
        day = Day().node(8, 2**40).seen(POD, cpu=1e7).seen("cart-7d4b9c8f65-x7k2p")
        usage = day.usage()
        assert [row.deployment for row in usage.rows] == ["cart"]
        assert (
            "1 container without a sample of container_cpu_usage_seconds_total left out: shop/web/app" in usage.warnings
        )
        assert (
            f"91 implausible samples dropped: shop/{POD}/app (91, above the largest node's 8 cores)" in usage.warnings
        )

    def test_one_pods_glitch_is_not_the_others(self) -> None:
        row = Day().seen(POD, cpu=1e7).seen(OTHER, cpu=0.3).node(8, 2**40).row()
        assert (row.pods, row.cpu_p95_millicores, row.cpu_p95_hottest_millicores) == (2, 300, 300)

    def test_many_are_counted_and_the_worst_are_named(self) -> None:
        day = Day().node(8, 2**40)
        for index, suffix in enumerate("bcdfg"):
            day.seen(f"web-7d4b9c8f65-{suffix * 5}", cpu=with_glitch(0.2, 99, range(index + 1)))
        warning = day.usage().warnings[-1]
        assert warning.startswith("15 implausible samples dropped: shop/web-7d4b9c8f65-ggggg/app (5, ")
        assert warning.endswith(" and 2 further containers")


def rates(
    seconds: float, *, usage: float = 0.2, at: Sequence[int] = (40,), burst: Sequence[int] = ()
) -> list[float | None]:
    """The rate of a counter at `seconds` when the window begins, with a step back of 10 ms at the steps `at`.

    Prometheus takes the decrease for a restart from zero: the whole counter is in the five minutes' increase.
    """
    found: list[float | None] = []
    counter = seconds
    for step in range(STEPS):
        used = 2.0 if step in burst else usage
        counter += used * 60
        glitches = sum(step - 5 < glitch <= step for glitch in at)
        found.append(used + glitches * counter / 300)
    return found


class TestCounterThatWentBack:
    @pytest.mark.parametrize("seconds", [100.0, 500.0, 3_000.0, 40_000.0, 2_000_000.0])
    @pytest.mark.parametrize("limit", [0, 0.5], ids=["no limit", "limit"])
    def test_ten_milliseconds_are_not_a_thousand_cores(self, seconds: float, limit: float) -> None:
        day = limited(Day().seen(POD, cpu=rates(seconds)), cpu=limit).node(64, 2**40)
        row = day.fact(Fact.COUNTER_FLOOR, POD, seconds).row()
        assert row.cpu_p95_millicores == 200
        assert row.cpu_quantiles_millicores[-1] == 200
        assert 5 <= row.dropped_samples <= 8

    def test_it_is_named(self) -> None:
        day = Day().seen(POD, cpu=rates(3000.0)).node(64, 2**40).fact(Fact.COUNTER_FLOOR, POD, 3000.0)
        assert day.usage().warnings[-1] == (f"5 implausible samples dropped: shop/{POD}/app (5, its counter went back)")

    def test_more_than_once(self) -> None:
        day = Day().seen(POD, cpu=rates(3000.0, at=(20, 22, 70))).node(64, 2**40).fact(Fact.COUNTER_FLOOR, POD, 3000.0)
        row = day.row()
        assert (row.cpu_p95_millicores, row.dropped_samples) == (200, 12)

    def test_what_is_really_used_stays(self) -> None:
        """A burst of ten minutes, in a container that has used more than that before."""
        curve = rates(3000.0, burst=range(60, 70))
        row = Day().seen(POD, cpu=curve).fact(Fact.COUNTER_FLOOR, POD, 3000.0).row()
        assert row.cpu_p95_millicores == 2000
        assert row.dropped_samples == 5

    def test_a_container_that_has_just_begun_loses_its_first_minutes_only(self) -> None:
        row = Day().seen(POD, cpu=rates(3.0)).fact(Fact.COUNTER_FLOOR, POD, 3.0).row()
        assert row.cpu_p95_millicores == 200
        assert row.dropped_samples <= 5 + 6

    def test_without_the_fact_nothing_is_dropped_below_the_bound(self) -> None:
        """A restart is not a glitch: the query says which counters went back without one."""
        row = Day().seen(POD, cpu=with_glitch(0.01, 1.0)).row()
        assert (row.dropped_samples, row.cpu_quantiles_millicores[-1]) == (0, 1000)

    def test_a_counter_that_wraps_is_bounded_by_the_node(self) -> None:
        row = Day().seen(POD, cpu=with_glitch(0.2, 2**32 / 300)).node(64, 2**40).row()
        assert (row.cpu_p95_millicores, row.dropped_samples) == (200, 5)

    def test_of_two_windows_each_has_its_own_beginning(self) -> None:
        day = Day()
        start = datetime(2026, 11, 20, 10, tzinfo=UTC)
        pieces = [TimeRange(start + timedelta(hours=at), start + timedelta(hours=at, minutes=44)) for at in (0, 10)]
        day.reading.grid, day.steps = Grid.of(pieces, 60), 90
        first = rates(300.0, at=(20,))[:45]
        second = rates(7000.0, at=(30,))[:45]
        row = day.seen(POD, cpu=[*first, *second]).fact(Fact.COUNTER_FLOOR, POD, 300.0).row()
        assert row.cpu_quantiles_millicores[-1] == 200


class TestOneRowsTrouble:
    @pytest.mark.parametrize(
        ("metric", "value", "resource", "said"),
        [
            (Metric.LIMITS, 5e6, "cpu", "cpu_limit_millicores is 5000000000, and 4294967295 is the most"),
            (Metric.REQUESTS, 5e6, "cpu", "cpu_request_millicores is 5000000000, and"),
            (Metric.LIMITS, 2.0**70, "memory", "memory_limit_bytes is 1180591620717411303424, and"),
            (Metric.REQUESTS, -1.0, "memory", "memory_request_bytes is -1, and"),
        ],
    )
    def test_a_typing_error_costs_its_own_row(self, metric: Metric, value: float, resource: str, said: str) -> None:
        day = Day().seen(POD).state(metric, value, pod=POD, resource=resource).seen("cart-7d4b9c8f65-x7k2p")
        usage = day.usage()
        assert [row.deployment for row in usage.rows] == ["cart"]
        (warning,) = [one for one in usage.warnings if one.startswith("shop/web/app left out: ")]
        assert said in warning

    @pytest.mark.parametrize("value", [math.nan, math.inf])
    def test_what_is_no_number_is_not_known(self, value: float) -> None:
        day = Day().seen(POD).state(Metric.LIMITS, value, pod=POD, resource="cpu").fact(Fact.MEMORY_MAX, POD, value)
        row = day.row()
        assert (row.found.cpu_limit_millicores, row.memory_max_bytes) == (None, 100 * MIB)

    def test_a_maximum_that_does_not_fit_is_refused_whatever_the_settings_allow(self) -> None:
        day = Day().seen(POD, cpu=with_glitch(0.2, 5e6, [3]))
        usage = day.usage(Bounds(cpu_cores=1e9))
        assert usage.rows == ()
        assert any("cpu_maximum is 5000000000" in warning for warning in usage.warnings)

    def test_a_limit_of_zero_is_none(self) -> None:
        row = limited(Day().seen(POD)).state(Metric.LIMITS, 0.0, pod=POD, resource="cpu").row()
        assert row.found.cpu_limit_millicores is None
        assert row.cpu_p95_millicores == 200
