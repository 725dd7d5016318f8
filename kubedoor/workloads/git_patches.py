"""Control values as YAML for Git: one Kustomize strategic-merge patch or Helm values document per workload. Pure.

Omits what the admission webhook does not patch: workloads that are off, opted out or owned by a controller, and the
replicas of a workload with an HPA.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import yaml

from kubedoor import quantities
from kubedoor.model.values import ControlContainer, ControlValues, Mode, Value, WorkloadKey


def is_enforced(values: ControlValues) -> bool:
    return values.mode is not Mode.OFF and not values.opted_out and not values.owned


def kustomize_patch(key: WorkloadKey, values: ControlValues, *, keeps_hpa_replicas: bool = True) -> dict[str, Any]:
    """A strategic-merge patch (containers merge by name); empty if there is nothing to patch."""
    spec: dict[str, Any] = {}
    if (replicas := _replicas(values, keeps_hpa_replicas)) is not None:
        spec["replicas"] = replicas
    containers = [{"name": name, "resources": resources} for name, resources in _resources(values)]
    if containers:
        spec["template"] = {"spec": {"containers": containers}}
    if not spec or not is_enforced(values):
        return {}
    metadata = {"name": key.deployment, "namespace": key.namespace}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


def helm_values(values: ControlValues, *, keeps_hpa_replicas: bool = True) -> dict[str, Any]:
    """`replicaCount` and `resources` of a chart made by `helm create`; several containers each under their name."""
    if not is_enforced(values):
        return {}
    chart_values: dict[str, Any] = {}
    if (replicas := _replicas(values, keeps_hpa_replicas)) is not None:
        chart_values["replicaCount"] = replicas
    resources = dict(_resources(values))
    if len(resources) == 1:
        chart_values["resources"] = next(iter(resources.values()))
    else:
        chart_values |= {name: {"resources": one} for name, one in resources.items()}
    return chart_values


def yaml_documents(documents: Iterable[tuple[WorkloadKey, Mapping[str, Any]]]) -> Iterator[str]:
    """One YAML document per non-empty document, after a comment with the workload's name."""
    for key, document in documents:
        if document:
            text = yaml.safe_dump(dict(document), sort_keys=False, allow_unicode=True)
            yield f"---\n# {key.namespace}/{key.deployment}\n{text}"


def _replicas(values: ControlValues, keeps_hpa_replicas: bool) -> int | None:
    if values.replicas is None or (values.hpa and keeps_hpa_replicas):
        return None
    return values.replicas.amount


def _resources(values: ControlValues) -> Iterator[tuple[str, dict[str, dict[str, str]]]]:
    for name, container in values.containers.items():
        if resources := _requirements(container):
            yield name, resources


def _requirements(container: ControlContainer) -> dict[str, dict[str, str]]:
    kinds = {
        "requests": (container.cpu_request_millicores, container.memory_request_bytes),
        "limits": (container.cpu_limit_millicores, container.memory_limit_bytes),
    }
    by_kind = {kind: _amounts(cpu, memory) for kind, (cpu, memory) in kinds.items()}
    return {kind: amounts for kind, amounts in by_kind.items() if amounts}


def _amounts(cpu: Value | None, memory: Value | None) -> dict[str, str]:
    amounts = {}
    if cpu is not None:
        amounts["cpu"] = quantities.format_cpu(cpu.amount)
    if memory is not None:
        amounts["memory"] = quantities.format_memory(memory.amount)
    return amounts
