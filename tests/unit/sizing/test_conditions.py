"""Each condition: when it holds, what it says, and exactly which fields it withholds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kubedoor.model.cluster_facts import ClusterFacts, FactKind, HpaTarget
from kubedoor.model.conditions import ACCEPTABLE, ConditionType
from kubedoor.model.usage import UsageDay
from kubedoor.model.values import Resources
from kubedoor.sizing.conditions import with_since
from tests.support.builders import DAY, make_usage_day
from tests.support.sizing import MI, condition, conditions, days, kinds, of, sized, withheld

K = ConditionType
WEB = ("shop", "web")
CPU, MEMORY = "app.cpu_request_millicores", "app.memory_request_bytes"
LIMITS = ["app.cpu_limit_millicores", "app.memory_limit_bytes"]
LARGE = Resources(500, 512 * MI, 1000, 1024 * MI)
"""More than is used: 200m and 256Mi."""
SMALL = Resources(100, 128 * MI, 1000, 1024 * MI)


def day(back: int, **fields: Any) -> UsageDay:
    return make_usage_day(day=DAY - timedelta(days=back), **fields)


def test_unharmed_data_has_no_conditions() -> None:
    assert sized(days(10)).conditions == ()


class TestShortHistory:
    @pytest.mark.parametrize(
        ("rows", "message", "want"),
        [
            pytest.param(days(1), "There is 1 whole day of usage, and 3", [CPU, MEMORY], id="one day"),
            pytest.param(days(2), "There are 2 whole days of usage, and 3", [CPU, MEMORY], id="two days"),
            pytest.param(days(2, found=SMALL), "There are 2", [], id="what is raised is not withheld"),
            pytest.param(
                days(2, found=Resources(500, None, 1000, None)), "There are 2", [CPU], id="nothing asked is not lowered"
            ),
            pytest.param(
                days(2, found=Resources(), resources_known=False),
                "There are 2",
                [CPU, MEMORY],
                id="what nobody knows may be lowered",
            ),
            pytest.param(
                [day(0, pods=9, cpu=10), day(1, pods=3, cpu=300)],
                "There are 2",
                [CPU, "replicas"],
                id="fewer replicas",
            ),
            pytest.param([day(0, pods=3), day(1, pods=9)], "There are 2", [CPU, MEMORY], id="more replicas"),
            pytest.param(
                [*days(2), day(2, coverage=0.5)], "There are 2 whole days", [CPU, MEMORY], id="a thin day is none"
            ),
        ],
    )
    def test_lowering_waits_for_three_whole_days(self, rows: list[UsageDay], message: str, want: list[str]) -> None:
        got = condition(sized(rows), K.SHORT_HISTORY)
        assert got.message.startswith(message)
        assert withheld(got) == want
        assert (got.reason, got.parameters["wanted"], got.parameters["container"]) == ("TooFewDays", 3, "")
        assert got.is_acceptable is bool(want)

    def test_three_whole_days_are_enough(self) -> None:
        assert K.SHORT_HISTORY not in kinds(sized(days(3)))

    def test_a_container_that_is_new_is_not_lowered_by_its_first_days(self) -> None:
        rows = [*days(9), day(0, container="proxy"), day(1, container="proxy")]
        got = condition(sized(rows), K.SHORT_HISTORY)
        assert withheld(got) == ["proxy.cpu_request_millicores", "proxy.memory_request_bytes"]
        assert got.message == ("There are 2 whole days of usage of proxy, and 3 are wanted before anything is lowered.")
        assert got.parameters == {"container": "proxy", "days": 2, "wanted": 3}

    def test_a_container_that_is_gone_waits_for_nothing(self) -> None:
        assert sized([*days(9), day(9, container="old")]).conditions == ()


class TestThinEvidence:
    @pytest.mark.parametrize(
        ("rows", "kind", "reason", "message"),
        [
            (
                [day(0, coverage=0.05), day(1, coverage=0.04)],
                K.LOW_COVERAGE,
                "TooFewSamples",
                "At best 5% of the window have samples (app, 2026-11-20), and 80% are wanted.",
            ),
            (
                [day(0, pods_coverage=0.6)],
                K.PODS_NOT_SEEN,
                "PodsWithoutUsage",
                "At best 60% of the listed pods have samples: the others' nodes may not be scraped (app, 2026-11-20), and"
                " 80% are wanted.",
            ),
            (
                [day(1, is_partial=True), day(0, is_partial=True)],
                K.PARTIAL_DATA,
                "PartialAnswer",
                "There is no whole day, and 2026-11-20 is partial: Prometheus answered with a part of its data, or"
                " kube-state-metrics listed a part of the pods.",
            ),
        ],
    )
    def test_without_a_whole_day_nothing_is_lowered_and_no_replicas_are_set(
        self, rows: list[UsageDay], kind: ConditionType, reason: str, message: str
    ) -> None:
        values = sized(rows)
        got = condition(values, kind)
        assert (got.reason, got.message, got.is_acceptable) == (reason, message, True)
        assert withheld(got) == [CPU, MEMORY, "replicas"]
        assert kinds(values) == ["ShortHistory", kind.value], "and no other"

    def test_what_is_raised_is_not_withheld(self) -> None:
        assert withheld(condition(sized([day(0, coverage=0.1, found=SMALL)]), K.LOW_COVERAGE)) == ["replicas"]

    def test_the_only_day_is_a_partial_answer_with_half_of_the_pods(self) -> None:
        """2 of 4 pods in the answer: the door does not make two of four."""
        values = sized([day(0, pods=2, is_partial=True)])
        assert "replicas" in withheld(condition(values, K.PARTIAL_DATA))

    def test_parameters_have_the_numbers(self) -> None:
        got = condition(sized([day(0, pods_coverage=0.61234)]), K.PODS_NOT_SEEN)
        assert got.parameters == {"container": "app", "day": "2026-11-20", "share": 0.6123, "wanted": 0.8}
        assert condition(sized([day(0, is_partial=True)]), K.PARTIAL_DATA).parameters == {"day": "2026-11-20"}

    def test_a_new_container_is_withheld_alone(self) -> None:
        """Renamed five minutes before the window's end, with a history of the workload."""
        values = sized([*days(5), day(0, container="renamed", coverage=0.05)])
        assert kinds(values) == ["LowCoverage"]
        assert withheld(values.conditions[0]) == ["renamed.cpu_request_millicores", "renamed.memory_request_bytes"]

    def test_thin_days_beside_whole_ones_say_nothing(self) -> None:
        assert (
            sized([day(0, coverage=0.1), day(1, is_partial=True), day(2, pods_coverage=0.1), *days(6)[3:]]).conditions
            == ()
        )

    def test_how_much_is_wanted_is_a_setting(self) -> None:
        rows = days(3, coverage=0.7)
        assert kinds(sized(rows, min_coverage=0.6)) == []
        assert "LowCoverage" in kinds(sized(rows, min_coverage=0.75))


