"""The metrics of kube-state-metrics 2.x for a fleet, scraped with `honor_labels` as one job.

A native sidecar is an init container there: `kube_pod_init_container_info` marks it with `restart_policy="Always"`
(since 2.11), and its requests are in the `kube_pod_init_container_*` families.
"""

from __future__ import annotations

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
    lives_of,
    pods_of,
    replica_sets_of,
    restarts_of,
)
from tests.toolbox.scrapes import STATE, Found, Labels, Samples, Scrapes
from tests.toolbox.series import App, Container, Role

INSTANCE = "kube-state-metrics:8080"


class KubeState:
    def __init__(self, scrapes: Scrapes) -> None:
        self.scrapes, self.fleet = scrapes, scrapes.fleet
        self.metrics: dict[str, Callable[[], Found]] = {
            "kube_pod_owner": self._pod_owner,
            "kube_replicaset_owner": self._replica_set_owner,
            "kube_horizontalpodautoscaler_info": self._hpa_info,
            "kube_horizontalpodautoscaler_spec_min_replicas": partial(self._hpa_bound, "min_replicas"),
            "kube_horizontalpodautoscaler_spec_max_replicas": partial(self._hpa_bound, "max_replicas"),
        }
        for init, prefix in ((False, "kube_pod_container"), (True, "kube_pod_init_container")):
            self.metrics |= {
                f"{prefix}_info": partial(self._info, init),
                f"{prefix}_resource_requests": partial(self._asked, init, "request"),
                f"{prefix}_resource_limits": partial(self._asked, init, "limit"),
                f"{prefix}_status_restarts_total": partial(self._restarts, init),
                f"{prefix}_status_last_terminated_reason": partial(self._last_terminated, init),
            }

    def _constant(self, start: datetime, end: datetime, value: float = 1.0) -> Callable[[], Samples]:
        return partial(self.scrapes.constant, STATE, STATE, start, end, value)

    def _labels(self, namespace: str, **more: str) -> Labels:
        return {"instance": INSTANCE, "job": STATE, "namespace": namespace, **more}

    def _pod_labels(self, pod: Pod, **more: str) -> Labels:
        return self._labels(pod.namespace, pod=pod.name, uid=pod.uid, **more)

    def _containers(self, init: bool) -> Iterator[tuple[Pod, Container]]:
        for pod in pods_of(self.fleet):
            for container in pod.app.containers:
                if (container.role is not Role.APP) == init:
                    yield pod, container

    def _info(self, init: bool) -> Found:
        for pod, container in self._containers(init):
            lives = [life for life in lives_of(pod) if life.container is container] or [first_life(pod, container)]
            for life in lives:
                yield self._info_labels(life), self._constant(life.start, life.end)

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
                yield {**labels, "resource": "cpu", "unit": "core"}, self._constant(pod.start, pod.end, cores / 1000)
            if size is not None:
                yield {**labels, "resource": "memory", "unit": "byte"}, self._constant(pod.start, pod.end, float(size))

    def _restarts(self, init: bool) -> Found:
        for pod, container in self._containers(init):
            times = [restart.at for restart in restarts_of(pod, container)]
            counted = partial(self.scrapes.counted, pod.start, pod.end, times)
            yield self._pod_labels(pod, container=container.name), counted

    def _last_terminated(self, init: bool) -> Found:
        for pod, container in self._containers(init):
            restarts = restarts_of(pod, container)
            ends = [*(restart.at for restart in restarts[1:]), pod.end]
            for restart, end in zip(restarts, ends, strict=False):
                labels = self._pod_labels(pod, container=container.name, reason=restart.reason)
                yield labels, self._constant(restart.at, end)

    def _pod_owner(self) -> Found:
        for pod in pods_of(self.fleet):
            owner = self._owner(pod.owner_kind, pod.owner_name)
            yield self._pod_labels(pod, **owner), self._constant(pod.start, pod.end)

    def _replica_set_owner(self) -> Found:
        for one in replica_sets_of(self.fleet):
            labels = self._labels(one.namespace, replicaset=one.name, **self._owner(one.owner_kind, one.owner_name))
            yield labels, self._constant(one.start, one.end)

    def _owner(self, kind: str, name: str) -> Labels:
        controls = "<none>" if kind == "<none>" else "true"
        return {"owner_kind": kind, "owner_name": name, "owner_is_controller": controls}

    def _hpa_labels(self, app: App, name: str) -> Labels:
        return self._labels(app.namespace, horizontalpodautoscaler=name)

    def _hpa_info(self) -> Found:
        for app, since, until in self._lifetimes():
            if app.hpa:
                target = {
                    "scaletargetref_api_version": "apps/v1",
                    "scaletargetref_kind": str(app.kind),
                    "scaletargetref_name": app.name,
                }
                yield {**self._hpa_labels(app, app.hpa.name), **target}, self._constant(since, until)

    def _hpa_bound(self, bound: str) -> Found:
        for app, since, until in self._lifetimes():
            if app.hpa:
                yield self._hpa_labels(app, app.hpa.name), self._constant(since, until, getattr(app.hpa, bound))

    def _lifetimes(self) -> Iterator[tuple[App, datetime, datetime]]:
        for app in self.fleet.apps:
            yield app, *lifetime(self.fleet, app)
