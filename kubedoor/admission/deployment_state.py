"""Reads the state of a Deployment from its manifest. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from kubedoor import quantities
from kubedoor.admission.due import replicas_of
from kubedoor.asked import ANNOTATION, asked_of, controllable, requirements_of
from kubedoor.model.deployments import DeploymentContainer, DeploymentState
from kubedoor.model.values import Resources

_UINT32_MAX = 2**32 - 1
_UINT64_MAX = 2**64 - 1


def state_of(manifest: Mapping[str, Any]) -> DeploymentState:
    """The state of a stored Deployment. A quantity that is larger than the store can hold becomes the largest one."""
    metadata, spec = manifest["metadata"], manifest.get("spec") or {}
    asked = asked_of(manifest)
    template = spec.get("template") or {}
    pod = template.get("spec") or {}
    regular = {container.get("name") for container in pod.get("containers") or ()}
    containers = []
    for container in controllable(template):
        name, runs = str(container.get("name", "")), requirements_of(container)
        wished = (asked or {}).get(name, runs)
        containers.append(DeploymentContainer(name, name not in regular, _resources(wished), _resources(runs)))
    return DeploymentState(
        namespace=str(metadata["namespace"]),
        deployment=str(metadata["name"]),
        replicas=min(max(replicas_of(manifest), 0), _UINT32_MAX),
        containers=tuple(containers),
        is_sized=asked is not None,
        init_containers=tuple(str(container.get("name", "")) for container in pod.get("initContainers") or ()),
        has_pod_resources=bool(pod.get("resources")),
        generation=generation_of(manifest),
    )


def generation_of(manifest: Mapping[str, Any]) -> int:
    """The API server counts changes of `spec` by it; 0: nothing is stored yet."""
    generation = (manifest.get("metadata") or {}).get("generation")
    return generation if isinstance(generation, int) and 0 <= generation < 2**63 else 0


def outline(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """All that `state_of` reads, and that a patch of the door may change: whoever keeps this does not keep the manifest."""
    metadata, spec = manifest.get("metadata") or {}, manifest.get("spec") or {}
    annotations = metadata.get("annotations") or {}
    pod = (spec.get("template") or {}).get("spec") or {}
    kept: dict[str, Any] = {"containers": [_outline(one) for one in pod.get("containers") or ()]}
    if init_containers := pod.get("initContainers"):
        kept["initContainers"] = [_outline(one) for one in init_containers]
    if resources := pod.get("resources"):
        kept["resources"] = resources
    return {
        "metadata": {"annotations": {ANNOTATION: annotations[ANNOTATION]} if ANNOTATION in annotations else {}},
        "spec": {"replicas": spec.get("replicas"), "template": {"spec": kept}},
    }


def _outline(container: Mapping[str, Any]) -> dict[str, Any]:
    return {name: container.get(name) for name in ("name", "resources", "restartPolicy")}


def _resources(fields: Mapping[str, str]) -> Resources:
    return Resources(
        cpu_request_millicores=_amount(fields.get("requests.cpu"), quantities.cpu_millicores, _UINT32_MAX),
        memory_request_bytes=_amount(fields.get("requests.memory"), quantities.memory_bytes, _UINT64_MAX),
        cpu_limit_millicores=_amount(fields.get("limits.cpu"), quantities.cpu_millicores, _UINT32_MAX),
        memory_limit_bytes=_amount(fields.get("limits.memory"), quantities.memory_bytes, _UINT64_MAX),
    )


@lru_cache(maxsize=4096)
def _amount(quantity: str | None, read: Callable[[str], int], largest: int) -> int | None:
    if quantity is None or not quantities.is_quantity(quantity):
        return None
    return min(max(read(quantity), 0), largest)
