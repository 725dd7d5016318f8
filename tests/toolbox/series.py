"""The description of a fleet of applications: requests, usage and events.

`pods` derives the pods and their lifetimes from it, `exposition` the series that Prometheus would scrape, as
OpenMetrics text and as raw samples, from which a test computes the expected results. `fleets` has two predefined
fleets. All values are frozen and deterministic: the same fleet gives the same samples, and its `repr` is part of the
cache key of a filled Prometheus.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from kubedoor.model.peak_day import TimeRange
from kubedoor.model.values import Resources

OWNER_METRICS = ("kube_pod_owner", "kube_replicaset_owner")
CFS_METRICS = ("container_cpu_cfs_periods_total", "container_cpu_cfs_throttled_periods_total")
HPA_METRICS = (
    "kube_horizontalpodautoscaler_info",
    "kube_horizontalpodautoscaler_spec_min_replicas",
    "kube_horizontalpodautoscaler_spec_max_replicas",
)
STEP_BACK_SECONDS = 0.01
DEPLOYMENT_METRICS = (
    "kube_deployment_spec_replicas",
    "kube_deployment_status_replicas",
    "kube_deployment_status_replicas_ready",
)
READY_METRIC = "kube_pod_status_ready"
NODE_METRICS = ("kube_node_status_allocatable", "machine_cpu_cores", "machine_memory_bytes")
ASKS_NOTHING = Resources()


@dataclass(frozen=True)
class Shape:
    """The usage of one pod over time, in cores or bytes: level x day x week x trend, plus noise.

    Evaluated on the fleet's local clock, so that the top of the day stays at the same hour across daylight saving.
    """

    level: float
    """At the busiest hour of a working day; cores or bytes."""
    swing: float = 0.0
    """How far it falls at the quietest hour, as a share of `level`."""
    busiest_hour: float = 10.75
    weekend: float = 1.0
    """Factor on Saturdays and Sundays."""
    growth_per_day: float = 0.0
    """Share of `level` added with every day of the fleet."""
    noise: float = 0.0
    """Uniform, up to this share of the value to either side; seeded by the series' name."""
    climb_per_hour: float = 0.0
    """Added for every hour since the container started: a leak."""
    day_factors: tuple[tuple[date, float], ...] = ()
    """Factors of single days, e.g. the heaviest one."""

    def at(self, moment: datetime, first_day: date) -> float:
        """The value at a local `moment`, without noise and leak."""
        hour = moment.hour + moment.minute / 60 + moment.second / 3600
        daily = 1 - self.swing * (1 - math.cos((hour - self.busiest_hour) / 12 * math.pi)) / 2
        weekly = self.weekend if moment.weekday() >= 5 else 1.0
        trend = 1 + self.growth_per_day * (moment.date() - first_day).days
        return self.level * daily * weekly * trend * dict(self.day_factors).get(moment.date(), 1.0)


@dataclass(frozen=True)
class Restart:
    """A container of one pod restarts: its counters start at zero, its memory at its level."""

    at: datetime
    pod: int = 0
    """Index of the pod among those of its time."""
    reason: str = "OOMKilled"
    keeps_id: bool = False
    """The same series goes on; else, as the container runtime does it, a new container id gives a new series."""


@dataclass(frozen=True)
class Glitch:
    """Wrong samples of one pod. A CPU counter itself goes on, and is right again afterwards.

    Seen in the field: a step back of a few milliseconds, a value that looks like a clock, an unsigned number below zero
    (google/cadvisor#3611).
    """

    at: datetime
    pod: int = 0
    samples: int = 1
    value: float | None = None
    """CPU seconds or bytes; None: of a CPU counter `STEP_BACK_SECONDS` less than the sample before."""
    is_memory: bool = False


class Role(StrEnum):
    APP = "app"
    SIDECAR = "sidecar"
    """A native sidecar: an init container with restartPolicy Always."""
    INIT = "init"
    """A plain init container: over before the others start."""


@dataclass(frozen=True)
class Container:
    name: str
    cpu: Shape
    memory: Shape
    asks: Resources = ASKS_NOTHING
    role: Role = Role.APP
    throttled_share: float = 0.0
    """CFS periods throttled, 0 to 1; only seen where there is a CPU limit."""
    restarts: tuple[Restart, ...] = ()
    glitches: tuple[Glitch, ...] = ()
    counter_seconds: float = 0.0
    """What the CPU counter shows when the container starts."""
    counter_wraps_at: float = math.inf
    """CPU seconds at which the counter begins at zero again."""
    image: str = ""
    """Empty: made up from the name."""


@dataclass(frozen=True)
class Rollout:
    """The template changes: a new ReplicaSet takes over, `surge` pods at a time (maxSurge, with maxUnavailable 0)."""

    at: datetime
    seconds_per_pod: int = 40
    """New pods become ready together, after so long for each of them."""
    surge: int = 1
    stops_after: int | None = None
    """Paused when so many pods have been handed over: a canary."""
    containers: tuple[Container, ...] = ()
    """Of the new template; empty: the same ones."""


