"""Clusters with known truth: no value leaves that cannot be, none is too small, nothing is missing without a word."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from kubedoor.model.cluster_facts import ClusterFacts, FactKind
from kubedoor.model.collected import CollectedValues
from kubedoor.model.conditions import CPU_REQUEST, MEMORY_REQUEST, REPLICAS, Withheld
from kubedoor.model.usage import DayUsage, UsageDay
from kubedoor.model.values import Amount
from kubedoor.sizing.evidence import is_thin
from kubedoor.sizing.options import SizingOptions
from kubedoor.sizing.rules import collected_values
from tests.support.known_clusters import (
    NAMESPACE,
    NODE_BYTES,
    NODE_CORES,
    STEPS,
    DayPlan,
    Outage,
    Plan,
    Simulated,
    Trouble,
    Truth,
    Workload,
    limit_of,
)
from tests.support.readings import MIB

FIRST = date(2026, 11, 18)
OPTIONS = SizingOptions()
TOO_LOW, TOO_HIGH = 0.9, 1.25

outages = st.sampled_from(
    [Outage(), Outage(), Outage(-5, STEPS), Outage(-5, STEPS), Outage(3, STEPS), Outage(8, STEPS)]
    + [Outage(start, start + length) for start in (-5, 8, 30, 52) for length in (4, 20)]
)
troubles = st.builds(
    Trouble,
    event=st.sampled_from(["", "", "rollout", "hanging", "canary", "churn", "scale"]),
    at=st.sampled_from([3, 20, 40]),
    glitch=st.sampled_from(["", "", "step back", "clock", "restart", "absurd memory"]),
    factor=st.sampled_from([1.0, 1.0, 0.6, 0.2]),
    memory_factor=st.sampled_from([1.0, 0.5]),
)


@st.composite
def day_plans(draw: st.DrawFn, workloads: int, *, has_kube_state: bool) -> DayPlan:
    """What is neither listed nor scraped, nobody can know: one of the two is away, not both."""
    events = tuple(draw(troubles) for _ in range(workloads))
    if has_kube_state and draw(st.booleans()):
        return DayPlan(
            events, node_away=draw(outages), scrapes_away=draw(outages), node=draw(st.sampled_from([0, 1, 2, 3, 3]))
        )
    return DayPlan(events, shard_away=draw(outages)) if has_kube_state else DayPlan(events, scrapes_away=draw(outages))


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    workloads = tuple(
        Workload(
            name="web" if index else "cart",
            pods=draw(st.sampled_from([1, 2, 3, 4, 5, 6, 6, 7])),
            cpu=draw(st.sampled_from([0.02, 0.3, 2.0])),
            memory=draw(st.sampled_from([30.0, 700.0])) * MIB,
            has_limits=draw(st.booleans()),
            asked=draw(st.sampled_from([0.3, 1.5, 4.0])),
            has_sidecar=draw(st.booleans()),
        )
        for index in range(draw(st.integers(1, 2)))
    )
    has_kube_state = draw(st.integers(0, 5)) > 0
    days = tuple(draw(day_plans(len(workloads), has_kube_state=has_kube_state)) for _ in range(draw(st.integers(1, 4))))
    return Plan(
        workloads,
        days,
        has_kube_state,
        has_deployments=draw(st.booleans()),
        has_ready=draw(st.booleans()),
        knows_nodes=draw(st.booleans()),
        seed=draw(st.integers(0, 999)),
    )


def simulated(plan: Plan) -> list[tuple[Simulated, DayUsage]]:
    days = [Simulated(plan, number, FIRST + timedelta(days=number)) for number in range(len(plan.days))]
    return [(one, one.day.usage()) for one in days]


def facts_of(plan: Plan) -> ClusterFacts:
    if not plan.knows_nodes:
        return ClusterFacts()
    return ClusterFacts(frozenset({FactKind.NODES}), Amount(int(NODE_CORES * 1000), int(NODE_BYTES)))


class Checked:
    """One workload of a plan: what came of it, beside its truth."""

    def __init__(
        self, workload: Workload, values: CollectedValues, rows: list[UsageDay], truth: dict[date, Truth]
    ) -> None:
        self.workload, self.values, self.rows, self.truth = workload, values, rows, truth

    def is_withheld(self, container: str, name: str) -> bool:
        return any(Withheld(container, name) in one.withholds for one in self.values.conditions)

    def whole(self, container: str) -> list[UsageDay]:
        return [row for row in self.rows if row.container == container and not is_thin(row, OPTIONS.min_coverage)]

    def check(self, *, are_limits_known: bool) -> None:
        workload = self.workload if are_limits_known else replace(self.workload, has_limits=False)
        for one in self.values.containers:
            cpu, memory = one.values.cpu_request_millicores or 0, one.values.memory_request_bytes or 0
            assert cpu <= max(limit_of(workload, one.container, "cpu") * 1000, OPTIONS.min_cpu_millicores)
            assert memory <= max(limit_of(workload, one.container, "memory"), OPTIONS.min_memory_bytes)
            self.check_enough(one.container, CPU_REQUEST, cpu)
            self.check_enough(one.container, MEMORY_REQUEST, memory)
        self.check_replicas()

    def used(self, row: UsageDay, name: str) -> float:
        truth = self.truth[row.day]
        return truth.p95_cpu(row.container) if name == CPU_REQUEST else truth.p95_memory(row.container)

    def check_enough(self, container: str, name: str, amount: int) -> None:
        if self.is_withheld(container, name):
            return
        whole = self.whole(container)
        for row in whole:
            needed, pods = self.used(row, name), self.truth[row.day].pods
            if pods <= self.values.replicas:
                assert amount >= TOO_LOW * needed, (container, name, amount, needed, row)
            assert amount * self.values.replicas >= TOO_LOW * needed * pods, (
                container,
                name,
                amount,
                needed,
                pods,
                row,
            )
        if not whole:  # it may be raised by what little is known, and not lowered
            assert amount >= min(
                self.asked(container, name),
                TOO_LOW * max(self.used(row, name) for row in self.rows if row.container == container),
            )

    def asked(self, container: str, name: str) -> float:
        cpu, memory = self.workload.containers[container]
        return self.workload.asked * (cpu * 1000 if name == CPU_REQUEST else memory)

    def check_replicas(self) -> None:
        if not self.is_withheld("", REPLICAS):
            assert self.values.replicas >= self.truth[self.values.peak_day].pods, self.truth[self.values.peak_day].ready


def check_rows(days: list[tuple[Simulated, DayUsage]]) -> None:
    """No row has usage that was not there, or pods."""
    for one, usage in days:
        events = dict(zip(one.truth, (trouble.event for trouble in one.day_plan.troubles), strict=True))
        for row in usage.rows:
            truth = one.truth[row.deployment]
            surge = events[row.deployment] in ("rollout", "hanging")
            assert row.pods <= truth.pods + surge, (row, truth.ready)
            assert row.cpu_p95_millicores <= TOO_HIGH * max(truth.cpu[row.container]) * 1000 + 1, row
            assert row.cpu_p95_hottest_millicores <= TOO_HIGH * max(truth.cpu[row.container]) * 1000 + 1, row
            assert row.memory_max_bytes <= TOO_HIGH * max(truth.memory[row.container]), row


def check_nothing_is_missing(days: list[tuple[Simulated, DayUsage]], values: list[CollectedValues]) -> None:
    with_values = {one.deployment for one in values}
    for one, usage in days:
        for name in one.truth:
            with_row = {row.deployment for row in usage.rows}
            said = " ".join(usage.warnings)
            assert name in with_row or f"{NAMESPACE}/{name}" in said or not _has_any_trace(one, name), (name, usage)
            assert name in with_values or name not in with_row


def _has_any_trace(one: Simulated, name: str) -> bool:
    """Whether anything at all is known of the workload that day."""
    reading = one.day.reading
    keys = [*reading.cpu, *reading.memory, *reading.pods]
    return any(key[1].startswith(f"{name}-") for key in keys)


@settings(
    max_examples=400,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(plans())
def test_values_are_possible_sufficient_and_complete(plan: Plan) -> None:
    days = simulated(plan)
    rows = [replace(row, is_partial=usage.is_partial) for _, usage in days for row in usage.rows]
    values = collected_values(rows, rule="peak-day", options=OPTIONS, whole_cluster=False, facts=facts_of(plan))
    check_nothing_is_missing(days, values)
    check_rows(days)
    for one in values:
        note(f"{one}")
        (workload,) = (each for each in plan.workloads if each.name == one.deployment)
        truth = {each.day.peak_day.day: each.truth[one.deployment] for each, _ in days}
        Checked(workload, one, [row for row in rows if row.deployment == one.deployment], truth).check(
            are_limits_known=plan.has_kube_state
        )


def test_the_simulation_measures_what_it_knows() -> None:
    """Without any trouble the rows are the truth: so that what the property test finds is found in KubeDoor."""
    workload = Workload("web", 4, 0.3, 700.0 * MIB, has_limits=True, asked=1.5, has_sidecar=True)
    plan = Plan((workload,), (DayPlan((Trouble(),)),), True, True, True, True, seed=1)
    ((one, usage),) = simulated(plan)
    truth = one.truth["web"]
    assert [(row.container, row.pods, row.coverage, row.pods_coverage) for row in usage.rows] == [
        ("app", 4, 1.0, 1.0),
        ("proxy", 4, 1.0, 1.0),
    ]
    for row in usage.rows:
        assert abs(row.cpu_p95_millicores - truth.p95_cpu(row.container)) <= 1
        assert abs(row.memory_p95_bytes - truth.p95_memory(row.container)) <= 1
    assert (
        usage.warnings
        == ("container_spec_cpu_quota has no series between 2026-11-18 10:00 UTC and 2026-11-18 11:00 UTC",)
        or usage.warnings == ()
    )
    assert len(truth.ready) == STEPS