class TestImplausibleUsage:
    @pytest.mark.parametrize(
        ("dropped", "message"),
        [
            ((1, 0), "1 sample that no container of its kind can use was dropped, 1 of app on 2026-11-20."),
            ((2, 5), "7 samples that no container of its kind can use were dropped, 5 of app on 2026-11-19."),
        ],
    )
    def test_it_is_told_and_withholds_nothing(self, dropped: tuple[int, int], message: str) -> None:
        rows = [replace(row, dropped_samples=count) for row, count in zip(days(2), dropped, strict=True)]
        values = sized([*rows, day(2)])
        got = condition(values, K.IMPLAUSIBLE_USAGE)
        assert (got.reason, got.message, got.withholds, got.is_acceptable) == ("SamplesDropped", message, (), False)
        assert got.parameters["samples"] == sum(dropped)
        assert kinds(values) == ["ImplausibleUsage"]


class TestOomKilled:
    FOUND = Resources(500, 400 * MI, 1000, 512 * MI)

    def rows(self, *, maximum: int, found: Resources = FOUND) -> list[UsageDay]:
        """P95 380Mi."""
        killed = day(1, memory=380 * MI, cpu=500, found=found, oom_kills=9)
        others = [row for row in days(4, memory=380 * MI, cpu=500, found=found) if row.day != killed.day]
        return [replace(killed, memory_max_bytes=maximum), *others]

    def test_the_request_is_raised_to_the_maximum_seen(self) -> None:
        values = sized(self.rows(maximum=505 * MI - 3))
        got = condition(values, K.OOM_KILLED)
        assert of(values).memory_request_bytes == 505 * MI
        assert of(values).memory_limit_bytes == 512 * MI, "a limit is proposed, not set"
        assert got.message == (
            "app was OOM-killed 9 times, last on 2026-11-19, at a memory limit of 512Mi: set 640Mi or more."
        )
        assert got.reason == "KilledForMemory"
        assert got.parameters == {
            "container": "app",
            "kills": 9,
            "day": "2026-11-19",
            "limit": "512Mi",
            "proposed_limit": "640Mi",
        }
        assert withheld(got) == []
        assert values.containers[0].reasons[-1] == (
            "memory request 505Mi: the maximum seen, since it was OOM-killed 9 times"
        )

    def test_it_is_never_lowered(self) -> None:
        values = sized(self.rows(maximum=390 * MI))
        assert withheld(condition(values, K.OOM_KILLED)) == [MEMORY]
        assert kinds(values) == ["OOMKilled"]
        assert condition(values, K.OOM_KILLED).is_acceptable

    def test_without_a_limit_there_is_none_to_raise(self) -> None:
        values = sized(self.rows(maximum=505 * MI, found=Resources(500, 400 * MI)))
        got = condition(values, K.OOM_KILLED)
        assert got.message == "app was OOM-killed 9 times, last on 2026-11-19: its memory request is not lowered."
        assert (got.parameters["limit"], got.parameters["proposed_limit"]) == ("none", "none")

    def test_the_maximum_is_cut_to_the_limit(self) -> None:
        assert of(sized(self.rows(maximum=600 * MI))).memory_request_bytes == 512 * MI

    def test_a_maximum_below_the_p95_of_another_day_raises_nothing(self) -> None:
        rows = [replace(row, memory_max_bytes=1) for row in self.rows(maximum=1)]
        assert of(sized(rows)).memory_request_bytes == 380 * MI

    def test_only_the_killed_container_is_concerned(self) -> None:
        values = sized([*self.rows(maximum=505 * MI), *days(4, container="proxy")])
        assert [one.parameters["container"] for one in conditions(values, K.OOM_KILLED)] == ["app"]
        assert of(values, "proxy").memory_request_bytes == 256 * MI


