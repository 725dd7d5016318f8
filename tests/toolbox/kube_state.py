"""The metrics of kube-state-metrics 2.x for a fleet, scraped with `honor_labels` as one job.

A native sidecar is an init container there: `kube_pod_init_container_info` marks it with `restart_policy="Always"`
(since 2.11), and its requests are in the `kube_pod_init_container_*` families. With several shards each object is in the
shard that its uid says, as with `--total-shards`.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial

from tests.toolbox.cadvisor import image_of
from tests.toolbox.pods import (
    Life,
    Pod,
    digest,
    first_life,
    lifetime,
    lifetime_of_nodes,
    lives_of,
    node_names,
    pods_of,
    replica_sets_of,
    restarts_of,
    uid_of,
    wanted_replicas,
)
from tests.toolbox.scrapes import STATE, Found, Labels, Samples, Scrapes
from tests.toolbox.series import App, Container, Fleet, Hpa, Kind, Role

PORT = 8080


def shard_of(fleet: Fleet, uid: str) -> str:
    """The target that has the object."""
    return STATE if fleet.state_shards == 1 else f"{STATE}-{zlib.crc32(uid.encode()) % fleet.state_shards}"


class KubeState:
    def __init__(self, scrapes: Scrapes) -> None:
        self.scrapes, self.fleet = scrapes, scrapes.fleet
        families: dict[str, Callable[[], Found]] = {
            "kube_pod_owner": self._pod_owner,
            "kube_pod_status_ready": self._ready,
            "kube_replicaset_owner": self._replica_set_owner,
            "kube_deployment_spec_replicas": self._deployment_spec,
            "kube_deployment_status_replicas": partial(self._deployment_status, ready=False),
            "kube_deployment_status_replicas_ready": partial(self._deployment_status, ready=True),
            "kube_horizontalpodautoscaler_info": self._hpa_info,
            "kube_horizontalpodautoscaler_spec_min_replicas": partial(self._hpa_bound, "min_replicas"),
            "kube_horizontalpodautoscaler_spec_max_replicas": partial(self._hpa_bound, "max_replicas"),
            "kube_node_status_allocatable": self._allocatable,
        }
        for init, prefix in ((False, "kube_pod_container"), (True, "kube_pod_init_container")):
            families |= {
                f"{prefix}_info": partial(self._info, init),
                f"{prefix}_resource_requests": partial(self._asked, init, "request"),
                f"{prefix}_resource_limits": partial(self._asked, init, "limit"),
                f"{prefix}_status_restarts_total": partial(self._restarts, init),
                f"{prefix}_status_last_terminated_reason": partial(self._last_terminated, init),
            }
        self.metrics = {name: partial(self._scraped, family) for name, family in families.items()}

    def _scraped(self, family: Callable[[], Found]) -> Found:
        """Without honor_labels the labels of the scrape job win."""
        for labels, samples in family():
            for name, value in self.fleet.state_target_labels:
                if name in labels:
                    labels[f"exported_{name}"] = labels[name]
                labels[name] = value
            yield labels, samples

    def _target(self, uid: str) -> str:
        return shard_of(self.fleet, uid)

    def _constant(self, uid: str, start: datetime, end: datetime, value: float = 1.0) -> Callable[[], Samples]:
        return partial(self.scrapes.constant, STATE, self._target(uid), start, end, value)

    def _labels(self, of: str, namespace: str, **more: str) -> Labels:
        """`of`: the uid of the object."""
        return {"instance": f"{self._target(of)}:{PORT}", "job": STATE, "namespace": namespace, **more}

    def _pod_labels(self, pod: Pod, **more: str) -> Labels:
        return self._labels(pod.uid, pod.namespace, pod=pod.name, uid=pod.uid, **more)

    def _of_pod(self, pod: Pod, value: float = 1.0) -> Callable[[], Samples]:
        return self._constant(pod.uid, pod.start, pod.listed_until, value)

    def _containers(self, init: bool) -> Iterator[tuple[Pod, Container]]:
        for pod in pods_of(self.fleet):
            for container in pod.containers:
                if (container.role is not Role.APP) == init:
                    yield pod, container

    def _info(self, init: bool) -> Found:
        for pod, container in self._containers(init):
            lives = [life for life in lives_of(pod) if life.container is container] or [first_life(pod, container)]
            for life in lives:
                # The newest container stays in the pod's status as long as the pod is listed.
                until = pod.listed_until if life is lives[-1] else life.end
                yield self._info_labels(life), self._constant(pod.uid, life.start, until)

    def _info_labels(self, life: Life) -> Labels:
        image = image_of(life.container)
        return self._pod_labels(
            life.pod,
            container=life.container.name,
            container_id=f"containerd://{life.container_id}",
            image=image,
            image_id=f"{image.rsplit(':', 1)[0]}@sha256:{digest(image)}",
            image_spec=image,
            restart_policy="Always" if life.container.role is Role.SIDECAR else "",
        )

    def _asked(self, init: bool, what: str) -> Found:
        for pod, container in self._containers(init):
            asks = container.asks
            cores = asks.cpu_request_millicores if what == "request" else asks.cpu_limit_millicores
            size = asks.memory_request_bytes if what == "request" else asks.memory_limit_bytes
            labels = self._pod_labels(pod, container=container.name, node=pod.node)
            if cores is not None:
                yield {**labels, "resource": "cpu", "unit": "core"}, self._of_pod(pod, cores / 1000)
            if size is not None:
                yield {**labels, "resource": "memory", "unit": "byte"}, self._of_pod(pod, float(size))

    def _restarts(self, init: bool) -> Found:
        for pod, container in self._containers(init):
            times = [restart.at for restart in restarts_of(pod, container)]
            counted = partial(self.scrapes.counted, self._target(pod.uid), pod.start, pod.end, times)
            yield self._pod_labels(pod, container=container.name), counted

    def _last_terminated(self, init: bool) -> Found:
        for pod, container in self._containers(init):
            restarts = restarts_of(pod, container)
            ends = [*(restart.at for restart in restarts[1:]), pod.end]
            for restart, end in zip(restarts, ends, strict=False):
                labels = self._pod_labels(pod, container=container.name, reason=restart.reason)
                yield labels, self._constant(pod.uid, restart.at, end)

    def _ready(self) -> Found:
        for pod in pods_of(self.fleet):
            changes = (
                [(pod.ready_at, 1), (pod.deleted_at, -1)] if pod.ready_at and pod.ready_at < pod.deleted_at else []
            )
            unready = [(pod.start, 1), *((at, -change) for at, change in changes)]
            for condition, steps in (("true", changes), ("false", unready)):
                level = partial(self.scrapes.level, self._target(pod.uid), pod.start, pod.listed_until, steps)
                yield self._pod_labels(pod, condition=condition), level

    def _pod_owner(self) -> Found:
        for pod in pods_of(self.fleet):
            owner = self._owner(pod.owner_kind, pod.owner_name)
            yield self._pod_labels(pod, **owner), self._of_pod(pod)

    def _replica_set_owner(self) -> Found:
        for one in replica_sets_of(self.fleet):
            uid = uid_of(f"{one.namespace}/{one.name}")
            owner = self._owner(one.owner_kind, one.owner_name)
            labels = self._labels(uid, one.namespace, replicaset=one.name, **owner)
            yield labels, self._constant(uid, one.start, one.end)

    def _deployments(self) -> Iterator[tuple[App, str, Labels]]:
        """With their uids and labels."""
        for app in self.fleet.apps:
            if app.kind is Kind.DEPLOYMENT:
                uid = uid_of(f"{app.namespace}/{app.name}")
                yield app, uid, self._labels(uid, app.namespace, deployment=app.name)

    def _deployment_spec(self) -> Found:
        for app, uid, labels in self._deployments():
            before, changes = 0, []
            for at, replicas in wanted_replicas(self.fleet, app):
                changes.append((at, replicas - before))
                before = replicas
            yield labels, partial(self.scrapes.level, self._target(uid), *lifetime(self.fleet, app), changes)

    def _deployment_status(self, *, ready: bool) -> Found:
        """Pods that are terminating count in neither."""
        pods: dict[tuple[str, str], list[Pod]] = {}
        for pod in pods_of(self.fleet):
            pods.setdefault((pod.namespace, pod.app.name), []).append(pod)
        for app, uid, labels in self._deployments():
            changes = []
            for pod in pods.get((app.namespace, app.name), ()):
                since = pod.ready_at if ready else pod.start
                if since and since < pod.deleted_at:
                    changes += [(since, 1), (pod.deleted_at, -1)]
            yield labels, partial(self.scrapes.level, self._target(uid), *lifetime(self.fleet, app), changes)

    def _owner(self, kind: str, name: str) -> Labels:
        controls = "<none>" if kind == "<none>" else "true"
        return {"owner_kind": kind, "owner_name": name, "owner_is_controller": controls}

    def _hpas(self) -> Iterator[tuple[App, Hpa, str, Labels]]:
        """With their uids and labels."""
        for app in self.fleet.apps:
            if app.hpa:
                uid = uid_of(f"{app.namespace}/hpa/{app.hpa.name}")
                yield app, app.hpa, uid, self._labels(uid, app.namespace, horizontalpodautoscaler=app.hpa.name)

    def _hpa_info(self) -> Found:
        for app, _, uid, labels in self._hpas():
            target = {
                "scaletargetref_api_version": "apps/v1",
                "scaletargetref_kind": str(app.kind),
                "scaletargetref_name": app.name,
            }
            yield {**labels, **target}, self._constant(uid, *lifetime(self.fleet, app))

    def _hpa_bound(self, bound: str) -> Found:
        for app, hpa, uid, labels in self._hpas():
            yield labels, self._constant(uid, *lifetime(self.fleet, app), getattr(hpa, bound))

    def _allocatable(self) -> Found:
        amounts = (("cpu", "core", self.fleet.node_cores), ("memory", "byte", self.fleet.node_bytes))
        for node in node_names(self.fleet):
            uid = uid_of(f"node/{node}")
            always = lifetime_of_nodes(self.fleet)
            for resource, unit, amount in amounts:
                labels = self._node_labels(uid, node=node, resource=resource, unit=unit)
                yield labels, self._constant(uid, *always, float(amount))

    def _node_labels(self, uid: str, **labels: str) -> Labels:
        """Nodes have no namespace."""
        return {"instance": f"{self._target(uid)}:{PORT}", "job": STATE, **labels}
