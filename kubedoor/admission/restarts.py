"""Whether a change of a Deployment rolls out new pods. Pure.

The API server compares quantities as numbers: `1Gi` instead of `1073741824` makes neither a new generation nor new
pods, anywhere in the pod template.
"""

from __future__ import annotations

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
CONTAINER_KINDS = ("containers", "initContainers")
_Tree = dict[str, Any]


def _tree() -> _Tree:
    """The paths as nested dicts; a quantity is an empty one."""
    root: _Tree = {}
    for path in _QUANTITIES:
        node = root
        for name in path:
            node = node.setdefault(name, {})
    return root


QUANTITY_TREE = _tree()


def restarts(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether the pod template differs by more than the spelling of quantities and the label `pod-template-hash`.

    Only what differs is looked at: two equal templates cost one comparison.
    """
    old, new = template_of(before), template_of(after)
    if old == new:
        return False
    # Most that differ are releases of another image.
    return _images(old) != _images(new) or _differs(_without_hash_label(old), _without_hash_label(new), QUANTITY_TREE)


def _images(template: Mapping[str, Any]) -> list[Any]:
    return [one.get("image") for one in (template.get("spec") or {}).get("containers") or ()]


def restarts_beyond_numbers(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """As `restarts`, but for the requests and limits that KubeDoor controls, whatever they are."""
    old, new = _without_hash_label(template_of(before)), _without_hash_label(template_of(after))
    old_pod, new_pod = old.get("spec") or {}, new.get("spec") or {}
    return (
        _containers_differ(old_pod.get("containers"), new_pod.get("containers"))
        or _containers_differ(old_pod.get("initContainers"), new_pod.get("initContainers"), are_init=True)
        or _differs(_without(old_pod, *CONTAINER_KINDS), _without(new_pod, *CONTAINER_KINDS), QUANTITY_TREE["spec"])
        or _differs(_without(old, "spec"), _without(new, "spec"), QUANTITY_TREE)
    )


def _containers_differ(old: Any, new: Any, *, are_init: bool = False) -> bool:
    old, new = old or (), new or ()
    return len(old) != len(new) or any(
        _container_differs(one, other, is_init=are_init) for one, other in zip(old, new, strict=True)
    )


def _container_differs(old: Mapping[str, Any], new: Mapping[str, Any], *, is_init: bool) -> bool:
    tree = QUANTITY_TREE["spec"]["containers"]
    # A plain init container is not controlled, so its numbers count.
    if is_init and not old.get("restartPolicy") == new.get("restartPolicy") == "Always":
        return _differs(old, new, tree)
    if old.get("name") != new.get("name") or old.get("image") != new.get("image"):
        return True
    before, after = (_without_numbers(one.get("resources") or {}) for one in (old, new))
    rest_before, rest_after = _without(old, "resources"), _without(new, "resources")
    return _differs(before, after, tree["resources"]) or _differs(rest_before, rest_after, tree)


def _without_numbers(resources: Mapping[str, Any]) -> dict[str, Any]:
    """Without the four fields, and without parts that have nothing else."""
    rest = {}
    for part, amounts in resources.items():
        if part in ("requests", "limits"):
            amounts = _without(amounts or {}, "cpu", "memory")
        if amounts:
            rest[part] = amounts
    return rest


def _without(parent: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in parent.items() if name not in names}


def template_of(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The pod template of a Deployment; empty where there is none."""
    template: dict[str, Any] = (manifest.get("spec") or {}).get("template") or {}
    return template


def _without_hash_label(template: dict[str, Any]) -> dict[str, Any]:
    metadata = template.get("metadata") or {}
    if _HASH_LABEL not in (metadata.get("labels") or {}):
        return template
    labels = {name: value for name, value in metadata["labels"].items() if name != _HASH_LABEL}
    rest = {name: value for name, value in metadata.items() if name != "labels"}
    return {**template, "metadata": {**rest, **({"labels": labels} if labels else {})}}


def _differs(old: Any, new: Any, tree: _Tree | None) -> bool:
    """`tree`: the quantities at or below this place; None: there are none. Absent and null fields are not the same."""
    if old == new:
        return False
    if isinstance(old, dict) and isinstance(new, dict):
        if old.keys() != new.keys():
            return True
        known = tree or {}
        return any(
            value != new[name] and _differs(value, new[name], known.get(name, known.get("*")))
            for name, value in old.items()
        )
    if isinstance(old, list) and isinstance(new, list):
        return len(old) != len(new) or any(
            one != other and _differs(one, other, tree) for one, other in zip(old, new, strict=True)
        )
    # At a leaf, an empty tree marks a quantity.
    if tree is None or tree or old is None or new is None:
        return True
    return quantities.parse(old) != quantities.parse(new)