class TestHorizontalPodAutoscaler:
    def facts(self, **target: Any) -> ClusterFacts:
        return ClusterFacts(frozenset({FactKind.HPAS}), hpas={WEB: HpaTarget(**target)})

    @pytest.mark.parametrize(
        ("target", "want"),
        [
            ({"cpu_percent": 50}, [("cpu", 50, [CPU])]),
            ({"memory_percent": 80}, [("memory", 80, [MEMORY])]),
            ({"cpu_percent": 50, "memory_percent": 80}, [("cpu", 50, [CPU]), ("memory", 80, [MEMORY])]),
            ({}, []),
        ],
        ids=["cpu", "memory", "both", "something else, such as a queue"],
    )
    def test_the_request_of_the_resource_is_withheld(
        self, target: dict[str, int], want: list[tuple[str, int, list[str]]]
    ) -> None:
        values = sized(days(3, hpa=True), self.facts(**target))
        found = conditions(values, K.HORIZONTAL_POD_AUTOSCALER)
        assert [(one.parameters["resource"], one.parameters["percent"], withheld(one)) for one in found] == want
        assert {one.reason for one in found} <= {"ScalesOnUtilization"}
        assert of(values).cpu_request_millicores == 200, "it is collected and shown all the same"

    def test_it_says_why_and_cannot_be_accepted(self) -> None:
        got = condition(sized(days(3), self.facts(cpu_percent=50)), K.HORIZONTAL_POD_AUTOSCALER)
        assert got.message == (
            "A HorizontalPodAutoscaler scales it on 50 % of the cpu request: a request that follows usage would scale it again."
        )
        assert not got.is_acceptable

    def test_of_all_containers(self) -> None:
        values = sized([*days(3), *days(3, container="proxy")], self.facts(cpu_percent=50))
        got = condition(values, K.HORIZONTAL_POD_AUTOSCALER)
        assert withheld(got) == [CPU, "proxy.cpu_request_millicores"]

    @pytest.mark.parametrize("setting", ["withhold", "target"])
    def test_a_target_that_nobody_could_read_withholds_both(self, setting: str) -> None:
        for facts in (ClusterFacts(), self.facts(is_known=False)):
            found = conditions(sized(days(3, hpa=True), facts, hpa_requests=setting), K.HORIZONTAL_POD_AUTOSCALER)
            assert [(one.reason, *withheld(one)) for one in found] == [
                ("TargetUnknown", CPU),
                ("TargetUnknown", MEMORY),
            ]
            assert "what nobody could read, perhaps cpu" in found[0].message
            assert found[0].parameters == {"resource": "cpu", "percent": 0}

    def test_no_hpa_and_one_that_is_gone(self) -> None:
        assert sized(days(3, hpa=False), ClusterFacts()).conditions == ()
        assert sized(days(3, hpa=True), ClusterFacts(frozenset({FactKind.HPAS}))).conditions == ()
        other = ClusterFacts(hpas={("shop", "cart"): HpaTarget(50)})
        assert sized(days(3, hpa=None), other).conditions == ()

    @pytest.mark.parametrize(
        ("target", "cpu", "memory"),
        [
            ({"cpu_percent": 50}, 400, 256 * MI),
            ({"cpu_percent": 80}, 250, 256 * MI),
            ({"cpu_percent": 70}, 286, 256 * MI),
            ({"memory_percent": 60}, 200, 427 * MI),
            ({"cpu_percent": 10}, 1000, 256 * MI),
        ],
        ids=["half", "80 %", "rounded up", "memory in whole mebibytes", "cut to the limit"],
    )
    def test_with_the_setting_target_usage_is_divided_by_it(
        self, target: dict[str, int], cpu: int, memory: int
    ) -> None:
        values = sized(days(3, hpa=True), self.facts(**target), hpa_requests="target")
        assert (of(values).cpu_request_millicores, of(values).memory_request_bytes) == (cpu, memory)
        assert values.conditions == ()
        assert any("usage divided by the HPA's target of" in reason for reason in values.containers[0].reasons)

    def test_with_the_setting_control_it_is_as_any_other(self) -> None:
        values = sized(days(3, hpa=True), self.facts(cpu_percent=50), hpa_requests="control")
        assert (of(values).cpu_request_millicores, values.conditions) == (200, ())
        assert sized(days(3, hpa=True), ClusterFacts(), hpa_requests="control").conditions == ()


