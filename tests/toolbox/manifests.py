"""The Deployments of a fleet as Kubernetes objects, with their requests and limits."""

from __future__ import annotations

from typing import Any

from kubedoor.quantities import format_cpu, format_memory
from tests.toolbox.cadvisor import image_of
from tests.toolbox.controlplane import Manifest
from tests.toolbox.series import App, Container, Fleet, Kind, Role


def manifests_of(fleet: Fleet) -> list[Manifest]:
    """Namespaces, Deployments and HPAs. Other kinds of apps are left out: no control plane test needs them."""
    deployments = [app for app in fleet.apps if app.kind is Kind.DEPLOYMENT]
    namespaces = sorted({app.namespace for app in deployments})
    return [
        *({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in namespaces),
        *(deployment_of(app) for app in deployments),
        *(autoscaler_of(app) for app in deployments if app.hpa),
    ]


def deployment_of(app: App) -> Manifest:
    labels = {"app": app.name}
    containers = [_container(one) for one in app.containers if one.role is Role.APP]
    initial = [_container(one) for one in app.containers if one.role is not Role.APP]
    pod: dict[str, Any] = {"containers": containers, **({"initContainers": initial} if initial else {})}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": app.name, "namespace": app.namespace, "labels": labels},
        "spec": {
            "replicas": app.replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def _container(container: Container) -> dict[str, Any]:
    asks = container.asks
    resources = {
        "requests": _quantities(asks.cpu_request_millicores, asks.memory_request_bytes),
        "limits": _quantities(asks.cpu_limit_millicores, asks.memory_limit_bytes),
    }
    return {
        "name": container.name,
        "image": image_of(container),
        "resources": {kind: values for kind, values in resources.items() if values},
        **({"restartPolicy": "Always"} if container.role is Role.SIDECAR else {}),
    }


def _quantities(millicores: int | None, count_bytes: int | None) -> dict[str, str]:
    """Kubernetes quantities; unset ones are left out."""
    cpu = {} if millicores is None else {"cpu": format_cpu(millicores)}
    memory = {} if count_bytes is None else {"memory": format_memory(count_bytes)}
    return cpu | memory


def autoscaler_of(app: App) -> Manifest:
    if app.hpa is None:
        raise ValueError(f"{app.name} has no HPA")
    metric = {
        "type": "Resource",
        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}},
    }
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": app.hpa.name, "namespace": app.namespace},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": app.name},
            "minReplicas": app.hpa.min_replicas,
            "maxReplicas": app.hpa.max_replicas,
            "metrics": [metric],
        },
    }
