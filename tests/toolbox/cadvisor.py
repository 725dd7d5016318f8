"""The cAdvisor metrics of a fleet, with the labels of a 1.36 kubelet with containerd and cgroup v2.

Besides the containers there are the pods' own cgroups (no container, no image, no name), the pause containers (an
image and a name; `container="POD"` with Docker) and the nodes' slices (no pod at all): a sum of `container_*` without a
filter counts everything twice. CFS and quota series exist only with a CPU limit. Empty labels are omitted, as in
Prometheus.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from tests.toolbox.pods import Life, Pod, digest, lifetime_of_nodes, lives_of, node_names, pods_of
from tests.toolbox.scrapes import CADVISOR, PAUSE_BYTES, PAUSE_CORES, Found, Labels, Samples, Scrapes
from tests.toolbox.series import Container, Role

REGISTRY = "registry.example.com"
PAUSE_IMAGE = "registry.k8s.io/pause:3.10.1"
CFS_PERIOD_MICROSECONDS = 100_000
CFS_PERIODS_PER_SECOND = 10
NODE_CORES, NODE_BYTES = 2.5, 6.0 * 2**30
NODE_CGROUPS = ("/", "/kubepods.slice", "/system.slice/kubelet.service")


@dataclass(frozen=True)
class _Cgroup:
    labels: Labels
    node: str
    start: datetime
    end: datetime
    cpu: Callable[[], Samples]
    memory: Callable[[], Samples]
    periods: Callable[[float], Samples]
    quota_microseconds: int = 0
    """Per CFS period; 0: no limit."""
    throttled_share: float = 0.0


def image_of(container: Container) -> str:
    return container.image or f"{REGISTRY}/{container.name}:1.4.2"


def _slice(pod: Pod) -> str:
    """The pod's cgroup as the systemd driver names it, by quality of service."""
    asks = [container.asks for container in pod.containers]
    requests = [(one.cpu_request_millicores, one.memory_request_bytes) for one in asks]
    limits = [(one.cpu_limit_millicores, one.memory_limit_bytes) for one in asks]
    uid = pod.uid.replace("-", "_")
    if requests == limits and not any(None in one for one in limits):
        return f"/kubepods.slice/kubepods-pod{uid}.slice"
    quality = "burstable" if any(value for one in requests + limits for value in one) else "besteffort"
    return f"/kubepods.slice/kubepods-{quality}.slice/kubepods-{quality}-pod{uid}.slice"