class TestVerticalPodAutoscaler:
    @pytest.mark.parametrize("mode", ["Auto", "Recreate", "Initial", "InPlaceOrRecreate", "ModeOfTheFuture"])
    def test_one_that_acts_withholds_requests_and_limits(self, mode: str) -> None:
        got = condition(sized(days(3), ClusterFacts(vpas={WEB: mode})), K.VERTICAL_POD_AUTOSCALER)
        assert withheld(got) == [CPU, MEMORY, *LIMITS]
        assert (got.reason, got.parameters, got.is_acceptable) == ("AnotherSizes", {"mode": mode}, True)
        assert got.message == (
            f"A VerticalPodAutoscaler in mode {mode} sizes its pods: what they ask for is not what the Deployment says."
        )

    @pytest.mark.parametrize("vpas", [{}, {WEB: "Off"}, {("shop", "cart"): "Auto"}], ids=["none", "off", "another's"])
    def test_one_that_does_not_act(self, vpas: dict[tuple[str, str], str]) -> None:
        assert sized(days(3), ClusterFacts(vpas=vpas)).conditions == ()

    def test_limits_of_a_vpa_are_not_set_again_and_again(self) -> None:
        """Case 17: template 100m of 200m, the VPA makes 300m of 600m; what the pods have must not become the template's."""
        values = sized(
            days(3, cpu=250, found=Resources(300, 512 * MI, 600, 1024 * MI)), ClusterFacts(vpas={WEB: "Auto"})
        )
        assert LIMITS[0] in withheld(condition(values, K.VERTICAL_POD_AUTOSCALER))


GUARANTEED = Resources(4000, 8192 * MI, 4000, 8192 * MI)