@dataclass(frozen=True)
class Hang:
    """A rollout whose new pods never become ready: `unavailable` old ones are gone, and as many and `surge` are there."""

    at: datetime
    surge: int
    unavailable: int
    containers: tuple[Container, ...] = ()
    """As in a Rollout."""


@dataclass(frozen=True)
class Scale:
    at: datetime
    replicas: int


@dataclass(frozen=True)
class Replace:
    """One pod is evicted and replaced."""

    at: datetime
    pod: int = 0
    grace_seconds: int = 0
    """How long the old one takes to end, beside its successor."""
    stays_listed: bool = False
    """The node had too little of something: the evicted pod stays in the API server, in phase Failed."""


class Kind(StrEnum):
    DEPLOYMENT = "Deployment"
    STATEFUL_SET = "StatefulSet"
    DAEMON_SET = "DaemonSet"
    JOB = "Job"
    POD = "Pod"
    """A bare pod, nobody's."""
    REPLICA_SET = "ReplicaSet"
    """A bare ReplicaSet."""
    ROLLOUT = "Rollout"
    """Argo's: its ReplicaSets and pods are named like a Deployment's."""


@dataclass(frozen=True)
class Hpa:
    name: str
    min_replicas: int
    max_replicas: int


@dataclass(frozen=True)
class App:
    """An owner of pods: a Deployment unless `kind` is another."""

    name: str
    namespace: str
    containers: tuple[Container, ...]
    replicas: int = 1
    kind: Kind = Kind.DEPLOYMENT
    created: datetime | None = None
    """None: a week before the fleet's first day."""
    deleted: datetime | None = None
    events: tuple[Rollout | Hang | Scale | Replace, ...] = ()
    """In order of time; only Deployments and their like roll out."""
    hot_pod_factor: float = 1.0
    """What the first pod uses, CPU and memory, as a multiple of what the others do."""
    hpa: Hpa | None = None


@dataclass(frozen=True)
class Gap:
    """No scrapes in [start, end]."""

    start: datetime
    end: datetime
    job: str | None = None
    """Only of `cadvisor` or `kube-state-metrics`; None: Prometheus itself was away."""
    target: str | None = None
    """Only of this node's kubelet (`node-1`), or of this shard of kube-state-metrics (`kube-state-metrics-0`)."""


@dataclass(frozen=True)
class Fleet:
    """The apps of one cluster, with data for the recorded hours of some days."""

    apps: tuple[App, ...]
    first_day: date
    days: int
    zone: str = "UTC"
    record_from: time = time(9, 50)
    """Local time of each day from which samples exist; the rest of the day has none, to keep things small."""
    record_minutes: int = 120
    """May go past midnight; 1500 records whole days, those of 25 hours too."""
    scrape_seconds: int = 60
    state_scrape_seconds: int = 60
    """Of kube-state-metrics; below the look-back of 300."""
    state_shards: int = 1
    """Instances of kube-state-metrics; each object is in one of them, by its uid."""
    state_target_labels: tuple[tuple[str, str], ...] = ()
    """Labels of kube-state-metrics' scrape job, without honor_labels: its own become `exported_…`."""
    nodes: int = 3
    node_cores: int = 16
    node_bytes: int = 2**36
    external_labels: tuple[tuple[str, str], ...] = ()
    """Carried by every series, as in a Prometheus that holds several clusters."""
    without: tuple[str, ...] = ()
    """Metrics this Prometheus does not have, e.g. OWNER_METRICS."""
    gaps: tuple[Gap, ...] = ()
    empty_days: tuple[date, ...] = ()
    has_pod_cgroups: bool = True
    """The pods' own cgroups, the pause containers and the nodes' slices, which readers have to filter out."""
    kubelet_drops: tuple[str, ...] = ()
    """Labels that the kubelets' metrics do not have, e.g. `container` without access to the container runtime."""
    pause_container: str = ""
    """The pause container's `container` label: none with containerd, `POD` with Docker."""

    @property
    def last_day(self) -> date:
        return self.first_day + timedelta(days=self.days - 1)

    def moment(self, day: int, clock: str, minutes: float = 0) -> datetime:
        """The instant, in UTC, `minutes` after local time `clock` ("10:30") of the fleet's day `day` (0: the first)."""
        local = datetime.combine(self.first_day + timedelta(days=day), time.fromisoformat(clock), ZoneInfo(self.zone))
        return local.astimezone(UTC) + timedelta(minutes=minutes)

    def recorded(self) -> list[TimeRange]:
        """The time ranges with samples, one per day."""
        ranges = []
        for number in range(self.days):
            if self.first_day + timedelta(days=number) not in self.empty_days:
                start = self.moment(number, self.record_from.isoformat())
                ranges.append(TimeRange(start, start + timedelta(minutes=self.record_minutes)))
        return ranges
