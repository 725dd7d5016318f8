"""What is kept of one Deployment in the cluster: enough for the rules, a fraction of its manifest. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from kubedoor import quantities
from kubedoor.admission.deployment_state import generation_of, outline
from kubedoor.admission.due import replicas_of
from kubedoor.admission.rules import CONTROL_LABEL, object_facts
from kubedoor.model.deployments import DeploymentContainer, DeploymentState
from kubedoor.model.values import Resources

Key = tuple[str, str]
"""(namespace, deployment)"""
Manifest = dict[str, Any]


class LiveDeployment(NamedTuple):
    """`outline` as JSON, which takes a third of the memory of a dict."""

    outline: bytes
    replicas: int
    ready: int
    updated: int
    """Pods of the newest template."""
    is_settled: bool
    """The Deployment controller has seen the newest change, and all pods are of it and ready."""
    generation: int = 0
    """How often `spec` has changed; 0: not known."""

    def manifest(self, key: Key) -> Manifest:
        """All that the rules read of a Deployment."""
        return _named(orjson.loads(self.outline), key)


def live_of(manifest: Mapping[str, Any]) -> LiveDeployment:
    status, replicas = manifest.get("status") or {}, replicas_of(manifest)
    ready, updated = int(status.get("readyReplicas") or 0), int(status.get("updatedReplicas") or 0)
    generation = generation_of(manifest)
    is_seen = int(status.get("observedGeneration") or 0) >= generation
    kept = _exempt(outline(manifest), *object_facts(manifest))
    is_settled = is_seen and ready == updated == replicas == int(status.get("replicas") or 0)
    return LiveDeployment(orjson.dumps(kept), replicas, ready, updated, is_settled, generation)


def manifest_of(state: DeploymentState, *, opted_out: bool, owned: bool) -> Manifest:
    """All that the rules read, of a Deployment as it was seen."""
    regular = [_container(one) for one in state.containers if not one.is_sidecar]
    sidecars = [{**_container(one), "restartPolicy": "Always"} for one in state.containers if one.is_sidecar]
    pod: Manifest = {"containers": regular, "initContainers": sidecars}
    if state.has_pod_resources:
        pod["resources"] = {"requests": {}}
    found = {"metadata": {}, "spec": {"replicas": state.replicas, "template": {"spec": pod}}}
    return _named(_exempt(found, opted_out, owned), state.key)


def _named(manifest: Manifest, key: Key) -> Manifest:
    manifest["metadata"] |= {"namespace": key[0], "name": key[1]}
    return manifest


def _exempt(manifest: Manifest, opted_out: bool, owned: bool) -> Manifest:
    if opted_out:
        manifest["metadata"]["labels"] = {CONTROL_LABEL: "off"}
    if owned:
        manifest["metadata"]["ownerReferences"] = [{}]
    return manifest


def _container(one: DeploymentContainer) -> Manifest:
    runs = one.runs
    requests = _amounts(runs.cpu_request_millicores, runs.memory_request_bytes)
    return {"name": one.name, "resources": {"requests": requests, "limits": _limits(runs)}}


def _limits(runs: Resources) -> dict[str, str]:
    return _amounts(runs.cpu_limit_millicores, runs.memory_limit_bytes)


def _amounts(cpu: int | None, memory: int | None) -> dict[str, str]:
    amounts = {
        "cpu": None if cpu is None else quantities.format_cpu(cpu),
        "memory": None if memory is None else quantities.format_memory(memory),
    }
    return {name: quantity for name, quantity in amounts.items() if quantity is not None}