class TestGuaranteedQoS:
    def rows(self, found: Resources = GUARANTEED, **fields: Any) -> list[UsageDay]:
        return days(3, cpu=1700, memory=3000 * MI, found=found, **fields)

    def test_the_class_is_not_lost_without_a_word(self) -> None:
        values = sized(self.rows())
        got = condition(values, K.GUARANTEED_QOS)
        assert withheld(got) == [CPU, MEMORY, *LIMITS]
        assert got.message == (
            "Its pods are Guaranteed (cpu of app: 4 asked and allowed), and a lower request alone would make them Burstable."
        )
        assert (got.reason, got.parameters) == (
            "ClassWouldBeLost",
            {"container": "app", "resource": "cpu", "asked": "4"},
        )
        assert not got.is_acceptable
        assert kinds(values) == ["GuaranteedQoS"]

    @pytest.mark.parametrize(
        ("found", "others"),
        [
            pytest.param(replace(GUARANTEED, cpu_limit_millicores=5000), (), id="cpu may burst"),
            pytest.param(replace(GUARANTEED, memory_limit_bytes=None), (), id="no memory limit"),
            pytest.param(Resources(), (), id="BestEffort"),
            pytest.param(GUARANTEED, days(3, container="proxy", found=Resources(100)), id="another container"),
        ],
    )
    def test_pods_of_another_class(self, found: Resources, others: Sequence[UsageDay]) -> None:
        assert K.GUARANTEED_QOS not in kinds(sized([*self.rows(found), *others]))

    def test_a_container_that_is_gone_says_nothing_of_the_class(self) -> None:
        old = day(9, container="old", found=Resources(100, MI, 200, 2 * MI))
        assert K.GUARANTEED_QOS in kinds(sized([*self.rows(), old]))

    def test_values_that_are_the_same_change_no_class(self) -> None:
        values = sized(days(3, cpu=4000, memory=8192 * MI, found=GUARANTEED))
        assert K.GUARANTEED_QOS not in kinds(values)

    def test_with_keep_both_become_the_maximum_seen(self) -> None:
        values = sized(self.rows(), guaranteed_qos="keep")
        assert of(values) == Resources(1705, 3001 * MI, 1705, 3001 * MI)
        assert values.conditions == ()
        assert (
            "cpu limit 1.705: moves with the request, so that the pod stays Guaranteed" in values.containers[0].reasons
        )
        assert "cpu request 1.705: the maximum seen, since its limit moves with it" in values.containers[0].reasons

    def test_with_keep_the_limit_is_never_raised(self) -> None:
        rows = [replace(row, cpu_quantiles_millicores=(1,) * 6 + (4300,)) for row in self.rows()]
        assert of(sized(rows, guaranteed_qos="keep")) == Resources(4000, 3001 * MI, 4000, 3001 * MI)

    def test_with_keep_only_what_differs_moves(self) -> None:
        values = sized(days(3, cpu=4000, memory=3000 * MI, found=GUARANTEED), guaranteed_qos="keep")
        assert of(values) == Resources(4000, 3001 * MI, 4000, 3001 * MI)

    @pytest.mark.parametrize(
        ("kind", "rows", "facts", "want"),
        [
            (
                K.SHORT_HISTORY,
                days(1, cpu=1700, memory=3000 * MI, found=GUARANTEED),
                ClusterFacts(),
                [CPU, MEMORY, *LIMITS],
            ),
            (
                K.HORIZONTAL_POD_AUTOSCALER,
                days(3, cpu=1700, memory=3000 * MI, found=GUARANTEED),
                ClusterFacts(hpas={WEB: HpaTarget(50)}),
                [CPU, LIMITS[0]],
            ),
            (
                K.OOM_KILLED,
                days(3, cpu=1700, memory=3000 * MI, found=GUARANTEED, oom_kills=1),
                ClusterFacts(),
                [MEMORY, LIMITS[1]],
            ),
        ],
    )
    def test_with_keep_a_limit_is_withheld_with_its_request(
        self, kind: ConditionType, rows: list[UsageDay], facts: ClusterFacts, want: list[str]
    ) -> None:
        """A lower limit alone would cut the request that its owner wrote."""
        assert withheld(condition(sized(rows, facts, guaranteed_qos="keep"), kind)) == want


