"""Kubernetes objects that bound what a workload may ask for, as manifests."""

from __future__ import annotations

from typing import Any

Manifest = dict[str, Any]


def make_limit_range(name: str, namespace: str, *items: Manifest) -> Manifest:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "LimitRange", "metadata": metadata, "spec": {"limits": list(items)}}


def make_quota(
    name: str,
    namespace: str,
    hard: dict[str, str],
    used: dict[str, str] | None = None,
    **spec: Any,
) -> Manifest:
    """`used` given: with a status, as once the quota controller has seen it."""
    manifest: Manifest = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"hard": hard, **spec},
    }
    return manifest if used is None else {**manifest, "status": {"hard": hard, "used": used}}


def scoped_to(scope: str, operator: str = "Exists", *values: str) -> Manifest:
    """A quota's `scopeSelector` of one scope."""
    expression = {"scopeName": scope, "operator": operator, **({"values": list(values)} if values else {})}
    return {"matchExpressions": [expression]}


def make_node(name: str, cpu: str, memory: str, *, cordoned: bool = False) -> Manifest:
    amounts = {"cpu": cpu, "memory": memory, "pods": "110"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name},
        "spec": {"unschedulable": True} if cordoned else {},
        "status": {"allocatable": amounts, "capacity": amounts},
    }


def on_resource(resource: str, percent: int) -> Manifest:
    """An HPA's metric: mean utilisation of the request, over all containers."""
    target = {"type": "Utilization", "averageUtilization": percent}
    return {"type": "Resource", "resource": {"name": resource, "target": target}}


def on_container(container: str, resource: str, percent: int) -> Manifest:
    target = {"type": "Utilization", "averageUtilization": percent}
    source = {"name": resource, "container": container, "target": target}
    return {"type": "ContainerResource", "containerResource": source}


def on_value(resource: str, value: str) -> Manifest:
    target = {"type": "AverageValue", "averageValue": value}
    return {"type": "Resource", "resource": {"name": resource, "target": target}}


def make_hpa(name: str, namespace: str, *metrics: Manifest, kind: str = "Deployment", target: str = "web") -> Manifest:
    reference = {"apiVersion": "apps/v1", "kind": kind, "name": target}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"scaleTargetRef": reference, "minReplicas": 1, "maxReplicas": 3, "metrics": list(metrics)},
    }


def make_vpa(name: str, namespace: str, mode: str = "", *, kind: str = "Deployment", target: str = "web") -> Manifest:
    """`mode` empty: not given."""
    spec: Manifest = {"targetRef": {"apiVersion": "apps/v1", "kind": kind, "name": target}}
    if mode:
        spec["updatePolicy"] = {"updateMode": mode}
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "autoscaling.k8s.io/v1", "kind": "VerticalPodAutoscaler", "metadata": metadata, "spec": spec}
