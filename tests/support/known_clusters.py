"""Clusters whose truth is known, and what Prometheus answers of them in spite of everything that goes wrong.

A day is simulated scrape by scrape: counters that grow, restart and step back, pods that come and go, nodes that are not
scraped, shards of kube-state-metrics that are away. Rates are computed from the counters as Prometheus computes them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from random import Random

import numpy

from kubedoor.collection.pod_counts import nearest_rank
from kubedoor.collection.readings import ContainerKey, Fact, Metric
from tests.support.readings import Day

STEPS = 61
BEFORE = 5
"""Scrapes before the window that its first rate and its first look-back reach."""
NAMESPACE = "shop"
ALPHABET = "bcdfghjklmnpqrstvwxz"
NODE_CORES, NODE_BYTES = 64.0, 256.0 * 2**30
Scrapes = list[float | None]
"""One value a minute, from BEFORE minutes before the window on; None: no sample."""


@dataclass(frozen=True)
class Workload:
    """One Deployment. Usage is per pod: cores and bytes at the peak of its day."""

    name: str
    pods: int
    cpu: float
    memory: float
    has_limits: bool
    asked: float
    """Requests as a multiple of usage."""
    has_sidecar: bool
    has_hpa: bool = False

    @property
    def containers(self) -> dict[str, tuple[float, float]]:
        """Cores and bytes by container."""
        sidecar = {"proxy": (self.cpu / 10, self.memory / 10)} if self.has_sidecar else {}
        return {"app": (self.cpu, self.memory), **sidecar}


@dataclass(frozen=True)
class Trouble:
    """What happens to one workload on one day, and to what is measured of it."""

    event: str = ""
    """`rollout`, `hanging`, `canary`, `churn`, `scale`, or nothing."""
    at: int = 20
    glitch: str = ""
    """`step back`, `clock`, `restart`, `absurd memory`, or nothing: of its first pod."""
    factor: float = 1.0
    """Usage of the day, as a multiple."""
    memory_factor: float = 1.0


@dataclass(frozen=True)
class Outage:
    """From minute `start` to before `end`."""

    start: int = 0
    end: int = 0

    def covers(self, minute: int) -> bool:
        return self.start <= minute < self.end


@dataclass(frozen=True)
class DayPlan:
    troubles: tuple[Trouble, ...]
    """One for each workload."""
    shard_away: Outage = Outage()
    """Of one of two shards of kube-state-metrics."""
    node_away: Outage = Outage()
    """The kubelet of one of four nodes is not scraped."""
    node: int = 3
    scrapes_away: Outage = Outage()
    """No kubelet is scraped."""


@dataclass(frozen=True)
class Plan:
    workloads: tuple[Workload, ...]
    days: tuple[DayPlan, ...]
    has_kube_state: bool
    has_deployments: bool
    """kube_deployment_* are scraped."""
    has_ready: bool
    """kube_pod_status_ready is scraped."""
    knows_nodes: bool
    seed: int


@dataclass(frozen=True)
class Life:
    """A pod: it runs from minute `start` to before `end`; minutes before the window are negative."""

    name: str
    start: int = -(10**6)
    end: int = 10**6
    is_started: bool = True
    """False: it is listed and never runs."""

    def runs(self, minute: int) -> bool:
        return self.is_started and self.start <= minute < self.end


@dataclass
class Truth:
    """What was really the case on one day in one workload."""

    ready: list[int] = field(default_factory=list)
    """At each step, no more than are wanted."""
    cpu: dict[str, list[float]] = field(default_factory=dict)
    """By container: at each step, the mean rate of all pods that run."""
    memory: dict[str, list[float]] = field(default_factory=dict)

    @property
    def pods(self) -> int:
        counts = sorted(count for count in self.ready if count)
        return nearest_rank(counts, 0.9) if counts else 0

    def p95_cpu(self, container: str) -> float:
        return float(numpy.quantile(self.cpu[container], 0.95)) * 1000

    def p95_memory(self, container: str) -> float:
        return float(numpy.quantile(self.memory[container], 0.95))


def _pod_names(workload: str, replicaset: str) -> Iterator[str]:
    for first in ALPHABET:
        for second in ALPHABET:
            yield f"{workload}-{replicaset}-bcd{first}{second}"


OLD, NEW = "7d4b9c8f65", "5f6b9c8d44"


def lives_of(workload: Workload, trouble: Trouble) -> tuple[list[Life], list[int]]:
    """Its pods, and how many are wanted at each step."""
    old, new, pods, at = _pod_names(workload.name, OLD), _pod_names(workload.name, NEW), workload.pods, trouble.at
    wanted = [pods] * STEPS
    running = [Life(next(old)) for _ in range(pods)]
    match trouble.event:
        case "rollout":  # one after the other, with a surge of one
            replaced = [Life(one.name, end=at + 3 * index + 2) for index, one in enumerate(running)]
            return [*replaced, *(Life(next(new), start=at + 3 * index) for index in range(pods))], wanted
        case "hanging":
            return [*running, Life(next(new), start=at, is_started=False)], wanted
        case "canary":
            return [*running[1:], Life(next(new), start=-3000)], wanted
        case "churn":  # each lives half an hour
            found = []
            for index in range(pods):
                for start in range(-30 + index * 30 // pods, STEPS, 30):
                    found.append(Life(next(old), start=start, end=start + 30))
            return found, wanted
        case "scale":
            added = [Life(next(old), start=at) for _ in range(pods)]
            return [*running, *added], [pods if step < at else 2 * pods for step in range(STEPS)]
    return running, wanted


def _shape(step: int) -> float:
    """Usage over the window, as a share of its peak: it rises, and stays for a quarter of it."""
    return min(0.5 + max(step, 0) / 80, 1.0)


def _rates(counter: Scrapes) -> list[float | None]:
    """As Prometheus computes rate(…[5m]) at each step, from one scrape a minute."""
    return [_rate(counter[step : step + BEFORE + 1][1:]) for step in range(STEPS)]


def _rate(window: Scrapes) -> float | None:
    """The samples of (t - 300 s, t]. See https://github.com/prometheus/prometheus/blob/main/promql/functions.go."""
    there = [(index, value) for index, value in enumerate(window) if value is not None]
    if len(there) < 2:
        return None
    (first, begin), (last, _) = there[0], there[-1]
    increase, before = 0.0, begin
    for _, value in there[1:]:
        increase += value - before if value >= before else value
        before = value
    sampled = (last - first) * 60.0
    edge = 1.1 * sampled / (len(there) - 1)
    at_start, at_end = (first + 1) * 60.0, (len(window) - 1 - last) * 60.0
    at_start = at_start if at_start < edge else edge / 2.2
    at_end = at_end if at_end < edge else edge / 2.2
    if increase > 0 and begin >= 0:
        at_start = min(at_start, sampled * begin / increase)
    return increase * (sampled + at_start + at_end) / sampled / 300


