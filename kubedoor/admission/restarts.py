"""Whether a change of a Deployment rolls out new pods. Pure.

The API server compares quantities as numbers: `1Gi` instead of `1073741824` makes neither a new generation nor new
pods, anywhere in the pod template.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from kubedoor import quantities

_QUANTITIES = tuple(
    path.split(".")
    for path in (
        "spec.overhead.*",
        "spec.resources.requests.*",
        "spec.resources.limits.*",
        "spec.containers.resources.requests.*",
        "spec.containers.resources.limits.*",
        "spec.containers.env.valueFrom.resourceFieldRef.divisor",
        "spec.initContainers.resources.requests.*",
        "spec.initContainers.resources.limits.*",
        "spec.initContainers.env.valueFrom.resourceFieldRef.divisor",
        "spec.volumes.emptyDir.sizeLimit",
        "spec.volumes.ephemeral.volumeClaimTemplate.spec.resources.requests.*",
        "spec.volumes.ephemeral.volumeClaimTemplate.spec.resources.limits.*",
        "spec.volumes.downwardAPI.items.resourceFieldRef.divisor",
        "spec.volumes.projected.sources.downwardAPI.items.resourceFieldRef.divisor",
    )
)
"""Paths of the quantities in a pod template, through every entry of a list; `*` is every key of an object."""
_HASH_LABEL = "pod-template-hash"
"""The Deployment controller sets it on its ReplicaSets' pods, and ignores it in the template."""


def restarts(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether the pod template differs by more than the spelling of quantities and the label `pod-template-hash`."""
    old, new = template_of(before), template_of(after)
    return old != new and _canonical(old) != _canonical(new)


def template_of(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The pod template of a Deployment; empty where there is none."""
    template: dict[str, Any] = (manifest.get("spec") or {}).get("template") or {}
    return template


def _canonical(template: dict[str, Any]) -> dict[str, Any]:
    result = copy.deepcopy(template)
    for path in _QUANTITIES:
        _normalize(result, *path)
    metadata = result.get("metadata") or {}
    if _HASH_LABEL in (metadata.get("labels") or {}):
        del metadata["labels"][_HASH_LABEL]
        if not metadata["labels"]:
            del metadata["labels"]
    return result


def _normalize(node: Any, key: str, *rest: str) -> None:
    """Write the quantities at a path below `node` in one canonical form. Absent and null fields stay as they are."""
    if isinstance(node, list):
        for entry in node:
            _normalize(entry, key, *rest)
        return
    for name in list(node) if key == "*" else [key]:
        value = node.get(name)
        if value is not None and rest:
            _normalize(value, *rest)
        elif value is not None:
            node[name] = str(quantities.parse(value).normalize())
