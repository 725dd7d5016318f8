"""Kubernetes objects in, cluster facts out. Pure.

Manifests are plain JSON as the API server lists them: `v1`, `autoscaling/v2`, `autoscaling.k8s.io/v1`. Upper bounds and
what a node can hold are rounded down to whole units, everything else up, so that no rounded value breaks its bound. A
quantity that cannot be read, and one of 2^63-1 or more, bounds nothing.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from kubedoor import quantities
from kubedoor.errors import QuantityError
from kubedoor.model.cluster_facts import FactKind, HpaTarget, LimitRange, Quota, WorkloadName
from kubedoor.model.values import Amount

Manifest = Mapping[str, Any]
Percents = Iterable[tuple[str, int]]
"""(resource, percent of the request)"""

FIELD_OF: Mapping[FactKind, str] = {
    FactKind.NODES: "largest_node",
    FactKind.LIMIT_RANGES: "limit_ranges",
    FactKind.QUOTAS: "quotas",
    FactKind.HPAS: "hpas",
    FactKind.VPAS: "vpas",
}
"""The field of ClusterFacts that has the facts of each kind."""
DEPLOYMENT = "Deployment"
DEFAULT_HPA_CPU_PERCENT = 80
"""Of an HPA without metrics: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/horizontal-pod-autoscaler-v2/"""
DEFAULT_VPA_MODE = "Auto"
"""VPA 1.5 and newer write `Recreate` into the object instead; both replace pods."""
_POD_SCOPES = frozenset({"NotTerminating", "NotBestEffort"})
"""Scopes that every pod of a Deployment with requests is in. https://kubernetes.io/docs/concepts/policy/resource-quotas/"""
_LIMITED_KINDS = ("Container", "Pod")


def amount(found: Mapping[str, Any] | None, *, is_upper_bound: bool) -> Amount:
    """The quantities of `cpu` and `memory` among `found`."""
    found = found or {}
    return Amount(
        cpu_millicores=_whole(found.get("cpu"), 1000, is_upper_bound=is_upper_bound),
        memory_bytes=_whole(found.get("memory"), 1, is_upper_bound=is_upper_bound),
    )


def _whole(quantity: Any, units: int, *, is_upper_bound: bool) -> int | None:
    if quantity is None:
        return None
    try:
        parsed = quantities.parse(quantity)
    except QuantityError:
        return None
    if parsed >= quantities.LARGEST:
        return None
    value = parsed * units
    return math.floor(value) if is_upper_bound else math.ceil(value)


def _ratio(quantity: Any) -> float | None:
    try:
        return None if quantity is None else float(quantities.parse(quantity))
    except QuantityError:
        return None


def largest_node(nodes: Iterable[Manifest]) -> Amount:
    """The largest allocatable CPU and memory, each for itself, of the nodes that are not cordoned. Taints are not read."""
    amounts = [
        amount(node.get("status", {}).get("allocatable"), is_upper_bound=True)
        for node in nodes
        if not node.get("spec", {}).get("unschedulable")
    ]
    return Amount(
        cpu_millicores=max((one.cpu_millicores for one in amounts if one.cpu_millicores), default=None),
        memory_bytes=max((one.memory_bytes for one in amounts if one.memory_bytes), default=None),
    )


def limit_ranges(manifests: Iterable[Manifest]) -> dict[str, tuple[LimitRange, ...]]:
    """By namespace; the items of type Container and Pod that say anything of CPU or memory."""
    found: defaultdict[str, list[LimitRange]] = defaultdict(list)
    for manifest in manifests:
        metadata = manifest["metadata"]
        for item in manifest["spec"].get("limits") or ():
            if one := limit_range(metadata["name"], item):
                found[metadata["namespace"]].append(one)
    return {namespace: tuple(ranges) for namespace, ranges in found.items()}


def limit_range(name: str, item: Manifest) -> LimitRange | None:
    """One item of `spec.limits` of the LimitRange `name`. None: it says nothing of the CPU and memory of containers."""
    kind, ratios = item["type"], item.get("maxLimitRequestRatio") or {}
    if kind not in _LIMITED_KINDS:
        return None
    one = LimitRange(
        name=name,
        kind=kind,
        min=amount(item.get("min"), is_upper_bound=False),
        max=amount(item.get("max"), is_upper_bound=True),
        default_limit=amount(item.get("default"), is_upper_bound=True),
        max_cpu_ratio=_ratio(ratios.get("cpu")),
        max_memory_ratio=_ratio(ratios.get("memory")),
    )
    return one if one != LimitRange(name, kind) else None