class Cadvisor:
    def __init__(self, scrapes: Scrapes) -> None:
        self.scrapes, self.fleet = scrapes, scrapes.fleet
        families: dict[str, Callable[[], Found]] = {
            "container_cpu_usage_seconds_total": self._cpu,
            "container_memory_working_set_bytes": self._memory,
            "container_spec_cpu_quota": self._quota,
            "container_spec_cpu_period": self._period,
            "container_cpu_cfs_periods_total": partial(self._cfs, throttled=False),
            "container_cpu_cfs_throttled_periods_total": partial(self._cfs, throttled=True),
            "machine_cpu_cores": partial(self._machine, self.fleet.node_cores),
            "machine_memory_bytes": partial(self._machine, self.fleet.node_bytes),
        }

        self.metrics = {name: partial(self._scraped, family) for name, family in families.items()}

    def _scraped(self, family: Callable[[], Found]) -> Found:
        for labels, samples in family():
            yield {name: value for name, value in labels.items() if name not in self.fleet.kubelet_drops}, samples

    def _cpu(self) -> Found:
        for cgroup in self._cgroups():
            yield {**cgroup.labels, "cpu": "total"}, cgroup.cpu

    def _memory(self) -> Found:
        for cgroup in self._cgroups():
            yield cgroup.labels, cgroup.memory

    def _quota(self) -> Found:
        for cgroup in self._cgroups():
            if cgroup.quota_microseconds:
                yield cgroup.labels, self._constant(cgroup, cgroup.quota_microseconds)

    def _period(self) -> Found:
        for cgroup in self._cgroups():
            yield cgroup.labels, self._constant(cgroup, CFS_PERIOD_MICROSECONDS)

    def _cfs(self, *, throttled: bool) -> Found:
        for cgroup in self._cgroups():
            if cgroup.quota_microseconds:
                share = cgroup.throttled_share if throttled else 1.0
                yield cgroup.labels, partial(cgroup.periods, share * CFS_PERIODS_PER_SECOND)

    def _machine(self, value: int) -> Found:
        for node in node_names(self.fleet):
            constant = partial(self.scrapes.constant, CADVISOR, node, *lifetime_of_nodes(self.fleet), float(value))
            yield {"instance": node, "job": CADVISOR, "node": node}, constant

    def _constant(self, cgroup: _Cgroup, value: float) -> Callable[[], Samples]:
        return partial(self.scrapes.constant, CADVISOR, cgroup.node, cgroup.start, cgroup.end, float(value))

    def _cgroups(self) -> Iterator[_Cgroup]:
        for pod in pods_of(self.fleet):
            for life in lives_of(pod):
                yield self._container(life)
            if self.fleet.has_pod_cgroups:
                yield self._pod(pod)
                yield self._pause(pod)
        if self.fleet.has_pod_cgroups:
            yield from self._nodes()

    def _container(self, life: Life) -> _Cgroup:
        labels = {
            **self._pod_labels(life.pod, f"/cri-containerd-{life.container_id}.scope"),
            "container": life.container.name,
            "image": image_of(life.container),
            "name": life.container_id,
        }
        return _Cgroup(
            labels,
            life.pod.node,
            life.start,
            life.end,
            cpu=partial(self.scrapes.cpu_seconds, life),
            memory=partial(self.scrapes.memory_bytes, life),
            periods=partial(self.scrapes.ticks, life),
            quota_microseconds=(life.container.asks.cpu_limit_millicores or 0) * CFS_PERIOD_MICROSECONDS // 1000,
            throttled_share=life.container.throttled_share,
        )

    def _pod(self, pod: Pod) -> _Cgroup:
        limits = [one.asks.cpu_limit_millicores or 0 for one in pod.containers if one.role is not Role.INIT]
        quota = sum(limits) * CFS_PERIOD_MICROSECONDS // 1000 if all(limits) else 0
        pause = self._pause(pod)
        return _Cgroup(
            self._pod_labels(pod, ""),
            pod.node,
            pod.start,
            pod.end,
            cpu=lambda: self.scrapes.pod_total(pod, self.scrapes.cpu_seconds, pause.cpu()),
            memory=lambda: self.scrapes.pod_total(pod, self.scrapes.memory_bytes, pause.memory()),
            periods=partial(self.scrapes.growing, pod.node, pod.start, pod.end),
            quota_microseconds=quota,
        )

    def _pause(self, pod: Pod) -> _Cgroup:
        pause_id = digest(f"{pod.uid}/pause")
        labels = {
            **self._pod_labels(pod, f"/cri-containerd-{pause_id}.scope"),
            "container": self.fleet.pause_container,
            "image": PAUSE_IMAGE,
            "name": pause_id,
        }
        return self._plain(labels, pod.node, (pod.start, pod.end), PAUSE_CORES, PAUSE_BYTES)

    def _nodes(self) -> Iterator[_Cgroup]:
        lifetime = lifetime_of_nodes(self.fleet)
        for node in node_names(self.fleet):
            for path in NODE_CGROUPS:
                yield self._plain(self._node_labels(node, path), node, lifetime, NODE_CORES, NODE_BYTES)

    def _plain(self, labels: Labels, node: str, life: tuple[datetime, datetime], cores: float, size: float) -> _Cgroup:
        growing = partial(self.scrapes.growing, node, *life)
        constant = partial(self.scrapes.constant, CADVISOR, node, *life, size)
        return _Cgroup(labels, node, *life, cpu=partial(growing, cores), memory=constant, periods=growing)

    def _node_labels(self, node: str, path: str) -> Labels:
        return {"id": path, "instance": node, "job": CADVISOR, "node": node}

    def _pod_labels(self, pod: Pod, below: str) -> Labels:
        return {
            **self._node_labels(pod.node, _slice(pod) + below),
            "namespace": pod.namespace,
            "pod": pod.name,
        }
