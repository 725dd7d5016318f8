"""Values go inside what the cluster admits: limits, LimitRanges, nodes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from kubedoor.model.cluster_facts import ClusterFacts, LimitRange
from kubedoor.model.collected import CollectedValues
from kubedoor.model.conditions import ConditionType
from kubedoor.model.values import Amount, Resources
from tests.support.builders import DAY, make_usage_day
from tests.support.sizing import MI, condition, conditions, days, kinds, of, sized, withheld

CPU, MEMORY = "app.cpu_request_millicores", "app.memory_request_bytes"
IDLE = Resources(500, 512 * MI, 2000, 1024 * MI)
"""Case 05: asks for much, uses next to nothing."""


def ranges(*items: LimitRange) -> ClusterFacts:
    return ClusterFacts(limit_ranges={"shop": items})


def limits(kind: str = "Container", **fields: Any) -> LimitRange:
    return LimitRange("limits", kind, **fields)


def sized_in(
    *items: LimitRange, cpu: int = 5, memory: int = 5 * MI, found: Resources = IDLE, **options: Any
) -> CollectedValues:
    return sized(days(3, cpu=cpu, memory=memory, found=found), ranges(*items), **options)


@pytest.mark.parametrize(
    ("cpu", "memory", "want"),
    [
        (900, 900 * MI, (300, 200 * MI)),
        (300, 200 * MI, (300, 200 * MI)),
        (100, 100 * MI, (100, 100 * MI)),
    ],
)
def test_a_request_is_cut_to_its_limit(cpu: int, memory: int, want: tuple[int, int]) -> None:
    got = of(sized(days(3, cpu=cpu, memory=memory, found=Resources(100, MI, 300, 200 * MI))))
    assert (got.cpu_request_millicores, got.memory_request_bytes) == want


def test_a_limit_of_zero_is_none() -> None:
    got = of(sized(days(3, cpu=230, found=Resources(None, 256 * MI, 0, 512 * MI))))
    assert got.cpu_request_millicores == 230


class TestLimitRangeOfContainers:
    @pytest.mark.parametrize(
        ("item", "cpu", "memory"),
        [
            pytest.param(limits(min=Amount(100, 64 * MI)), 100, 64 * MI, id="min"),
            pytest.param(limits(min=Amount(100)), 100, 5 * MI, id="min of cpu alone"),
            pytest.param(limits(min=Amount(None, 64 * MI)), 10, 64 * MI, id="min of memory alone"),
            pytest.param(limits(max_cpu_ratio=4.0), 500, 5 * MI, id="ratio"),
            pytest.param(limits(max_cpu_ratio=3.0), 667, 5 * MI, id="ratio, rounded up"),
            pytest.param(limits(max_memory_ratio=2.0), 10, 512 * MI, id="ratio of memory"),
            pytest.param(limits(min=Amount(600), max_cpu_ratio=4.0), 600, 5 * MI, id="the larger of min and ratio"),
            pytest.param(limits(min=Amount(2000)), 2000, 5 * MI, id="as large as its limit"),
            pytest.param(limits(max=Amount(8000, 8192 * MI)), 10, 5 * MI, id="inside"),
            pytest.param(LimitRange("other", "PersistentVolumeClaim", min=Amount(9000)), 10, 5 * MI, id="another type"),
        ],
    )
    def test_a_small_request_is_moved_inside(self, item: LimitRange, cpu: int, memory: int) -> None:
        values = sized_in(item)
        assert (of(values).cpu_request_millicores, of(values).memory_request_bytes) == (cpu, memory)
        assert all(not one.withholds for one in values.conditions)

    def test_it_says_so(self) -> None:
        values = sized_in(limits(min=Amount(100), max_cpu_ratio=4.0))
        got = condition(values, ConditionType.LIMIT_RANGE)
        assert got.message == "The cpu request of app is 500m instead of 10m: LimitRange limits wants it so."
        assert (got.reason, got.is_acceptable) == ("Moved", False)
        assert got.parameters == {
            "container": "app",
            "resource": "cpu",
            "limit_range": "limits",
            "before": "10m",
            "after": "500m",
        }
        assert values.containers[0].reasons[-1] == "cpu request 500m: moved from 10m by the LimitRange limits"

    @pytest.mark.parametrize(
        ("found", "item", "cpu"),
        [
            pytest.param(Resources(100, MI), limits(max=Amount(400)), 400, id="max"),
            pytest.param(
                Resources(100, MI), limits(default_limit=Amount(300)), 300, id="the default limit of one without"
            ),
            pytest.param(
                Resources(100, MI, 350), limits(default_limit=Amount(300)), 350, id="its own limit, if it has one"
            ),
            pytest.param(Resources(100, MI), limits(max=Amount(None, 8192 * MI)), 900, id="max of memory alone"),
        ],
    )
    def test_a_large_request_is_cut(self, found: Resources, item: LimitRange, cpu: int) -> None:
        values = sized_in(item, cpu=900, found=found)
        assert of(values).cpu_request_millicores == cpu
        assert all(not one.withholds for one in values.conditions)

    @pytest.mark.parametrize(
        ("found", "item"),
        [
            pytest.param(Resources(50, MI, 50, MI), limits(min=Amount(100)), id="min above the limit"),
            pytest.param(
                Resources(50, MI), limits(min=Amount(100), default_limit=Amount(80)), id="above the default limit"
            ),
            pytest.param(Resources(50, MI), limits(min=Amount(100), max=Amount(80)), id="above max"),
        ],
    )
    def test_where_no_value_fits_the_field_is_withheld(self, found: Resources, item: LimitRange) -> None:
        values = sized_in(item, found=found)
        got = condition(values, ConditionType.LIMIT_RANGE)
        assert (withheld(got), got.reason, got.is_acceptable) == ([CPU], "Impossible", False)
        assert got.message == (
            "No cpu request of app below its limit satisfies LimitRange limits: the field is left as its owner wrote it."
        )
        assert of(values).cpu_request_millicores == 10

    def test_of_two_limit_ranges_both_hold(self) -> None:
        values = sized_in(LimitRange("a", "Container", min=Amount(100)), LimitRange("b", "Container", min=Amount(150)))
        assert of(values).cpu_request_millicores == 150

    def test_other_namespaces_do_not_matter(self) -> None:
        facts = ClusterFacts(limit_ranges={"money": (limits(min=Amount(100)),)})
        assert kinds(sized(days(3, cpu=50, found=IDLE), facts)) == []

    def test_guaranteed_pods_move_with_their_limit(self) -> None:
        found = Resources(4000, 8192 * MI, 4000, 8192 * MI)
        values = sized_in(limits(min=Amount(100), max_cpu_ratio=2.0), found=found, guaranteed_qos="keep")
        assert (of(values).cpu_request_millicores, of(values).cpu_limit_millicores) == (100, 100)
        assert not condition(values, ConditionType.LIMIT_RANGE).withholds


def pod(**fields: Any) -> ClusterFacts:
    return ranges(limits("Pod", **fields))


class TestLimitRangeOfPods:
    def rows(self, app: int = 100, proxy: int = 50, found: Resources = IDLE) -> list[Any]:
        return [
            *days(3, cpu=app, memory=64 * MI, found=found),
            *days(3, container="proxy", cpu=proxy, memory=32 * MI, found=found),
        ]

    @pytest.mark.parametrize(
        ("facts", "app", "proxy"),
        [
            pytest.param(pod(min=Amount(400)), 350, 50, id="what the pod lacks is added to the largest"),
            pytest.param(pod(max_cpu_ratio=10.0), 350, 50, id="limits of 4 divided by 10"),
            pytest.param(pod(min=Amount(150)), 100, 50, id="just enough"),
            pytest.param(pod(max=Amount(150)), 100, 50, id="not too much"),
            pytest.param(pod(min=Amount(2500)), 2000, 500, id="no container above its limit"),
            pytest.param(
                ranges(limits(max=Amount(300)), limits("Pod", min=Amount(400))),
                300,
                100,
                id="or above max of a container",
            ),
        ],
    )
    def test_the_sum_is_moved_inside(self, facts: ClusterFacts, app: int, proxy: int) -> None:
        values = sized(self.rows(), facts)
        assert (of(values).cpu_request_millicores, of(values, "proxy").cpu_request_millicores) == (app, proxy)
        assert all(not one.withholds for one in values.conditions)

    def test_without_any_limit_there_is_no_bound(self) -> None:
        values = sized(self.rows(found=Resources(100, MI)), pod(min=Amount(9000), max_cpu_ratio=2.0))
        assert (of(values).cpu_request_millicores, of(values, "proxy").cpu_request_millicores) == (8950, 50)

    @pytest.mark.parametrize("fields", [{"max": Amount(120)}, {"min": Amount(300), "max": Amount(200)}])
    def test_too_much_is_withheld(self, fields: dict[str, Amount]) -> None:
        got = condition(sized(self.rows(), pod(**fields)), ConditionType.LIMIT_RANGE)
        assert withheld(got) == [CPU, "proxy.cpu_request_millicores"]
        largest = fields["max"].cpu_millicores
        needed = 300 if "min" in fields else 150
        assert got.message == f"The pod would ask for {needed}m of cpu, and LimitRange limits allows {largest}m."
        assert got.parameters == {
            "resource": "cpu",
            "limit_range": "limits",
            "needed": f"{needed}m",
            "largest": f"{largest}m",
        }

    def test_too_little_that_no_container_can_carry_is_withheld(self) -> None:
        got = condition(sized(self.rows(), pod(min=Amount(4500))), ConditionType.LIMIT_RANGE)
        assert withheld(got) == [CPU, "proxy.cpu_request_millicores"]
        assert got.message.startswith("No cpu request of app + proxy below its limit satisfies LimitRange limits")

    def test_a_container_that_is_gone_carries_nothing(self) -> None:
        old = make_usage_day(day=DAY - timedelta(days=9), container="old", cpu=300, found=IDLE)
        values = sized([*self.rows(), old], pod(min=Amount(400)))
        assert of(values).cpu_request_millicores == 350


class TestNodeTooSmall:
    NODE = ClusterFacts(largest_node=Amount(7910, 30_000 * MI))
    FOUND = Resources(500, 512 * MI)

    def test_no_value_leaves_that_no_node_can_hold(self) -> None:
        values = sized(days(3, cpu=9000, memory=64_000 * MI, found=self.FOUND), self.NODE)
        assert of(values) == Resources(7910, 30_000 * MI)
        cpu, memory = conditions(values, ConditionType.NODE_TOO_SMALL)
        assert (withheld(cpu), withheld(memory)) == ([CPU], [MEMORY])
        assert cpu.message == "app would need a cpu request of 9, and 7.91 is all that the largest node can allocate."
        assert (cpu.reason, cpu.is_acceptable) == ("LargerThanAnyNode", False)
        assert cpu.parameters == {"container": "app", "resource": "cpu", "needed": "9", "largest": "7.91"}
        assert (
            values.containers[0].reasons[-2] == "cpu request 7.91: cut to the 7.91 that the largest node can allocate"
        )

    def test_as_large_as_the_node_is_possible(self) -> None:
        assert sized(days(3, cpu=7910, found=self.FOUND), self.NODE).conditions == ()

    def test_a_limit_above_the_node_is_left_to_its_owner(self) -> None:
        values = sized(days(3, found=Resources(500, 512 * MI, 64_000, 90_000 * MI)), self.NODE)
        assert (of(values).cpu_limit_millicores, of(values).memory_limit_bytes) == (None, None)
        assert values.conditions == ()
        assert (
            "cpu limit none: left alone, since the 7.91 that the largest node can allocate are less"
            in values.containers[0].reasons
        )

    def test_without_a_known_node_the_settings_bound(self) -> None:
        values = sized(days(3, cpu=5_000_000, found=self.FOUND))
        got = condition(values, ConditionType.NODE_TOO_SMALL)
        assert of(values).cpu_request_millicores == 4_096_000
        assert got.message == "app would need a cpu request of 5000, and 4096 is all that the settings allow."
        assert of(sized(days(3, cpu=5000, found=self.FOUND), max_cpu_millicores=2000)).cpu_request_millicores == 2000
        assert of(sized(days(3, found=self.FOUND), max_memory_bytes=100 * MI)).memory_request_bytes == 100 * MI

    def test_the_containers_of_a_pod_have_to_fit_together(self) -> None:
        rows = [*days(3, cpu=5000, found=self.FOUND), *days(3, container="proxy", cpu=3000, found=self.FOUND)]
        got = condition(sized(rows, self.NODE), ConditionType.NODE_TOO_SMALL)
        assert withheld(got) == [CPU, "proxy.cpu_request_millicores"]
        assert got.message == (
            "app + proxy would need a cpu request of 8, and 7.91 is all that the largest node can allocate."
        )

    def test_beside_a_container_that_is_too_large_the_others_are_set(self) -> None:
        rows = [*days(3, cpu=9000, found=self.FOUND), *days(3, container="proxy", cpu=300, found=self.FOUND)]
        got = condition(sized(rows, self.NODE), ConditionType.NODE_TOO_SMALL)
        assert withheld(got) == [CPU]

    def test_a_node_that_is_known_for_one_resource_only(self) -> None:
        values = sized(days(3, cpu=9000, found=self.FOUND), ClusterFacts(largest_node=Amount(None, 30_000 * MI)))
        assert kinds(values) == []