def quotas(manifests: Iterable[Manifest]) -> dict[str, tuple[Quota, ...]]:
    """By namespace; the quotas that bound the CPU or memory requests of the pods of Deployments.

    Quotas with a scope that such pods need not be in are left out: Terminating, BestEffort, PriorityClass and others.
    """
    found: defaultdict[str, list[Quota]] = defaultdict(list)
    for manifest in manifests:
        metadata = manifest["metadata"]
        if _scopes(manifest.get("spec") or {}) <= _POD_SCOPES and (
            one := quota(metadata["name"], manifest.get("status") or {})
        ):
            found[metadata["namespace"]].append(one)
    return {namespace: tuple(items) for namespace, items in found.items()}


def _scopes(spec: Manifest) -> set[str]:
    selector = spec.get("scopeSelector") or {}
    return {*(spec.get("scopes") or ()), *(one["scopeName"] for one in selector.get("matchExpressions") or ())}


def quota(name: str, status: Manifest) -> Quota | None:
    """The ResourceQuota `name` with this `hard` and `used`. None: it bounds neither CPU nor memory requests."""
    hard = _of_requests(status.get("hard") or {}, is_upper_bound=True)
    used = _of_requests(status.get("used") or {}, is_upper_bound=False)
    return Quota(name, hard, used) if hard != Amount() else None


def _of_requests(found: Mapping[str, Any], *, is_upper_bound: bool) -> Amount:
    """`requests.cpu` and its synonym `cpu`, and the same of memory. Of both at once the tighter one counts."""
    prefixed = {name.removeprefix("requests."): value for name, value in found.items() if name.startswith("requests.")}
    both = [amount(one, is_upper_bound=is_upper_bound) for one in (found, prefixed)]
    tighter: Callable[[list[int]], int] = min if is_upper_bound else max
    cpu = [one.cpu_millicores for one in both if one.cpu_millicores is not None]
    memory = [one.memory_bytes for one in both if one.memory_bytes is not None]
    return Amount(tighter(cpu) if cpu else None, tighter(memory) if memory else None)


def hpas(manifests: Iterable[Manifest]) -> dict[WorkloadName, HpaTarget]:
    """The targets of every HPA that scales a Deployment; of several HPAs of one Deployment, those of all."""
    percents: defaultdict[WorkloadName, list[tuple[str, int]]] = defaultdict(list)
    for manifest in manifests:
        spec = manifest["spec"]
        if spec["scaleTargetRef"]["kind"] == DEPLOYMENT:
            percents[manifest["metadata"]["namespace"], spec["scaleTargetRef"]["name"]] += _percents(spec)
    return {name: hpa_target(found) for name, found in percents.items()}


def _percents(spec: Manifest) -> list[tuple[str, int]]:
    if not spec.get("metrics"):
        return [("cpu", DEFAULT_HPA_CPU_PERCENT)]
    sources = [metric.get("resource") or metric.get("containerResource") for metric in spec["metrics"]]
    return [
        (source["name"], source["target"]["averageUtilization"])
        for source in sources
        if source and source["target"].get("averageUtilization")
    ]


def hpa_target(percents: Percents, *, is_known: bool = True) -> HpaTarget:
    """Of several percentages of one resource (of several containers, say) the smallest, which scales out first."""
    found = list(percents)
    return HpaTarget(
        cpu_percent=min((percent for resource, percent in found if resource == "cpu"), default=None),
        memory_percent=min((percent for resource, percent in found if resource == "memory"), default=None),
        is_known=is_known,
    )


def vpas(manifests: Iterable[Manifest]) -> dict[WorkloadName, str]:
    """The update mode of every VPA that acts on a Deployment (any but Off). Two of one Deployment: the first listed."""
    found: dict[WorkloadName, str] = {}
    for manifest in manifests:
        spec = manifest.get("spec") or {}
        target = spec.get("targetRef") or {}
        mode = (spec.get("updatePolicy") or {}).get("updateMode") or DEFAULT_VPA_MODE
        if target.get("kind") == DEPLOYMENT and target.get("name") and mode != "Off":
            found.setdefault((manifest["metadata"]["namespace"], target["name"]), mode)
    return found