def _carried(samples: Scrapes) -> list[float | None]:
    """The last sample of five minutes, at each step."""
    return [
        next((value for value in reversed(samples[step : step + BEFORE + 1]) if value is not None), None)
        for step in range(STEPS)
    ]


class Simulated:
    """One day of a plan: `truth` by workload, and `day`, what Prometheus answers."""

    def __init__(self, plan: Plan, number: int, day: date) -> None:
        self.plan, self.day_plan = plan, plan.days[number]
        self.random = Random(plan.seed * 1000 + number)
        self.day = Day(STEPS, day)
        self.truth: dict[str, Truth] = {}
        if plan.knows_nodes:
            self.day.node(NODE_CORES, NODE_BYTES)
        for workload, trouble in zip(plan.workloads, self.day_plan.troubles, strict=True):
            self._add(workload, trouble)

    def _add(self, workload: Workload, trouble: Trouble) -> None:
        lives, wanted = lives_of(workload, trouble)
        running = [sum(life.runs(step) for life in lives) for step in range(STEPS)]
        truth = self.truth[workload.name] = Truth([min(pair) for pair in zip(wanted, running, strict=True)])
        for container, (cores, size) in workload.containers.items():
            curves = [
                self._usage(life, container, (cores * trouble.factor, size * trouble.memory_factor), index, trouble)
                for index, life in enumerate(lives)
            ]
            truth.cpu[container] = _mean_of([cpu for cpu, _ in curves])
            truth.memory[container] = _mean_of([memory for _, memory in curves])
        for index, life in enumerate(lives):
            self._list(workload, life, index)
        self._list_deployment(workload, wanted, running, lives)

    def _usage(
        self,
        life: Life,
        container: str,
        usage: tuple[float, float],
        index: int,
        trouble: Trouble,
    ) -> tuple[list[float | None], list[float | None]]:
        """The true curves of one container of one pod; what is measured of them is added to the day."""
        minutes = range(-BEFORE, STEPS)
        jitter = self.random.uniform(0.97, 1.03)
        age = self.random.choice((6, 60, 3000, 100_000)) if life.start < -BEFORE else 0
        value = age * 60 * usage[0]
        counter: Scrapes = []
        memory: Scrapes = []
        for minute in minutes:
            runs = life.runs(minute)
            value += usage[0] * _shape(minute) * jitter * 60 if runs and minute > life.start else 0.0
            counter.append(value if runs else None)
            memory.append(usage[1] * _shape(minute) * jitter if runs else None)
        true = [rate if life.runs(step) else None for step, rate in enumerate(_rates(counter))], memory[BEFORE:]
        if index == 0:
            self._harm(counter, memory, trouble)
        is_away = [self._is_away(index, minute) for minute in minutes]
        seen = [None if away else one for away, one in zip(is_away, counter, strict=True)]
        self._measure(
            (NAMESPACE, life.name, container),
            seen,
            [None if away else one for away, one in zip(is_away, memory, strict=True)],
        )
        return true

    def _harm(self, counter: Scrapes, memory: Scrapes, trouble: Trouble) -> None:
        at = BEFORE + trouble.at + 10
        if counter[at] is None or counter[at - 1] is None:
            return
        before = counter[at - 1] or 0.0
        match trouble.glitch:
            case "step back":
                counter[at] = before - 0.01
            case "clock":
                counter[at] = 1.73e9
            case "absurd memory":
                memory[at] = 2.0**62
            case "restart":
                for index in range(at, len(counter)):
                    one = counter[index]
                    counter[index] = None if one is None else one - before

    def _is_away(self, index: int, minute: int) -> bool:
        """Whether nothing is scraped of the pod with this index."""
        return self.day_plan.scrapes_away.covers(minute) or (
            index % 4 == self.day_plan.node and self.day_plan.node_away.covers(minute)
        )

    def _measure(self, key: ContainerKey, counter: Scrapes, memory: Scrapes) -> None:
        _, pod, container = key
        self.day.seen(pod, cpu=_rates(counter), memory=_carried(memory), container=container)
        present = [value for value in counter if value is not None]
        has_reset = any(later < earlier for earlier, later in pairwise(present))
        # As the query: a counter that fell below what it had at the beginning has restarted.
        if has_reset and (counter[0] is None or min(present) >= 0.9 * counter[0]):
            self.day.reading.add_fact(Fact.COUNTER_FLOOR, key, min(present))
        window = [value for value in memory[BEFORE:] if value is not None]
        if window:
            self.day.reading.add_fact(Fact.MEMORY_MAX, key, max(window))

    def _shard_up(self, shard: int) -> list[float | None]:
        return [None if shard and self.day_plan.shard_away.covers(step) else 1.0 for step in range(STEPS)]

    def _list(self, workload: Workload, life: Life, index: int) -> None:
        up = self._shard_up(index % 2)
        steps = [one if life.start <= step < life.end else None for step, one in enumerate(up)]
        if not self.plan.has_kube_state or not any(steps):
            return
        self.day.listed(life.name, steps, containers=tuple(workload.containers))
        if self.plan.has_ready:
            unready = [None if life.runs(step) else one for step, one in enumerate(steps)]
            self.day.reading.add_unready((NAMESPACE, life.name), self.day.curve(unready), 0)
        for container, usage in workload.containers.items():
            for resource, amount in zip(("cpu", "memory"), usage, strict=True):
                labels = {"pod": life.name, "container": container, "resource": resource}
                self.day.state(Metric.REQUESTS, amount * workload.asked, **labels)
                if workload.has_limits:
                    self.day.state(Metric.LIMITS, amount * max(workload.asked, 1.0) * 2, **labels)

    def _list_deployment(
        self, workload: Workload, wanted: list[int], running: list[int], lives: Sequence[Life]
    ) -> None:
        up = self._shard_up(len(workload.name) % 2)
        if not self.plan.has_kube_state or not self.plan.has_deployments or not any(up):
            return
        existing = [sum(life.start <= step < life.end for life in lives) for step in range(STEPS)]
        curves = {"spec": wanted, "ready": running, "existing": existing}
        for name, curve in curves.items():
            self.day.deployment(workload.name, {name: _where(up, curve)})


def _where(up: Sequence[float | None], curve: Sequence[int]) -> list[float | None]:
    return [None if one is None else float(value) for one, value in zip(up, curve, strict=True)]


def _mean_of(curves: Sequence[Sequence[float | None]]) -> list[float]:
    """At each step, of the pods that run."""
    columns = ([value for value in column if value is not None] for column in zip(*curves, strict=True))
    return [sum(values) / len(values) for values in columns if values]


def limit_of(workload: Workload, container: str, resource: str) -> float:
    """What no value may exceed."""
    usage = dict(zip(("cpu", "memory"), workload.containers[container], strict=True))[resource]
    node = NODE_CORES if resource == "cpu" else NODE_BYTES
    return min(usage * max(workload.asked, 1.0) * 2, node) if workload.has_limits else node