class TestImbalanced:
    @pytest.mark.parametrize(
        ("hottest", "pods", "want"),
        [
            (
                450,
                3,
                "On 2026-11-20 the hottest pod of app used 450m, 2.2 times the mean of 200m: a cpu request of 450m would cover it.",
            ),
            (
                400,
                3,
                "On 2026-11-20 the hottest pod of app used 400m, 2.0 times the mean of 200m: a cpu request of 400m would cover it.",
            ),
            (399, 3, ""),
            (450, 1, ""),
        ],
    )
    def test_a_pod_twice_as_hot_as_the_mean_is_told(self, hottest: int, pods: int, want: str) -> None:
        rows = [replace(day(0, pods=pods), cpu_p95_hottest_millicores=hottest), *days(3, pods=pods)[1:]]
        values = sized(rows)
        assert [one.message for one in values.conditions] == ([want] if want else [])
        assert all(not one.withholds for one in values.conditions)

    def test_memory_too(self) -> None:
        rows = [replace(row, memory_p95_hottest_bytes=600 * MI) for row in days(3)]
        got = condition(sized(rows), K.IMBALANCED)
        assert got.reason == "HottestPod"
        assert got.parameters == {
            "container": "app",
            "resource": "memory",
            "day": "2026-11-20",
            "hottest": "600Mi",
            "mean": "256Mi",
        }

    def test_a_day_with_one_pod_does_not_hide_one_with_more(self) -> None:
        alone = replace(day(0, pods=1), cpu_p95_hottest_millicores=900)
        assert kinds(sized([alone, replace(day(1), cpu_p95_hottest_millicores=450), day(2)])) == ["Imbalanced"]

    def test_without_usage_there_is_no_mean(self) -> None:
        assert sized(days(3, cpu=0)).conditions == ()


class TestLargeChange:
    def test_it_is_off_by_default(self) -> None:
        assert sized(days(3, found=Resources(9000, MI, 10_000, 1024 * MI))).conditions == ()

    @pytest.mark.parametrize(
        ("percent", "found", "want"),
        [
            pytest.param(50, Resources(500, 256 * MI, 1000), [CPU], id="lower by 60 %"),
            pytest.param(60, Resources(500, 256 * MI, 1000), [], id="just as much is allowed"),
            pytest.param(50, Resources(200, 128 * MI, 1000), [MEMORY], id="raised by 100 %"),
            pytest.param(50, Resources(None, None, 1000), [], id="nothing to compare with"),
        ],
    )
    def test_a_change_beyond_the_setting_is_withheld(self, percent: int, found: Resources, want: list[str]) -> None:
        found_conditions = conditions(sized(days(3, found=found), large_change_percent=percent), K.LARGE_CHANGE)
        assert [name for one in found_conditions for name in withheld(one)] == want

    def test_it_says_the_largest_with_the_numbers(self) -> None:
        got = condition(sized(days(3, found=Resources(500, 512 * MI)), large_change_percent=20), K.LARGE_CHANGE)
        assert got.message == "The cpu request of app would go from 500m to 200m, by more than 20 %."
        assert got.parameters == {
            "container": "app",
            "field": "cpu request",
            "before": "500m",
            "after": "200m",
            "percent": 20,
        }
        assert (withheld(got), got.reason, got.is_acceptable) == ([CPU, MEMORY], "MoreThanAllowed", True)

    def test_replicas_too(self) -> None:
        rows = [day(0, pods=9, cpu=10), *days(4, pods=3, cpu=300)[1:]]
        got = condition(sized(rows, large_change_percent=50), K.LARGE_CHANGE)
        assert withheld(got) == ["replicas"]
        assert got.message == "The replicas would go from 9 to 3, by more than 50 %."


def test_each_condition_has_the_instant_since_which_it_holds() -> None:
    early, now = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 20, tzinfo=UTC)
    values = sized(days(1, coverage=0.5))
    (got,) = with_since([values], {WEB: {K.SHORT_HISTORY: early}}, now)
    assert {one.type: one.since for one in got.conditions} == {K.SHORT_HISTORY: early, K.LOW_COVERAGE: now}
    (new,) = with_since([values], {("shop", "cart"): {K.SHORT_HISTORY: early}}, now)
    assert {one.since for one in new.conditions} == {now}


def test_what_a_person_may_accept() -> None:
    assert {kind.value for kind in ACCEPTABLE} == {
        *("ShortHistory", "LowCoverage", "PartialData", "PodsNotSeen"),
        *("OOMKilled", "VerticalPodAutoscaler", "ResourceQuota", "LargeChange"),
    }
