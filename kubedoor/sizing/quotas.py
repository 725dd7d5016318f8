"""Conditions across the workloads of one namespace: ResourceQuotas. Pure.

A quota counts requests of all pods. What is lowered makes room, what is raised takes it; where the new sum would exceed the
quota, raising is withheld for every workload of the namespace that would be raised.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from kubedoor.model.cluster_facts import ClusterFacts, Quota
from kubedoor.model.collected import CollectedContainer, CollectedValues
from kubedoor.model.conditions import REPLICAS, Condition, ConditionType, Withheld
from kubedoor.sizing.assessment import REQUEST_OF, written

_REPLICAS_OF = ""
"""Instead of a container."""
Requested = Mapping[str, Mapping[str, int]]
"""Container of today's pods -> field -> what it asks for now; the empty container has the replicas."""
Asked = Mapping[tuple[str, str], Requested]
"""(namespace, deployment) -> what it requests now."""


def with_quotas(values: Iterable[CollectedValues], asked: Asked, facts: ClusterFacts) -> list[CollectedValues]:
    """`values` with the condition ResourceQuota where the new sum of requests would exceed a quota."""
    found = list(values)
    places: dict[str, list[int]] = {}
    for place, one in enumerate(found):
        places.setdefault(one.namespace, []).append(place)
    for namespace, own in places.items():
        for quota in facts.quotas.get(namespace, ()):
            for resource in REQUEST_OF:
                if condition := _exceeded(quota, resource, [found[place] for place in own], asked):
                    for place in own:
                        found[place] = _with(found[place], condition, resource, asked)
    return found


def _bounds(quota: Quota, resource: str) -> tuple[int | None, int]:
    if resource == "cpu":
        return quota.hard_requests.cpu_millicores, quota.used_requests.cpu_millicores or 0
    return quota.hard_requests.memory_bytes, quota.used_requests.memory_bytes or 0


def _exceeded(quota: Quota, resource: str, values: Sequence[CollectedValues], asked: Asked) -> Condition | None:
    hard, used = _bounds(quota, resource)
    if hard is None:
        return None
    name = REQUEST_OF[resource]
    change = sum(_total(one, name, asked) - _total_now(one, name, asked) for one in values)
    if change <= 0 or used + change <= hard:
        return None
    return Condition(
        ConditionType.RESOURCE_QUOTA,
        "WouldExceed",
        f"The namespace would ask for {written(name, used + change)} of {resource}, and the ResourceQuota {quota.name}"
        f" allows {written(name, hard)}: nothing is raised.",
        {
            "quota": quota.name,
            "resource": resource,
            "needed": written(name, used + change),
            "allowed": written(name, hard),
        },
    )


def _is_withheld(one: CollectedValues, container: str, name: str) -> bool:
    return any(Withheld(container, name) in condition.withholds for condition in one.conditions)


def _now(one: CollectedValues, asked: Asked) -> Requested:
    return asked.get((one.namespace, one.deployment), {})


def _pods_now(one: CollectedValues, asked: Asked) -> int:
    return _now(one, asked).get(_REPLICAS_OF, {}).get(REPLICAS, one.replicas)


def _pods(one: CollectedValues, asked: Asked) -> int:
    """Where the replicas are an HPA's, or withheld, they stay."""
    return _pods_now(one, asked) if one.hpa or _is_withheld(one, _REPLICAS_OF, REPLICAS) else one.replicas


def _request(one: CollectedValues, container: CollectedContainer, name: str, asked: Asked) -> int:
    """Of a field that is withheld there is no new value. A container that pods have no more asks for nothing."""
    now = _now(one, asked)
    if container.container not in now:
        return 0
    if _is_withheld(one, container.container, name):
        return now[container.container].get(name, 0)
    return getattr(container.values, name) or 0


def _total(one: CollectedValues, name: str, asked: Asked) -> int:
    """Over all pods of the workload."""
    return _pods(one, asked) * sum(_request(one, container, name, asked) for container in one.containers)


def _total_now(one: CollectedValues, name: str, asked: Asked) -> int:
    requests = (fields.get(name, 0) for container, fields in _now(one, asked).items() if container != _REPLICAS_OF)
    return _pods_now(one, asked) * sum(requests)


def _with(one: CollectedValues, condition: Condition, resource: str, asked: Asked) -> CollectedValues:
    """The condition, where a request or the replicas of this workload would be raised."""
    name, now = REQUEST_OF[resource], _now(one, asked)
    raised = [
        Withheld(container.container, name)
        for container in one.containers
        if _request(one, container, name, asked) > now.get(container.container, {}).get(name, 0)
    ]
    if _pods(one, asked) > _pods_now(one, asked) and _total(one, name, asked):
        raised.append(Withheld(_REPLICAS_OF, REPLICAS))
    if not raised:
        return one
    return replace(one, conditions=(*one.conditions, replace(condition, withholds=tuple(raised))))
